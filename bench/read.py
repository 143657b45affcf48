"""Reads one cold file in every way, in turns, and prints medians side by side.

The file is random and created for this purpose; only this file is dropped from the page cache, so
nothing else on the machine becomes cold. `fio` is the bound: the speed of the disk with the best of
a few settings.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

CHECKED = [
    "larder",
    *(f"{way} threads={n} kib=4096 check" for way in ("shared", "stripes") for n in (1, 2, 4, 8)),
    *(f"stripes threads=4 kib={kib} check" for kib in (128, 1024, 16384)),
    *(f"{way} threads={n} kib=4096 check" for way in ("populate", "faults") for n in (2, 4)),
]
PLAIN = [
    *(f"{way} threads=4 kib=4096" for way in ("shared", "own", "stripes", "populate")),
    *(f"stripes threads={n} kib={kib}" for n in (1, 2, 8) for kib in (128, 1024, 4096)),
    "walk",
    "willneed",
    "ahead",
]
WARM = ["larder warm", "stripes threads=2 kib=128 check warm", "faults threads=2 check warm"]
# Engine, direct, block, depth, jobs.
FIO = [
    ("io_uring", 1, "1m", 4, 1),
    ("io_uring", 1, "4m", 8, 1),
    ("io_uring", 1, "128k", 64, 1),
    ("io_uring", 0, "1m", 16, 1),
    ("psync", 0, "128k", 1, 4),
    ("psync", 0, "4m", 1, 4),
]


def drop(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def run_fio(
    path: pathlib.Path, engine: str, direct: int, block: str, depth: int, jobs: int
) -> dict:
    drop(path)
    part = path.stat().st_size // jobs
    command = [
        "fio", "--name=read", f"--filename={path}", "--rw=read", "--readonly", "--thread",
        f"--ioengine={engine}", f"--direct={direct}", f"--bs={block}", f"--iodepth={depth}",
        f"--numjobs={jobs}", f"--size={part}", f"--offset_increment={part}", "--group_reporting",
        "--output-format=json",
    ]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    job = json.loads(text[text.index("{") :])["jobs"][0]
    seconds = job["read"]["io_bytes"] / job["read"]["bw_bytes"]
    return {"seconds": seconds, "cpu_seconds": (job["usr_cpu"] + job["sys_cpu"]) / 100 * seconds}


def compare(program: pathlib.Path, path: pathlib.Path, rounds: int, quick: bool) -> list[dict]:
    checked, plain = (CHECKED[:6], PLAIN[:1] + PLAIN[-3:]) if quick else (CHECKED, PLAIN)
    samples: dict[str, list[dict]] = {}
    for _ in range(rounds):
        for fio in FIO:
            name = "fio {} direct={} bs={} depth={} jobs={}".format(*fio)
            samples.setdefault(name, []).append(run_fio(path, *fio))
        for way in [*checked, *plain, *WARM]:
            result = subprocess.run(
                [program, path, *way.split()], check=True, stdout=subprocess.PIPE, text=True
            )
            samples.setdefault(way, []).append(json.loads(result.stdout))
    rows = []
    for way, runs in samples.items():
        row = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        row["best_seconds"] = min(run["seconds"] for run in runs)
        rows.append({"case": "read", "way": way, **row})
    return rows


def print_rows(rows: list[dict], size_bytes: int, rounds: int) -> None:
    print(f"\nOne file of {size_bytes / 1e9:.1f} GB, cold (medians of {rounds} rounds)")
    print(f"  {'':45}{'GB/s':>7}{'best':>7}{'CPU s':>7}{'faults':>8}{'then walked':>13}")
    for row in rows:
        print(
            f"  {row['way']:45}{size_bytes / row['seconds'] / 1e9:>7.2f}"
            f"{size_bytes / row['best_seconds'] / 1e9:>7.2f}{row['cpu_seconds']:>7.2f}"
            f"{row.get('faults', 0):>8.0f}{row.get('walk_seconds', 0) * 1e3:>10.0f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--directory", type=pathlib.Path, required=True, help="on the disk")
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="the ways that matter most")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there too")
    arguments = parser.parse_args()
    with tempfile.NamedTemporaryFile(prefix="larder-read-", dir=arguments.directory) as file:
        for _ in range(round(arguments.gigabytes * 256)):
            file.write(os.urandom(4_000_000))
        file.flush()
        os.fsync(file.fileno())
        path = pathlib.Path(file.name)
        rows = compare(arguments.program, path, arguments.rounds, arguments.quick)
        print_rows(rows, path.stat().st_size, arguments.rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
