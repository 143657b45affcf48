"""Measures the size of eight shapes of one model in a larder, and the time of their loads.

Each shape is an IR of its own over the same weights. The contenders alternate within each round:
OpenVINO's own CACHE_DIR, a larder that holds all eight, and a larder that holds only that shape,
stored whole.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import tempfile

import openvino as ov

from driver import ROOT, WAYS, bytes_on_disk, load_together

SHAPES = {
    "resnet50": [[1, 3, 224, 224], [2, 3, 224, 224], [4, 3, 224, 224], [8, 3, 224, 224],
                 [1, 3, 192, 192], [1, 3, 256, 256], [1, 3, 320, 256], [1, 3, 384, 384]],
    "llama-0.1b": [[1, n] for n in range(32, 257, 32)],
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
            load(program, "larder-path", path, work / f"alone-{number}")
            kept.append((bytes_on_disk(own), bytes_on_disk(shared / "larder")))
        print(f"{name}: {len(models)} shapes take {kept[-1][1] / kept[0][1]:.3f} x the first one "
              f"in a larder, {kept[-1][0] / kept[0][0]:.2f} x in CACHE_DIR", flush=True)
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
    os.environ["LARDER_WEIGHTS"] = "keep"  # else nothing is compressed, or a variant
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="load_once")
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    for name in SHAPES:
        if arguments.only in name:
            model = arguments.models / name / f"{name}.xml"
            bench(arguments.program, name, model, arguments.rounds)


if __name__ == "__main__":
    main()
