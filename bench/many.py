"""Measures a larder of many entries: a lookup, and each verb that reads all of them.

Prints medians; the page cache holds all of the larder.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import subprocess
import time

VERBS = ("ls", "ls -q", "ls --json", "stats", "prune --dry-run", "prune --stale --dry-run")


def seconds(command: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fill", required=True, help="the program that fills a larder")
    parser.add_argument("--larder", required=True, help="the program")
    parser.add_argument("--directory", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()

    larders = {n: options.directory / f"larder-{n}" for n in (10, options.entries)}
    lookups: dict[int, list[float]] = {n: [] for n in larders}
    for _ in range(options.rounds):
        for count, path in larders.items():
            path.mkdir(parents=True, exist_ok=True)
            printed = subprocess.run([options.fill, path, str(count)], check=True,
                                     capture_output=True, text=True).stdout
            lookups[count].append(json.loads(printed)["lookup_us"])
    for count, figures in lookups.items():
        print(f"a lookup among {count} entries: {statistics.median(figures):.0f} us")
    for verb in VERBS:
        command = [options.larder, *verb.split(), "--dir", larders[options.entries]]
        figures = [seconds(command) for _ in range(options.rounds)]
        print(f"larder {verb}, {options.entries} entries: {statistics.median(figures):.2f} s")


if __name__ == "__main__":
    main()
