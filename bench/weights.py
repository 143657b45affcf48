"""Measures the size of an entry that refers to the model's files, and its cost.

The contenders alternate within each round: OpenVINO's own CACHE_DIR, a larder that refers to the
model's weights, and a larder that stores them. A first start begins with an empty larder; the page
cache holds the model, and for later starts also the entry.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import shutil
import statistics
import tempfile

from driver import WAYS, build_model, bytes_on_disk, load_together

LARDER = WAYS["larder-path"]
CONTENDERS = {
    "CACHE_DIR": WAYS["openvino-path"],
    "refer": dataclasses.replace(LARDER, environment={"LARDER_WEIGHTS": "refer"}),
    "keep": dataclasses.replace(LARDER, environment={"LARDER_WEIGHTS": "keep"}),
}
SMALL = ["small-1mb", "resnet50", "whisper-like", "llama-0.1b", "llama-0.1b-int8",
         "llama-0.1b-int4"]
LARGE = ["bert", "llama-1b", "sd-unet"]


def bytes_of_model(model: pathlib.Path) -> int:
    return sum(file.stat().st_size for file in model.parent.iterdir()
               if file.suffix in (".xml", ".bin", ".onnx", ".data"))


def load(program: pathlib.Path, name: str, model: pathlib.Path, cache: pathlib.Path) -> dict:
    cache.mkdir(exist_ok=True)
    row = load_together(program, CONTENDERS[name], model, cache, 1)[0]
    row["cpu_ms"] = row["user_ms"] + row["system_ms"]
    return row


def bench(program: pathlib.Path, model: pathlib.Path, work: pathlib.Path, rounds: int) -> None:
    kept: dict[str, int] = {}
    starts: dict[tuple[str, str], list[dict]] = {}
    load(program, "refer", model, work / "warm")
    for number in range(rounds):
        for name in CONTENDERS:
            cache = work / f"{name}-{number}"
            for start in ("first", "later"):
                row = load(program, name, model, cache)
                starts.setdefault((name, start), []).append(row)
                if name != "CACHE_DIR" and (row["outcome"] == "loaded") != (start == "later"):
                    raise SystemExit(f"{model}: the {start} start was {row['outcome']}")
            kept[name] = bytes_on_disk(cache if name == "CACHE_DIR" else cache / "larder")
            shutil.rmtree(cache)
    size = bytes_of_model(model)
    print(f"\n{model.stem}, {size / 1e6:.1f} MB: kept {kept['refer'] / 1e6:.2f} MB "
          f"({kept['refer'] / size:.4f} of the model), whole {kept['keep'] / 1e6:.1f} MB, "
          f"CACHE_DIR {kept['CACHE_DIR'] / 1e6:.1f} MB (medians of {rounds} rounds)")
    print("| start | contender | ready, ms | first answer, ms | to keep's | to CACHE_DIR's | "
          "processor, ms | peak, MB | to keep's |")
    print("| --- " * 9 + "|")
    for start in ("first", "later"):
        for name in CONTENDERS:
            rows = starts[name, start]

            def median(what: str, rows=rows) -> float:
                return statistics.median(row[what] for row in rows)

            def ratio(other: str, what: str, rows=rows, start=start) -> float:
                return statistics.median(mine[what] / theirs[what]
                                         for mine, theirs in zip(rows, starts[other, start]))

            answer = "first_inference_ms"  # as ready_ms, from the beginning of the request
            print(f"| {start} | {name} | {median('ready_ms'):.0f} | {median(answer):.0f} | "
                  f"{ratio('keep', answer):.2f} | {ratio('CACHE_DIR', answer):.2f} | "
                  f"{median('cpu_ms'):.0f} | {median('peak_rss_bytes') / 1e6:.0f} | "
                  f"{ratio('keep', 'peak_rss_bytes'):.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="load_once")
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="none of more than 200 MB")
    parser.add_argument("--only", default="", metavar="TEXT", help="models with TEXT in their name")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for name in SMALL + ([] if arguments.quick else LARGE):
        if arguments.only not in name:
            continue
        model = build_model(name, arguments.models)
        with tempfile.TemporaryDirectory(dir=arguments.models.parent) as work:
            bench(arguments.program, model, pathlib.Path(work), arguments.rounds)


if __name__ == "__main__":
    main()
