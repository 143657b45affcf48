"""Measures programs that do not know of larder; prints the table of docs/clients.md.

Every start is a fresh process. Within a round the ways take turns, each first with an empty cache
and then with the filled one. `ready` is from the start of the process until all its models can be
used, `models` is from the request for the first of them. Figures are medians of the rounds. A ratio
is the median of the ratios within the rounds, relative to the client's own cache (the first, if it
has two), or to no cache if it has none.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile

from client import CLIENTS, Client, Failure, Start

FIGURES = {"ready_seconds": "ready, s", "load_seconds": "models, s", "memory_bytes": "memory, MB"}


class Rounds:
    """One client, started in all ways, round after round."""

    def __init__(self, client: Client, work: pathlib.Path):
        self.client, self.work = client, work
        self.prepared = work / "prepared"
        self.rows: dict[str, list[Start | None]] = {}
        client.prepare(self.prepared, work / "home")

    def start(self, row: str, **options) -> None:
        """None for a start that failed."""
        try:
            start = self.client.start(self.prepared, self.work / "home", **options)
        except Failure as failure:
            print(failure, file=sys.stderr)
            start = None
        self.rows.setdefault(row, []).append(start)

    def first_and_later(self, title: str, **options) -> None:
        for row in (f"{title}, first start", title):
            self.start(row, **options)

    def round(self, number: int) -> None:
        directories = {name: self.work / f"{name} {number}"
                       for name in ("own", "other", "larder", "more")}
        for directory in directories.values():
            directory.mkdir()
        self.start("no cache")
        own = self.client.own_cache
        if own:
            self.first_and_later(f"its own cache ({own})", own_cache=directories["own"])
        other = self.client.other_cache
        if other:
            self.first_and_later(f"its own cache ({other})", other_cache=directories["other"])
        more = {"own_cache": directories["more"]} if self.client.keeps_more else {}
        self.first_and_later(
            f"`larder run`, with {own}" if more else "`larder run`",
            larder=directories["larder"], **more)
        for directory in directories.values():
            shutil.rmtree(directory)

    def baseline(self) -> list[Start | None]:
        own = self.client.own_cache
        return self.rows[f"its own cache ({own})" if own else "no cache"]

    def print(self) -> None:
        print(f"| **{self.client.title}** |" + " |" * 2 * len(FIGURES))
        for title, starts in self.rows.items():
            cells = [title]
            pairs = [pair for pair in zip(starts, self.baseline()) if all(pair)]
            failed = sum(start is None for start in starts)
            if failed:
                cells[0] += f" ({failed} of {len(starts)} failed)"
            for name in FIGURES:
                values = [getattr(start, name) for start in starts if start]
                cells += figure_and_ratio(name, values, [
                    getattr(start, name) / getattr(base, name) for start, base in pairs])
            print("| " + " | ".join(cells) + " |", flush=True)


def figure_and_ratio(name: str, values: list[float], ratios: list[float]) -> list[str]:
    if not values or not ratios:
        return ["", ""]
    median = statistics.median(values)
    figure = f"{median / 1e6:.0f}" if name == "memory_bytes" else f"{median:.2f}"
    return [figure, f"{statistics.median(ratios):.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=CLIENTS, action="append", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=lambda text: pathlib.Path(text).resolve(),
                        required=True, help="for scratch files")
    arguments = parser.parse_args()
    print("| | " + " | ".join(f"{title} | ratio" for title in FIGURES.values()) + " |")
    print("| --- |" + " --- |" * 2 * len(FIGURES), flush=True)
    for name in arguments.only or CLIENTS:
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=arguments.directory) as work:
            rounds = Rounds(CLIENTS[name], pathlib.Path(work))
            for number in range(arguments.rounds):
                rounds.round(number)
            rounds.print()


if __name__ == "__main__":
    main()
