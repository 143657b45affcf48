"""Loads several models in a row, with a cold page cache, in three ways in turns.

Before each run only the files of models and caches are dropped from the page cache. With
`--unverified` larder also forgets which objects it has verified, as after a boot.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import tempfile

from driver import build_model

WAYS = {
    "openvino": "CACHE_DIR",
    "larder-alone": "larder, a handle each",
    "larder": "larder, one handle",
}
SECONDS_MAX = 600


def drop(directory: pathlib.Path) -> None:
    for file in directory.rglob("*"):
        if not file.is_file():
            continue
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def forget_verified(cache: pathlib.Path) -> None:
    with sqlite3.connect(cache / "state" / "state-1.db") as database:
        database.execute("DELETE FROM verified")
    database.close()


def run(program: pathlib.Path, way: str, cache: pathlib.Path, models) -> list[float]:
    result = subprocess.run(
        [program, way, cache, *models],
        check=True, stdout=subprocess.PIPE, text=True, timeout=SECONDS_MAX,
    )
    return json.loads(result.stdout)["ready_ms"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--unverified", action="store_true")
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True, help="kept between runs")
    parser.add_argument("--names", nargs="+", default=["bert", "sd-unet", "whisper-like"])
    arguments = parser.parse_args()
    models = [build_model(name, arguments.models) for name in arguments.names]

    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=arguments.models.parent) as work:
        caches = {way: pathlib.Path(work) / way for way in WAYS}
        for way, cache in caches.items():  # compiles, and learns the order
            cache.mkdir()
            for _ in range(2):
                run(arguments.program, way, cache, models)
        samples: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        for _ in range(arguments.rounds):
            for way, cache in caches.items():
                if arguments.unverified and way != "openvino":
                    forget_verified(cache)
                drop(cache)
                for model in models:
                    drop(model.parent)
                samples[way].append(run(arguments.program, way, cache, models))

    proofs = "not verified in this boot" if arguments.unverified else "verified in this boot"
    print(f"\n{', '.join(arguments.names)} in a row (cold page cache, {proofs}, "
          f"medians of {arguments.rounds} rounds)")
    print(f"  {'':22}{'ready one after the other':>32}{'ratio':>7}")
    for way, title in WAYS.items():
        times = [statistics.median(column) for column in zip(*samples[way])]
        ratio = statistics.median(s[-1] / b[-1] for s, b in zip(samples[way], samples["openvino"]))
        print(f"  {title:22}{' '.join(f'{t:.0f}' for t in times):>29} ms{ratio:>7.2f}")


if __name__ == "__main__":
    main()
