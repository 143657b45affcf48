"""Compares processes that share the unpacked weights of a model with processes that do not.

The contenders take turns within each round: plain OpenVINO with its own CACHE_DIR, `larder run`
with LARDER_SHARE=off, and with LARDER_SHARE=auto, where two workers shared the model before.
Everything is in the page cache, which is never dropped. Figures are medians of the rounds; a ratio
is the median of the ratios within the rounds. "computed" figures would not fit into this machine's
memory: they add the memory of one worker, and for each further worker the memory that the second
took.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import signal
import statistics
import sys
import tempfile
import time
import typing

import openvino as ov

from driver import ROOT, build_model
from machine_memory import LowestAvailable, bytes_in_page_cache, memory_of_machine, settle
from sharing_workers import WAYS, Place, started

PROMPT, LONG_PROMPT, TOKEN = 8, 64, 1
ANSWERS = [PROMPT, TOKEN, TOKEN]
LONG_ANSWERS = [*ANSWERS, LONG_PROMPT]
# This part of the available memory is left to the page cache.
FILL_MAX = 0.9

WANTED_PSS = {4: 0.35, 8: 0.2}
WANTED_FURTHER_BYTES = 150e6
WANTED_LOAD = 1.2
WANTED_INFERENCE = 0.97


def median_of(rows: list[dict], name: str) -> float:
    return statistics.median(row[name] for row in rows)


def ratio_of(rows: list[dict], others: list[dict], name: str) -> float:
    return statistics.median(row[name] / other[name] for row, other in zip(rows, others))


def in_turn(names, number: int) -> list[str]:
    """Each is the first of a round as often as the others."""
    names = list(names)
    return names[number % len(names):] + names[:number % len(names)]


def megabytes(value: float) -> str:
    return f"{value / 1e6:.0f}"


def tell_progress(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def print_row(cells: list) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def print_head(*cells: str) -> None:
    print()
    print_row(list(cells))
    print("| --- " * len(cells) + "|", flush=True)


class Bench:
    def __init__(self, place: Place, json_file: pathlib.Path | None):
        self.place, self.json_file = place, json_file
        self.figures: dict[str, typing.Any] = {}
        # By the length of the answered texts.
        self.outputs: dict[tuple[int, ...], dict[str, set[str]]] = {}

    def save(self) -> None:
        """Writes the results so far, because a whole run takes long."""
        if self.json_file:
            self.json_file.write_text(json.dumps(self.figures, indent=1))

    def fill(self) -> None:
        """The caches, and the page cache."""
        for name, way in WAYS.items():
            # Two workers: larder begins to share when the second one finds the first.
            with started(self.place, [way]) as [first]:
                first.ask("load", length=PROMPT)
                with started(self.place, [way]) as [second]:
                    report = second.ask("load", length=PROMPT)
                    self.has_length = report["has_length"]
                    self.place.wait_until_published()
            if not report["is_from_cache"]:
                raise SystemExit(f"{name}: a second load did not come from the cache")
        unpacked_bytes = self.place.unpacked_bytes()
        if unpacked_bytes == 0:
            print("two workers had nothing that is worth sharing: all that is seen below is what "
                  "finding that out costs", flush=True)
        print(f"kept unpacked: {megabytes(unpacked_bytes)} MB", flush=True)
        self.figures["unpacked_bytes"] = unpacked_bytes
        # A page that waits to be written counts as dirty for every process that has mapped it.
        os.sync()

    def note_outputs(self, name: str, lengths: list[int], answers: list[dict]) -> None:
        by_way = self.outputs.setdefault(tuple(lengths), {})
        by_way.setdefault(name, set()).update(answer["outputs"] for answer in answers)

    def print_page_cache(self, when: str) -> None:
        held: dict[str, tuple[int | None, int]] = {}
        for title, folder in (("model", self.place.model.parent), ("CACHE_DIR", self.place.cache),
                              ("larder", self.place.larder)):
            files = [file for file in folder.rglob("*") if file.is_file()]
            held[title] = bytes_in_page_cache(files), sum(file.stat().st_size for file in files)
        texts = [
            f"{title} {'unknown' if cached is None else megabytes(cached)} of {megabytes(size)} MB"
            for title, (cached, size) in held.items()]
        print(f"in the page cache {when}: " + ", ".join(texts), flush=True)
        self.figures.setdefault("page_cache", []).append({"when": when, **held})

    # Memory.

    def memory_of(self, name: str, count: int) -> dict:
        way = WAYS[name]
        tell_progress(f"memory of {count}, {way.title}")
        before = settle()
        with contextlib.ExitStack() as stack, LowestAvailable() as lowest:
            begin = time.monotonic()
            if way.is_together:
                workers = stack.enter_context(started(self.place, [way] * count))
                for worker in workers:
                    worker.begin("load", length=PROMPT)
                loads = [worker.hear() for worker in workers]
                for worker in workers:
                    worker.begin("answer", lengths=ANSWERS)
                answers = [worker.hear() for worker in workers]
            else:
                workers, loads, answers = [], [], []
                for _ in range(count):
                    workers += stack.enter_context(started(self.place, [way]))
                    loads.append(workers[-1].ask("load", length=PROMPT))
                    answers.append(workers[-1].ask("answer", lengths=ANSWERS))
            seconds = time.monotonic() - begin
            now = settle()
            memory = [worker.memory() for worker in workers]
            shared = [worker.shared_bytes() for worker in workers]
        self.note_outputs(name, ANSWERS, answers)
        private = statistics.median(each["Private_Dirty"] for each in memory)
        ready = statistics.median(load["ready_private_dirty_bytes"] for load in loads)
        return {
            "way": name, "workers": count, "is_computed": False, "seconds": seconds,
            "pss_bytes": sum(each["Pss"] for each in memory),
            "private_dirty_bytes": private,
            "inferences_bytes": private - ready,
            "shared_bytes_min": min(shared),
            "available_less_bytes": before["MemAvailable"] - now["MemAvailable"],
            "free_less_bytes": before["MemFree"] - now["MemFree"],
            "cached_more_bytes": now["Cached"] - before["Cached"],
            "peak_bytes": before["MemAvailable"] - lowest.bytes,
        }

    def compute(self, one: dict, two: dict, count: int) -> dict:
        row = {**two, "workers": count, "is_computed": True}
        for name in ("pss_bytes", "available_less_bytes", "free_less_bytes", "cached_more_bytes",
                     "peak_bytes"):
            row[name] = one[name] + (count - 1) * (two[name] - one[name])
        del row["seconds"]
        return row

    def medians(self, rows: list[dict]) -> dict:
        figures = {name: median_of(rows, name) for name, value in rows[0].items()
                   if not isinstance(value, (str, bool))}
        return {**rows[0], **figures}

    def measure_memory(self, counts: list[int], rounds: int) -> None:
        rows: dict[tuple[str, int], list[dict]] = {}
        for count in sorted({1, 2, *counts}):
            for number in range(rounds):
                for name in in_turn(WAYS, number):
                    if count > 2:
                        one, two = (self.medians(rows[name, few]) for few in (1, 2))
                        computed = self.compute(one, two, count)
                        room = memory_of_machine()["MemAvailable"] * FILL_MAX
                        if computed["peak_bytes"] > room and not WAYS[name].is_together:
                            rows[name, count] = [computed] * rounds
                            continue
                    rows.setdefault((name, count), []).append(self.memory_of(name, count))
        self.print_memory(rows, rounds)

    def print_memory(self, rows: dict[tuple[str, int], list[dict]], rounds: int) -> None:
        kept = self.figures["memory"] = []
        before: dict[str, dict] = {}
        for (name, count), samples in sorted(rows.items(), key=lambda row: row[0][1]):
            row = self.medians(samples)
            row["pss_ratio"] = ratio_of(samples, rows["cache_dir", count], "pss_bytes")
            if name in before:
                more = row["pss_bytes"] - before[name]["pss_bytes"]
                row["further_bytes"] = more / (count - before[name]["workers"])
            before[name] = row
            kept.append(row)
        answered = "texts of 8, 8, 1 and 1 tokens" if self.has_length else "four times"
        print(f"\nMemory of workers alive at once, MB (medians of {rounds} rounds); each has "
              f"answered {answered}")
        print_head("workers", "way", "summed PSS", "ratio", "wanted", "each further", "wanted",
                   "private, a worker", "of it by inferences", "of the larder's files, a worker")
        for row in kept:
            print_row([
                row["workers"], self.title_of(row), megabytes(row["pss_bytes"]),
                f"{row['pss_ratio']:.2f}", *self.wanted_of(row),
                *(megabytes(row[figure]) for figure in (
                    "private_dirty_bytes", "inferences_bytes", "shared_bytes_min"))])
        print("\nWhat the machine has less of while they are alive, MB (medians of "
              f"{rounds} rounds); the peak is of starting them")
        print_head("workers", "way", "MemAvailable less", "MemFree less", "Cached more", "peak",
                   "all answered after")
        for row in kept:
            print_row([
                row["workers"], self.title_of(row), *(megabytes(row[figure]) for figure in (
                    "available_less_bytes", "free_less_bytes", "cached_more_bytes", "peak_bytes")),
                "" if row["is_computed"] else f"{row['seconds']:.1f} s"])

    def title_of(self, row: dict) -> str:
        return WAYS[row["way"]].title + (" (computed)" if row["is_computed"] else "")

    def wanted_of(self, row: dict) -> list[str]:
        """The target of the ratio, the memory of a further worker, and its target."""
        is_shared = row["way"] == "shared"
        most = WANTED_PSS.get(row["workers"]) if is_shared else None
        is_further = "further_bytes" in row
        further = f"<= {megabytes(WANTED_FURTHER_BYTES)} without activations"
        return [
            "" if most is None else f"<= {most}",
            megabytes(row["further_bytes"]) if is_further else "",
            further if is_shared and is_further else ""]

    # Load.

    def load_beside_one(self, name: str) -> dict:
        """The load of a worker while another one is alive."""
        way = WAYS[name]
        tell_progress(f"load beside one, {way.title}")
        with started(self.place, [way]) as [first]:
            first.ask("load", length=PROMPT)
            first.ask("answer", lengths=ANSWERS)
            with started(self.place, [way]) as [second]:
                load = second.ask("load", length=PROMPT)
                load["shared_bytes"] = second.shared_bytes()
                answer = second.ask("answer", lengths=LONG_ANSWERS)
        self.note_outputs(name, LONG_ANSWERS, [answer])
        return load

    def measure_load(self, rounds: int) -> None:
        rows: dict[str, list[dict]] = {name: [] for name in WAYS}
        for name in WAYS:
            self.load_beside_one(name)
        self.print_page_cache("before loading")
        for number in range(rounds):
            for name in in_turn(WAYS, number):
                rows[name].append(self.load_beside_one(name))
        print(f"\nLoad of one more worker beside one (medians of {rounds} rounds)")
        print_head("way", "compile_model, ms", "ratio to off", "ratio to CACHE_DIR", "wanted",
                   "first answer, ms", "ratio to off", "ratio to CACHE_DIR", "wanted",
                   "major faults", "read from disk, MB")
        kept = self.figures["load"] = []
        for name, samples in rows.items():
            row: dict[str, typing.Any] = {"way": name}
            cells = [WAYS[name].title]
            for figure in ("compile_ms", "first_answer_ms"):
                row[figure] = median_of(samples, figure)
                cells.append(f"{row[figure]:.0f}")
                for other in ("off", "cache_dir"):
                    row[f"{figure}_ratio_to_{other}"] = ratio_of(samples, rows[other], figure)
                    cells.append(f"{row[f'{figure}_ratio_to_{other}']:.2f}")
                cells.append(f"<= {WANTED_LOAD} to off" if name == "shared" else "")
            for figure in ("major_faults", "read_bytes"):
                row[figure] = median_of(samples, figure)
            kept.append({**row, "rounds": samples})
            print_row([*cells, f"{row['major_faults']:.0f}", megabytes(row["read_bytes"])])

    # Inference.

    def measure_inference(self, seconds: float, slice_seconds: float) -> None:
        names = ["off", "shared"]
        lengths = [TOKEN, LONG_PROMPT] if self.has_length else [TOKEN]
        print(f"\nInference: {seconds:.0f} s each, in turns of {slice_seconds:g} s; the other "
              "worker is loaded and waits")
        kept = self.figures["inference"] = []
        with started(self.place, [WAYS[name] for name in names]) as workers:
            by_name = dict(zip(names, workers))
            for name, worker in by_name.items():
                worker.ask("load", length=PROMPT)
                answer = worker.ask("answer", lengths=LONG_ANSWERS)
                self.note_outputs(name, LONG_ANSWERS, [answer])
            shared = megabytes(by_name["shared"].shared_bytes())
            print(f"(the worker that shares maps {shared} MB of the larder's files)", flush=True)
            print_head("tokens", "way", "inferences", "median, ms", "ratio",
                       "tokens a second" if self.has_length else "inferences a second", "ratio",
                       "wanted")
            for length in lengths:
                tell_progress(f"inference of {length}")
                slices: dict[str, list[dict]] = {name: [] for name in names}
                for number in range(max(round(seconds / slice_seconds), 1)):
                    for name in in_turn(names, number):
                        told = by_name[name].ask("repeat", length=length, seconds=slice_seconds)
                        latencies = told["latencies_ms"]
                        slices[name].append({
                            "latencies_ms": latencies, "median_ms": statistics.median(latencies),
                            "per_second": len(latencies) * length / told["seconds"]})
                self.print_inference(length, slices, kept)

    def print_inference(self, length: int, slices: dict[str, list[dict]], kept: list) -> None:
        for name, samples in slices.items():
            latencies = [latency for each in samples for latency in each["latencies_ms"]]
            row = {"tokens": length, "way": name, "inferences": len(latencies),
                   "median_ms": statistics.median(latencies),
                   "per_second": median_of(samples, "per_second")}
            for figure in ("median_ms", "per_second"):
                row[f"{figure}_ratio"] = ratio_of(samples, slices["off"], figure)
            kept.append(row)
            wanted = f">= {WANTED_INFERENCE} as many a second" if name == "shared" else ""
            print_row([length if self.has_length else "", WAYS[name].title, row["inferences"],
                       f"{row['median_ms']:.2f}", f"{row['median_ms_ratio']:.3f}",
                       f"{row['per_second']:.1f}", f"{row['per_second_ratio']:.3f}", wanted])

    def outputs_identical(self) -> bool:
        """Whether the answers of a worker are the same with and without sharing."""
        is_same = all(
            by_way["off"] == by_way["shared"] for by_way in self.outputs.values())
        print(f"\noutputs identical: {'yes' if is_same else 'no'}", flush=True)
        if any(by_way["off"] != by_way.get("cache_dir", by_way["off"])
               for by_way in self.outputs.values()):
            print("outputs with CACHE_DIR differ from those with larder", flush=True)
        self.figures["outputs_identical"] = is_same
        return is_same


def counts(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--model", default="llama-1b", metavar="NAME")
    parser.add_argument("--only", choices=["memory", "load", "inference"])
    parser.add_argument("--workers", type=counts, default=[1, 2, 4, 8], metavar="N,N")
    parser.add_argument("--rounds", type=int, help="of loads; default: 7, or 3 with --quick")
    parser.add_argument("--memory-rounds", type=int, help="default: 3, or 1 with --quick")
    parser.add_argument("--seconds", type=float, help="of inference; default: 60, or 10")
    parser.add_argument("--slice-seconds", type=float, help="default: 5, or 2 with --quick")
    parser.add_argument("--program", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True, help="kept between runs")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there too")
    arguments = parser.parse_args()
    quick = arguments.quick
    # The context ends the started processes and removes the written files.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("ended from outside"))

    model = build_model(arguments.model, arguments.models).resolve()
    with tempfile.TemporaryDirectory(prefix="sharing-", dir=ROOT / "build") as work:
        place = Place(arguments.program, model, pathlib.Path(work).resolve())
        bench = Bench(place, arguments.json)
        machine = {
            "model": arguments.model, "processors": os.cpu_count(),
            "memory_bytes": memory_of_machine()["MemTotal"], "openvino": ov.get_version()}
        print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
        bench.figures["machine"] = machine
        bench.fill()
        bench.print_page_cache("once all is kept")
        if arguments.only in (None, "memory"):
            bench.measure_memory(
                arguments.workers, arguments.memory_rounds or (1 if quick else 3))
            bench.print_page_cache("after that")
            bench.save()
        if arguments.only in (None, "load"):
            bench.measure_load(arguments.rounds or (3 if quick else 7))
            bench.save()
        if arguments.only in (None, "inference"):
            bench.measure_inference(arguments.seconds or (10 if quick else 60),
                                    arguments.slice_seconds or (2 if quick else 5))
        is_same = bench.outputs_identical()
        bench.save()
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())
