"""Loads models in several ways, in turns, and prints medians and ratios side by side.

The contenders alternate within each round, so that a machine that changes its speed slows all of
them equally. The page cache: `warm` means that model and blob were read in the same process order
just before;
`cold` that the page cache was dropped before each load (needs root).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import read

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The environment in which a program's allocator requests huge pages.
HUGE = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
SECONDS_MAX = 600
# A title, the figure, and the unit that it is printed in. The times of several processes are those
# of the last one; memory and processor time are sums. Processor time is until the first answer.
FIGURES = [
    ("ready, ms", "ready_ms", 1), ("first answer, ms", "first_inference_ms", 1),
    ("processor, ms", "processor_ms", 1), ("memory when ready, MB", "ready_rss_bytes", 1e6),
    ("peak, MB", "peak_rss_bytes", 1e6), ("its share (PSS), MB", "pss_bytes", 1e6),
]


@dataclasses.dataclass(frozen=True)
class Way:
    title: str
    how: str  # the first argument of load_once
    environment: dict[str, str] = dataclasses.field(default_factory=dict, hash=False)
    # The flags of `larder run`, for a program that does not know of larder; None: started without
    # it.
    served: list[str] | None = dataclasses.field(default=None, hash=False)

    @property
    def cache(self) -> str:
        return self.how if self.served is None else "larder-path"


WAYS = {
    "none": Way("no cache", "none"),
    "openvino-path": Way("`CACHE_DIR`, path", "openvino-path"),
    "openvino-path-huge": Way("… with huge pages", "openvino-path", HUGE),
    "openvino-model": Way("`CACHE_DIR`, model", "openvino-model"),
    "larder-path": Way("larder, path", "larder-path"),
    "larder-run": Way("`larder run`, path", "none", served=[]),
    "larder-run-huge": Way("… with `--huge-pages`", "none", served=["--huge-pages"]),
    "larder-path-as-is": Way("… without prefault", "larder-path", {"LARDER_PREFAULT": "off"}),
    "larder-model": Way("larder, model", "larder-model"),
}
LARGE = [name for name in WAYS if name != "none"]
PATHS = ["openvino-path", "larder-path", "larder-run"]
TOGETHER = ["none", "openvino-path", "larder-path", "larder-run"]
SMALL = [*TOGETHER, "openvino-model", "larder-model"]
# OpenVINO's path API does not know GGUF: its users read and convert, then compile with CACHE_DIR.
GGUF = ["none", "openvino-model", "larder-path"]


def start(program: pathlib.Path, way: Way, model: pathlib.Path, cache: pathlib.Path,
          precision: str = ""):
    command = [program, way.how, model, cache, *(["CPU", precision] if precision else [])]
    environment = os.environ | way.environment
    if way.served is not None:
        larder = program.parents[1] / "bin" / "larder"
        command = [larder, "run", *way.served, "--dir", cache / "larder", "--", *command]
        environment["LARDER_STATE_DIR"] = str(cache / "state")
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def load_together(program, way: Way, model, cache, processes: int,
                  precision: str = "") -> list[dict]:
    """Starts the processes, lets them begin at the same time, and returns their reports."""
    children = [start(program, way, model, cache, precision) for _ in range(processes)]
    try:
        for step in range(3):
            for child in children:
                child.stdin.write("go\n")
                child.stdin.flush()
            if step == 2:
                break
            lines = [child.stdout.readline() for child in children]
            if not all(lines):
                raise SystemExit(f"{way.title} failed on {model}")
        for child in children:
            child.wait(timeout=SECONDS_MAX)
    finally:
        for child in children:
            child.kill()
    return [json.loads(line) for line in lines]


def drop_page_cache() -> None:
    subprocess.run(["sync"], check=True)
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def read_again(*places: pathlib.Path) -> None:
    """Leaves all files there in the page cache as reading them leaves them. As they were written,
    one may lie in it in larger pieces than another, and be mapped in half the time."""
    for file in (file for place in places for file in [place, *place.rglob("*")]):
        if not file.is_file():
            continue
        with open(file, "rb", buffering=0) as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while opened.read(1 << 20):
                pass


def bytes_on_disk(directory: pathlib.Path) -> int:
    return sum(f.stat().st_blocks * 512 for f in directory.rglob("*") if f.is_file())


def summary(reports: list[dict]) -> dict:
    """Several processes started together count as ready when the last one is."""
    last = ("ready_ms", "first_inference_ms")
    reports = [report | {"processor_ms": report["user_ms"] + report["system_ms"]}
               for report in reports]
    return {
        name: (max if name in last else sum)(report[name] for report in reports)
        for name, value in reports[0].items()
        if not isinstance(value, str)
    }


class Bench:
    def __init__(self, program: pathlib.Path, work: pathlib.Path, rounds: int, only: str,
                 precision: str = ""):
        self.program, self.work, self.rounds, self.only = program, work, rounds, only
        self.precision = precision
        self.has_title = False
        self.rows: list[dict] = []

    def load(self, way: str, model: pathlib.Path, cache: pathlib.Path, processes: int = 1):
        return load_together(self.program, WAYS[way], model, cache, processes, self.precision)

    def compare(
        self,
        title: str,
        model: pathlib.Path,
        ways: list[str],
        processes: int = 1,
        cold: bool = False,
    ) -> None:
        if self.only not in title + (", cold" if cold else ""):
            return
        caches = {way: self.work / f"{model.stem}-{WAYS[way].cache}" for way in ways}
        samples: dict[str, list[dict]] = {way: [] for way in ways}
        for way, cache in caches.items():  # fills the cache, and the page cache
            if not cache.exists():
                cache.mkdir()
                self.load(way, model, cache)
            self.load(way, model, cache)
        read_again(model.parent, self.work)
        for _ in range(self.rounds):
            for way, cache in caches.items():
                if cold:
                    drop_page_cache()
                samples[way].append(summary(self.load(way, model, cache, processes)))
        baseline = next(way for way in ways if way.startswith("openvino"))
        rows = []
        for way in ways:
            row = {"case": title, "way": way, "processes": processes, "cold": cold}
            for name in samples[way][0]:
                values = [sample[name] for sample in samples[way]]
                row[name] = statistics.median(values)
                row[name + "_ratio"] = statistics.median(
                    value / max(base[name], 1) for value, base in zip(values, samples[baseline])
                )
            row["disk_bytes"] = bytes_on_disk(caches[way])
            rows.append(row)
        self.rows += rows
        self.print_case(rows)

    def bound(self, title: str, model: pathlib.Path) -> None:
        """The lower bound of a cold load: reading its largest file, and then a warm load."""
        if self.only not in title + ", cold":
            return
        way = "larder-path"
        cache = self.work / f"{model.stem}-{WAYS[way].cache}"
        # The file that a load reads: the weights, in the larder or in the model's own file.
        blob = max([*cache.rglob("objects/*/*"), *model.parent.glob(f"{model.stem}.*")],
                   key=lambda file: file.stat().st_size)
        samples: dict[str, list[float]] = {"cold": [], "warm": [], "fio": []}
        for _ in range(self.rounds):
            samples["fio"].append(min(read.run_fio(blob, *fio)["seconds"] for fio in read.FIO))
            for page_cache in ("cold", "warm"):
                if page_cache == "cold":
                    drop_page_cache()
                report = self.load(way, model, cache)[0]
                samples[page_cache].append(report["ready_ms"] / 1e3)
        cold, warm, fio = (statistics.median(samples[name]) for name in ("cold", "warm", "fio"))
        ratio = statistics.median(
            c / (w + f) for c, w, f in zip(samples["cold"], samples["warm"], samples["fio"])
        )
        print(
            f"\n{title}, cold against its bound (medians of {self.rounds} rounds): {cold:.2f} s; "
            f"that file read by the best of {len(read.FIO)} fio settings {fio:.2f} s + warm "
            f"{warm:.2f} s; ratio {ratio:.2f}",
            flush=True,
        )
        self.rows.append({"case": title, "way": "bound", "fio_s": fio, "warm_s": warm,
                          "cold_s": cold, "ratio": ratio})

    def forget(self) -> None:
        """Removes the caches of the models so far; they take gigabytes."""
        for directory in self.work.iterdir():
            shutil.rmtree(directory)

    def print_case(self, rows: list[dict]) -> None:
        """One row of a Markdown table for each way; a ratio is relative to CACHE_DIR by path."""
        if not self.has_title:
            titles = "".join(f" {title} | ratio |" for title, _, _ in FIGURES)
            print(f"| |{titles} page faults | on disk, MB |")
            print("| --- |" + " --- |" * (2 * len(FIGURES) + 2))
            self.has_title = True
        first = rows[0]
        together = f", {first['processes']} processes together" if first["processes"] > 1 else ""
        cold = ", cold" if first["cold"] else ""
        print(f"| **{first['case']}{together}{cold}** |" + " |" * (2 * len(FIGURES) + 2))
        for row in rows:
            text = f"| {WAYS[row['way']].title} |"
            for _, name, unit in FIGURES:
                text += f" {row[name] / unit:.0f} | {row[name + '_ratio']:.2f} |"
            print(f"{text} {row['page_faults'] / 1e3:.0f}k | {row['disk_bytes'] / 1e6:.1f} |",
                  flush=True)


def print_hit_cost(program: pathlib.Path, model: pathlib.Path, cache: pathlib.Path) -> dict:
    """The time that larder itself adds to an import, in a process whose device is loaded."""
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
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return pathlib.Path(result.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small models, ends within 5 minutes")
    parser.add_argument("--no-cold", action="store_true", help="never drop the page cache")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in their title")
    parser.add_argument("--rounds", type=int, default=0, help="default: 5, or 3 with --quick")
    parser.add_argument("--precision", default="", help="INFERENCE_PRECISION_HINT, such as f32")
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True, help="kept between runs")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there too")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (3 if arguments.quick else 5)
    cold = not arguments.no_cold and not arguments.quick and os.geteuid() == 0

    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=arguments.models.parent) as work:
        bench = Bench(arguments.program, pathlib.Path(work), rounds, arguments.only,
                      arguments.precision)

        def model(name: str) -> pathlib.Path:
            return build_model(name, arguments.models)

        bench.rows.append(print_hit_cost(bench.program, model("tiny"), bench.work / "hit"))
        for title, name in (
            ("tiny", "tiny"),
            ("1 MB", "small-1mb"),
            ("ResNet-50", "resnet50"),
            ("Llama-like 0.1B f16", "llama-0.1b-folded"),
        ):
            bench.compare(title, model(name), SMALL)
        bench.compare("ResNet-50", model("resnet50"), TOGETHER, 4)
        bench.compare("Llama-like 0.1B f16", model("llama-0.1b-folded"), TOGETHER, 8)
        bench.forget()
        if not arguments.quick:
            bench.compare("Llama-like 1B f16", model("llama-1b-folded"), LARGE)
            if cold:
                bench.compare("Llama-like 1B f16", model("llama-1b-folded"), PATHS, cold=True)
                bench.bound("Llama-like 1B f16", model("llama-1b-folded"))
            bench.forget()
            bench.compare("Llama-like 1B Q4_K GGUF", model("gguf-1b-q4k"), GGUF)
            bench.forget()
            bench.compare("Llama-like 1B, kept as f16", model("llama-1b"), PATHS)
        if arguments.json:
            arguments.json.write_text(json.dumps(bench.rows, indent=1))


if __name__ == "__main__":
    main()
