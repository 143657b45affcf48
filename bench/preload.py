"""Measures the cost of `larder run` for programs that compile no model, started repeatedly in
turns.

A row is the median time, over all rounds, from starting a program to its end, in milliseconds; in
brackets the difference from the first way, as the median of the differences within the rounds.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import sys
import time

PROGRAMS = {
    "true": ["/bin/true"],
    "sh -c :": ["/bin/sh", "-c", ":"],
    "python -S -c pass": [sys.executable, "-S", "-c", "pass"],
}


def mean_ms(command: list[str], environment: dict[str, str], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        os.waitpid(os.posix_spawn(command[0], command, environment), 0)
    return (time.perf_counter() - start) / count * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--count", type=int, default=200, help="starts in a row, in each round")
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--preload", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    plain = dict(os.environ)
    preload = {**plain, "LD_PRELOAD": str(arguments.preload)}
    huge_pages = {**preload, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    ways = {"plain": plain, "preload": preload, "preload, huge pages": huge_pages}
    run = [str(arguments.program), "run", "--"]
    for name, command in PROGRAMS.items():
        times = {way: [] for way in [*ways, "larder run"]}
        for _ in range(arguments.rounds):
            for way, environment in ways.items():
                times[way].append(mean_ms(command, environment, arguments.count))
            times["larder run"].append(mean_ms(run + command, plain, 3))
        for way, values in times.items():
            added = [value - first for value, first in zip(values, times["plain"])]
            print(f"{name:18} {way:20} {statistics.median(values):8.3f}"
                  f" ({statistics.median(added):+.3f})", flush=True)


if __name__ == "__main__":
    main()
