"""Measures the size of eight shapes of one model in a larder, and the time of their loads.

Each shape is an IR of its own over the same weights. The contenders alternate within each round:
OpenVINO's own CACHE_DIR, a larder that holds all eight, and one that holds that shape alone. Also
printed, with --rounds 0 as well: the size of one model compiled by several releases of OpenVINO,
and of a model with two that were tuned from it, in which an eighth of the weights has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import openvino as ov

from driver import ROOT, WAYS, bytes_on_disk, load_together

SHAPES = {
    "resnet50": [[1, 3, 224, 224], [2, 3, 224, 224], [4, 3, 224, 224], [8, 3, 224, 224],
                 [1, 3, 192, 192], [1, 3, 256, 256], [1, 3, 320, 256], [1, 3, 384, 384]],
    "llama-0.1b": [[1, n] for n in range(32, 257, 32)],
    # Its f16 weights are unpacked to f32. Positions and masks of odd lengths move later bytes.
    "llama-0.1b-folded": [[1, n] for n in (32, 64, 77, 100, 128, 129, 200, 256)],
}


def write_shapes(model: pathlib.Path, shapes: list[list[int]], work: pathlib.Path) -> list:
    """The reshaped IRs; those whose weights are the same share one file."""
    paths = []
    core = ov.Core()
    for number, shape in enumerate(shapes):
        path = work / f"shape-{number}.xml"
        reshaped = core.read_model(model)
        reshaped.reshape({port: shape for port in reshaped.inputs})
        ov.save_model(reshaped, path, compress_to_fp16=False)
        weights = path.with_suffix(".bin")
        if paths and weights.read_bytes() == paths[0].with_suffix(".bin").read_bytes():
            weights.unlink()
            weights.hardlink_to(paths[0].with_suffix(".bin"))
        paths.append(path)
    return paths


def write_tuned(model: pathlib.Path, work: pathlib.Path) -> list:
    """The model, and two like it in which the last bit of each f16 of an eighth is another."""
    paths = []
    for number in range(3):
        path = work / f"tuned-{number}" / model.name
        path.parent.mkdir()
        path.write_bytes(model.read_bytes())
        weights = bytearray(model.with_suffix(".bin").read_bytes())
        if number:
            begin = len(weights) * (number + 4) // 8 & ~1
            end = begin + len(weights) // 8
            weights[begin:end:2] = bytes(byte ^ 1 for byte in weights[begin:end:2])
        path.with_suffix(".bin").write_bytes(weights)
        paths.append(path)
    return paths


def bench_tuned(program: pathlib.Path, name: str, model: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        work = pathlib.Path(folder)
        kept = []
        for path in write_tuned(model, work):
            load(program, "larder-path", path, work / "shared")
            kept.append(bytes_on_disk(work / "shared" / "larder"))
        print(f"{name}: it and two tuned from it take {kept[-1] / kept[0]:.3f} x the first one",
              flush=True)


COMPILE = "import openvino, sys; openvino.Core().compile_model(sys.argv[1], 'CPU')"


def bench_releases(program: pathlib.Path, name: str, model: pathlib.Path) -> None:
    """The releases that scripts/adapters built, and the one that larder is built with."""
    larder = program.parents[1] / "bin" / "larder"
    pythons = {python.parents[1].name: python
               for python in sorted(ROOT.glob("build/openvino/*/bin/python"))}
    pythons["built with"] = pathlib.Path(sys.executable)
    kept = {}
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        work = pathlib.Path(folder)
        environment = os.environ | {"LARDER_STATE_DIR": str(work / "state")}
        for release, python in pythons.items():
            done = subprocess.run([larder, "run", "--dir", work / "larder", "--", python, "-c",
                                   COMPILE, model], env=environment, timeout=600,
                                  capture_output=True, text=True)
            if done.returncode == 0:
                kept[release] = bytes_on_disk(work / "larder")
            elif release == "built with" or "Opset" not in done.stderr:
                raise SystemExit(f"{model} with {release}: {done.stderr}")
            # Else the model has operations that this release does not know.
        listed = subprocess.run([larder, "ls", "--json", "--dir", work / "larder"],
                                env=environment, check=True, capture_output=True, text=True)
    if len(json.loads(listed.stdout)["entries"]) != len(kept):
        raise SystemExit(f"{model}: not every release stored an entry")
    size = sum(file.stat().st_size for file in model.parent.iterdir())
    sizes = list(kept.values())
    print(f"{name}, {size / 1e6:.1f} MB, by {', '.join(kept)}: "
          f"{' '.join(f'{one / 1e6:.2f}' for one in sizes)} MB in a larder, "
          f"{sizes[-1] / sizes[0]:.3f} x the first one, {sizes[-1] / size:.4f} of the model",
          flush=True)


def load(program, way: str, model: pathlib.Path, cache: pathlib.Path) -> dict:
    cache.mkdir(exist_ok=True)
    return load_together(program, WAYS[way], model, cache, 1)[0]


def bench(program: pathlib.Path, name: str, model: pathlib.Path, rounds: int) -> None:
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        work = pathlib.Path(folder)
        shapes = SHAPES[name]
        models = write_shapes(model, shapes, work)
        own, shared = work / "openvino", work / "shared"
        kept = []
        for number, path in enumerate(models):
            load(program, "openvino-path", path, own)
            load(program, "larder-path", path, shared)
            if rounds:
                load(program, "larder-path", path, work / f"alone-{number}")
            kept.append((bytes_on_disk(own), bytes_on_disk(shared / "larder")))
        print(f"{name}: {len(models)} shapes take {kept[-1][1] / 1e6:.2f} MB in a larder, "
              f"{kept[-1][1] / kept[0][1]:.3f} x the first one, and {kept[-1][0] / 1e6:.1f} MB in "
              f"CACHE_DIR, {kept[-1][0] / kept[0][0]:.2f} x", flush=True)
        if rounds == 0:
            return
        print("| shape | kept, bytes | CACHE_DIR, ms | larder, ms | ratio | kept whole, ms | "
              "ready, MB | ratio to CACHE_DIR |")
        print("| --- " * 8 + "|")
        before = 0
        for number, path in enumerate(models):
            rows: dict[str, list[dict]] = {"openvino": [], "variant": [], "whole": []}
            for _ in range(rounds):
                rows["openvino"].append(load(program, "openvino-path", path, own))
                rows["variant"].append(load(program, "larder-path", path, shared))
                rows["whole"].append(load(program, "larder-path", path, work / f"alone-{number}"))
            if any(row["outcome"] != "loaded" for row in rows["variant"]):
                raise SystemExit(f"{path} was not loaded")

            def median(way: str, what: str) -> float:
                return statistics.median(row[what] for row in rows[way])

            def ratio(what: str) -> float:
                return statistics.median(
                    mine[what] / theirs[what]
                    for mine, theirs in zip(rows["variant"], rows["openvino"])
                )

            print(f"| {shapes[number]} | {kept[number][1] - before:,} | "
                  f"{median('openvino', 'ready_ms'):.0f} | {median('variant', 'ready_ms'):.0f} | "
                  f"{ratio('ready_ms'):.2f} | {median('whole', 'ready_ms'):.0f} | "
                  f"{median('variant', 'ready_rss_bytes') / 1e6:.0f} | "
                  f"{ratio('ready_rss_bytes'):.2f} |", flush=True)
            before = kept[number][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="load_once")
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--weights", default="auto", help="LARDER_WEIGHTS")
    arguments = parser.parse_args()
    os.environ["LARDER_WEIGHTS"] = arguments.weights
    for name in SHAPES:
        if arguments.only in name:
            model = arguments.models / name / f"{name}.xml"
            bench(arguments.program, name, model, arguments.rounds)
            bench_releases(arguments.program, name, model)
            if name.endswith("-folded"):
                bench_tuned(arguments.program, name, model)


if __name__ == "__main__":
    main()
