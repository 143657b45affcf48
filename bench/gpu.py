"""Compares OpenVINO's own CACHE_DIR and larder for models on a GPU, in turns, each in a new
process.

usage: bench/gpu.py --program load_once --models DIRECTORY [--device GPU] [--rounds N]
On a processor that looks like a GPU (scripts/setup_gpu) the ratios say something, times nothing.
A cold hit is one whose cache is on the disk alone. For cold hits of larder, a line tells how many
bytes the plugin read by itself of the blob's file, and how many of them were in memory by then.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ("layers", "pictures", "tuned", "wide")
OPENVINO, LARDER = "openvino-path", "larder-path"
STEPS = ("first", "hit", "cold")
SECONDS_MAX = 300


def prepare(folder):
    """The models of tests/gpu as files."""
    sys.path.insert(0, str(ROOT / "tests/gpu"))
    import openvino
    from models import MODELS as make

    folder.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        if not (folder / f"{name}.xml").exists():
            model, _ = make[name]()
            openvino.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)


def load(program, way, model, cache, device, environment=None):
    done = subprocess.run([program, way, model, cache, device], input="go\n" * 3, text=True,
                          stdout=subprocess.PIPE, check=True, timeout=SECONDS_MAX,
                          env={**os.environ, **(environment or {})})
    return json.loads(done.stdout.splitlines()[-1])


def reads(program, model, cache, device):
    """The bytes that a cold hit reads by read(), and those of them that were in memory."""
    drop_from_memory(cache)
    told = cache.with_name("reads")
    probe = str(program.resolve().with_name("read_probe.so"))
    load(program, LARDER, model, cache, device, {
        "LD_PRELOAD": f"{probe} {os.environ.get('LD_PRELOAD', '')}",
        "READ_PROBE_FOLDER": str(cache), "READ_PROBE_FILE": str(told)})
    lines = [[int(count) for count in line.split()] for line in told.read_text().splitlines()]
    told.unlink()
    return max(lines)


def drop_from_memory(folder):
    """All that its files have in the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            try:
                os.fsync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)


def measure(program, model, device, rounds):
    """The report of each start, by (way, step), round after round."""
    found = {}
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="larder-bench-gpu-") as folder:
            ways = (OPENVINO, LARDER)
            for step in STEPS:
                for way in ways if number % 2 == 0 else ways[::-1]:
                    cache = pathlib.Path(folder) / way
                    cache.mkdir(exist_ok=True)
                    if step == "cold":
                        drop_from_memory(cache)
                    found.setdefault((way, step), []).append(
                        load(program, way, model, cache, device))
            found.setdefault("reads", []).append(
                reads(program, model, pathlib.Path(folder) / LARDER, device))
    return found


def compared(own, ours, field):
    """Both medians, and the median of the ratios within the rounds."""
    pairs = [(a[field], b[field]) for a, b in zip(own, ours, strict=True)]
    return (statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs),
            statistics.median(b / a for a, b in pairs))


def table(program, folder, device, rounds, models=MODELS):
    """Lines of text: for each model the figures of OpenVINO's own cache, and larder's ratio to
    them."""
    yield (f"{'MODEL':10}{'START':8}{'CACHE_DIR':>12}{'larder':>12}{'ratio':>8}"
           f"{'peak MB':>10}{'larder':>8}{'ratio':>8}")
    for name in models:
        found = measure(program, folder / f"{name}.xml", device, rounds)
        for step in STEPS:
            starts = found[OPENVINO, step], found[LARDER, step]
            own, ours, part = compared(*starts, "first_inference_ms")
            own_peak, our_peak, peak_part = compared(*starts, "peak_rss_bytes")
            yield (f"{name:10}{step:8}{own:9.0f} ms{ours:9.0f} ms{part:8.2f}"
                   f"{own_peak / 1e6:10.0f}{our_peak / 1e6:8.0f}{peak_part:8.2f}")
        read, cached = (statistics.median(each) for each in zip(*found["reads"], strict=True))
        if read:
            yield (f"{name:10}the plugin reads {read / 1e6:.0f} MB of the cold blob by itself, "
                   f"{cached / read:.0%} of them from memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("--models", required=True, type=pathlib.Path)
    parser.add_argument("--device", default="GPU")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    folder = arguments.models / "gpu"
    prepare(folder)
    for line in table(arguments.program, folder, arguments.device, arguments.rounds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
