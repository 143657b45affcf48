"""Measures the size of compressed blobs, and the time of their loads.

Two larders hold the same blob, one of them compressed. The contenders alternate within each round:
OpenVINO's own CACHE_DIR, the uncompressed blob, and the compressed blob, each in a fresh process.
The page cache holds all of them, and every object is already verified, as it is from the second
load on.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from driver import ROOT, WAYS, build_model, drop_page_cache, load_together

CONTENDERS = {"openvino": "openvino-path", "raw": "larder-path", "compressed": "larder-path"}


def larder(program: pathlib.Path, verb: str, *words, work: pathlib.Path) -> dict:
    command = [program, verb, "--dir", work / "larder", *words, "--json"]
    environment = os.environ | {"LARDER_STATE_DIR": str(work / "state")}
    result = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(result.stdout)


def bench(load_once: pathlib.Path, program: pathlib.Path, model: pathlib.Path, rounds: int,
          cold: bool) -> None:
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        places = {name: pathlib.Path(folder) / name for name in CONTENDERS}
        places["openvino"].mkdir()
        places["raw"].mkdir()

        def load(name: str) -> dict:
            return load_together(load_once, WAYS[CONTENDERS[name]], model, places[name], 1)[0]

        load("openvino")
        load("raw")
        shutil.copytree(places["raw"], places["compressed"])
        report = larder(
            program, "compress", "--older-than", "0", "--yes", work=places["compressed"])
        before, after = report["before_bytes"], report["after_bytes"]
        if not report["entries"]:
            print(f"{model.stem}: nothing is gained by compressing it", flush=True)
            return
        print(f"{model.stem}: {before:,} bytes become {after:,}, {after / before:.3f} of them")
        for name in CONTENDERS:
            load(name)  # proves the objects
        rows: dict[str, list[dict]] = {name: [] for name in CONTENDERS}
        for _ in range(rounds):
            for name in CONTENDERS:
                if cold:
                    drop_page_cache()
                rows[name].append(load(name))
        for name in ("raw", "compressed"):
            if any(row["outcome"] != "loaded" for row in rows[name]):
                raise SystemExit(f"{model} was not loaded")

        def ratio(name: str, to: str, what: str) -> float:
            return statistics.median(
                mine[what] / theirs[what] for mine, theirs in zip(rows[name], rows[to]))

        print("| way | ready, ms | to `CACHE_DIR` | to raw | memory when ready, MB | to raw | "
              "CPU, ms |")
        print("| --- " * 7 + "|")
        for name in CONTENDERS:
            def median(what: str, way: str = name) -> float:
                return statistics.median(row[what] for row in rows[way])

            print(f"| {name} | {median('ready_ms'):.0f} | "
                  f"{ratio(name, 'openvino', 'ready_ms'):.2f} | "
                  f"{ratio(name, 'raw', 'ready_ms'):.2f} | "
                  f"{median('ready_rss_bytes') / 1e6:.0f} | "
                  f"{ratio(name, 'raw', 'ready_rss_bytes'):.2f} | "
                  f"{median('user_ms') + median('system_ms'):.0f} |", flush=True)


def main() -> None:
    os.environ["LARDER_WEIGHTS"] = "keep"  # else nothing is compressed
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load-once", type=pathlib.Path, required=True)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="larder")
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="TEXT", help="models with TEXT in the name")
    parser.add_argument("--cold", action="store_true", help="drop the page cache before each load")
    arguments = parser.parse_args()
    for name in ("resnet50", "llama-0.1b", "llama-0.1b-folded"):
        if arguments.only in name:
            model = build_model(name, arguments.models)
            bench(arguments.load_once, arguments.program, model, arguments.rounds, arguments.cold)


if __name__ == "__main__":
    main()
