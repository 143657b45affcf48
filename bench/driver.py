"""Brings models up by several ways, in turns, and prints medians and ratios side by side.

The contenders alternate within each round, so that a machine that drifts slows all of them alike.
The page cache: `warm` means that model and blob were read in the same process order just before;
`--cold` drops the page cache before each load (needs root).
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WAYS = {
    "none": "no cache",
    "openvino-path": "CACHE_DIR, path",
    "openvino-model": "CACHE_DIR, model",
    "larder-path": "larder, path",
    "larder-model": "larder, model",
}
SECONDS_MAX = 600


def start(program: pathlib.Path, way: str, model: pathlib.Path, cache: pathlib.Path):
    return subprocess.Popen(
        [program, way, model, cache], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def load_together(program, way, model, cache, processes: int) -> list[dict]:
    """Starts the processes, lets them go at once, and returns what each reports."""
    children = [start(program, way, model, cache) for _ in range(processes)]
    try:
        for step in range(3):
            for child in children:
                child.stdin.write("go\n")
                child.stdin.flush()
            if step == 2:
                break
            lines = [child.stdout.readline() for child in children]
            if not all(lines):
                raise SystemExit(f"{way} failed on {model}")
        for child in children:
            child.wait(timeout=SECONDS_MAX)
    finally:
        for child in children:
            child.kill()
    return [json.loads(line) for line in lines]


def drop_page_cache() -> None:
    subprocess.run(["sync"], check=True)
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def bytes_on_disk(directory: pathlib.Path) -> int:
    return sum(f.stat().st_blocks * 512 for f in directory.rglob("*") if f.is_file())


class Bench:
    def __init__(self, program: pathlib.Path, work: pathlib.Path, rounds: int, cold: bool):
        self.program, self.work, self.rounds, self.cold = program, work, rounds, cold
        self.rows: list[dict] = []

    def compare(self, title: str, model: pathlib.Path, ways: list[str], processes: int = 1) -> None:
        caches = {way: self.work / f"{model.stem}-{way}" for way in ways}
        samples: dict[str, list[dict]] = {way: [] for way in ways}
        for way in ways:  # fills the cache, and the page cache
            shutil.rmtree(caches[way], ignore_errors=True)
            caches[way].mkdir(parents=True)
            load_together(self.program, way, model, caches[way], 1)
            load_together(self.program, way, model, caches[way], 1)
        for _ in range(self.rounds):
            for way in ways:
                if self.cold:
                    drop_page_cache()
                reports = load_together(self.program, way, model, caches[way], processes)
                samples[way].append(self.summary(reports))
        medians = {way: self.median(samples[way]) for way in ways}
        baseline = next(way for way in ways if way.startswith("openvino"))
        for way in ways:
            row = {"case": title, "way": way, "processes": processes, **medians[way]}
            row["disk_bytes"] = bytes_on_disk(caches[way])
            base = [s["ready_ms"] for s in samples[baseline]]
            row["ratio"] = statistics.median(
                s["ready_ms"] / b for s, b in zip(samples[way], base)
            )
            self.rows.append(row)
        self.print_case(title, processes, ways)
        for way in ways:
            shutil.rmtree(caches[way], ignore_errors=True)

    @staticmethod
    def summary(reports: list[dict]) -> dict:
        """Several processes started together count as ready when the last one is."""
        return {
            "ready_ms": max(r["ready_ms"] for r in reports),
            "first_inference_ms": max(r["first_inference_ms"] for r in reports),
            "rss_bytes": sum(r["rss_bytes"] for r in reports),
            "peak_rss_bytes": sum(r["peak_rss_bytes"] for r in reports),
            "pss_bytes": sum(r["pss_bytes"] for r in reports),
        }

    @staticmethod
    def median(samples: list[dict]) -> dict:
        return {name: statistics.median(s[name] for s in samples) for name in samples[0]}

    def print_case(self, title: str, processes: int, ways: list[str]) -> None:
        together = f", {processes} processes together" if processes > 1 else ""
        cache = "cold page cache" if self.cold else "blob and model in the page cache"
        print(f"\n{title}{together} ({cache}, medians of {self.rounds} rounds)")
        print(
            f"  {'':18}{'ready':>10}{'ratio':>7}{'first inf.':>12}{'rss':>10}"
            f"{'peak':>10}{'pss':>10}{'on disk':>10}"
        )
        for row in self.rows[-len(ways) :]:
            print(
                f"  {WAYS[row['way']]:18}{row['ready_ms']:>7.0f} ms{row['ratio']:>7.2f}"
                f"{row['first_inference_ms']:>9.0f} ms{row['rss_bytes'] / 1e6:>7.0f} MB"
                f"{row['peak_rss_bytes'] / 1e6:>7.0f} MB{row['pss_bytes'] / 1e6:>7.0f} MB"
                f"{row['disk_bytes'] / 1e6:>7.0f} MB",
                flush=True,
            )


def print_hit_cost(program: pathlib.Path, model: pathlib.Path, cache: pathlib.Path) -> dict:
    """What larder itself adds to an import, in a process whose device is loaded."""
    command = [program.with_name("hit_cost"), model, cache]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    cost = json.loads(result.stdout)
    print(
        f"\nlarder's share of a hit on {model.stem}: {cost['one_handle_ms']:.2f} ms, "
        f"{cost['new_handle_ms']:.2f} ms with a new handle (medians of 100, without the import)"
    )
    return {"case": "hit cost", **cost}


def build_model(name: str, models: pathlib.Path) -> pathlib.Path:
    result = subprocess.run(
        [sys.executable, "-m", "models", name, "--out", models],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
    )
    return pathlib.Path(result.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small models, ends within 5 minutes")
    parser.add_argument("--cold", action="store_true", help="drop the page cache before each load")
    parser.add_argument("--rounds", type=int, default=0, help="default: 5, or 3 with --quick")
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True, help="kept between runs")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there too")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (3 if arguments.quick else 5)
    every_way = list(WAYS)
    gguf_ways = ["none", "openvino-model", "larder-path"]

    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=arguments.models.parent) as work:
        bench = Bench(arguments.program, pathlib.Path(work), rounds, arguments.cold)

        def model(name: str) -> pathlib.Path:
            return build_model(name, arguments.models)

        bench.rows.append(print_hit_cost(bench.program, model("tiny"), bench.work / "hit"))
        bench.compare("tiny", model("tiny"), every_way)
        bench.compare("ResNet-50", model("resnet50"), every_way)
        bench.compare("Llama-like 0.1B f16", model("llama-0.1b-folded"), every_way)
        for processes in (4, 8):
            bench.compare(
                "ResNet-50", model("resnet50"), ["none", "openvino-path", "larder-path"], processes
            )
        if not arguments.quick:
            bench.compare("Llama-like 1B f16", model("llama-1b-folded"), every_way)
            bench.compare("the same, kept as f16", model("llama-1b"), every_way)
            bench.compare("Llama-like 1B Q4_K GGUF", model("gguf-1b-q4k"), gguf_ways)
        if arguments.json:
            arguments.json.write_text(json.dumps(bench.rows, indent=1))


if __name__ == "__main__":
    main()
