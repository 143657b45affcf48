"""Measures a first start: without a cache, filling OpenVINO's own CACHE_DIR, and filling a larder.

Each start is a new process with an empty cache, the model in the page cache; the contenders
alternate within each round, each time in another order. A ratio is the median of
the ratios within the rounds. `processor` is all that the process used until it ended; on a machine
with other work it says more than any time.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time

from driver import WAYS, build_model, bytes_on_disk, start

MODELS = ["tiny", "small-1mb", "resnet50", "llama-0.1b", "llama-0.1b-folded"]
LARGE = ["gguf-1b-q4k"]
# OpenVINO's path API does not know GGUF.
CONTENDERS = ["none", "openvino-path", "openvino-model", "larder-path", "larder-model",
              "larder-run"]
GGUF = ["none", "openvino-model", "larder-path", "larder-model"]
FIGURES = {
    "ready_ms": "ready, ms",
    "first_inference_ms": "first answer, ms",
    "end_ms": "from the answer to the end, ms",
    "processor_ms": "processor, ms",
    "peak_rss_bytes": "peak, MB",
}


def first_start(program: pathlib.Path, name: str, model: pathlib.Path, cache: pathlib.Path) -> dict:
    cache.mkdir()
    child = start(program, WAYS[name], model, cache)
    report = {}
    for _ in range(3):
        child.stdin.write("go\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if line.startswith("{"):
            report = json.loads(line)
            answered = time.monotonic()
    child.stdin.close()
    _, status, usage = os.wait4(child.pid, 0)
    report["end_ms"] = (time.monotonic() - answered) * 1e3
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{name} of {model} ended with {child.returncode}")
    report["processor_ms"] = (usage.ru_utime + usage.ru_stime) * 1e3
    report["kept_bytes"] = bytes_on_disk(cache)
    return report


def check_kept(program: pathlib.Path, cache: pathlib.Path, model: pathlib.Path) -> None:
    """A first start that left nothing behind is quick, and of no use."""
    run = subprocess.run(
        [program, "larder-path", model, cache], input="go\n" * 3, text=True, check=True,
        stdout=subprocess.PIPE)
    outcome = json.loads(run.stdout.splitlines()[-1])["outcome"]
    if outcome != "loaded":
        raise SystemExit(f"{model}: the second start was {outcome}")


def bench(
    program: pathlib.Path, model: pathlib.Path, work: pathlib.Path, rounds: int
) -> list[dict]:
    ways = GGUF if model.suffix == ".gguf" else CONTENDERS
    found: dict[str, list[dict]] = {way: [] for way in ways}
    for number in range(rounds):
        # A start after much memory was freed, such as the pages of removed files, is slower.
        first_start(program, "none", model, work / "warm")
        for way in random.Random(number).sample(ways, len(ways)):
            cache = work / way
            found[way].append(first_start(program, way, model, cache))
            if way in ("larder-path", "larder-run"):
                check_kept(program, cache, model)
        for cache in work.iterdir():
            shutil.rmtree(cache)
    own = "openvino-model" if model.suffix == ".gguf" else "openvino-path"
    rows = []
    for way in ways:
        row = {"model": model.stem, "way": WAYS[way].title}
        for figure in FIGURES:
            values = [each[figure] for each in found[way]]
            row[figure] = statistics.median(values)
            for other, base in (("none", "none"), ("own", own)):
                row[f"{figure}_of_{other}"] = statistics.median(
                    mine / max(theirs[figure], 1) for mine, theirs in zip(values, found[base]))
        row["kept_bytes"] = found[way][-1]["kept_bytes"]
        rows.append(row)
    return rows


def show(rows: list[dict]) -> None:
    print(f"\n{rows[0]['model']}")
    titles = (f"{title} | of no cache | of `CACHE_DIR`" for title in FIGURES.values())
    print("| | " + " | ".join(titles) + " |")
    print("| --- " * (1 + 3 * len(FIGURES)) + "|")
    for row in rows:
        cells = []
        for figure in FIGURES:
            value = row[figure] / (1e6 if figure.endswith("bytes") else 1)
            cells += [f"{value:.0f}", f"{row[figure + '_of_none']:.2f}",
                      f"{row[figure + '_of_own']:.2f}"]
        print(f"| {row['way'].strip()} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="load_once")
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="none of more than 200 MB")
    parser.add_argument("--only", default="", metavar="TEXT", help="models with TEXT in their name")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there too")
    arguments = parser.parse_args()
    rows = []
    for name in MODELS + ([] if arguments.quick else LARGE):
        if arguments.only not in name:
            continue
        model = build_model(name, arguments.models)
        with tempfile.TemporaryDirectory(dir=arguments.models.parent) as work:
            rows += bench(arguments.program, model, pathlib.Path(work), arguments.rounds)
        show([row for row in rows if row["model"] == model.stem])
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
