"""Memory of processes and of the machine, in bytes, as reported by the kernel."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import threading
import time

SETTLED_BYTES = 16 << 20
SETTLE_SECONDS_MAX = 20


def read_amounts(path: str) -> dict[str, int]:
    """Of lines such as `Pss:   12 kB`."""
    lines = pathlib.Path(path).read_text(encoding="ascii").splitlines()
    words = [line.split() for line in lines if line.endswith(" kB")]
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in words}


def memory_of_machine() -> dict[str, int]:
    return read_amounts("/proc/meminfo")


def memory_of_process(pid: int) -> dict[str, int]:
    return read_amounts(f"/proc/{pid}/smaps_rollup")


def writable_bytes_mapped(pid: int, directory: pathlib.Path) -> int:
    """Private memory that is mapped from files in that directory."""
    size = 0
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
        words = line.split(maxsplit=5)
        if len(words) == 6 and words[1] == "rw-p" and words[5].startswith(f"{directory}/"):
            first, end = words[0].split("-")
            size += int(end, 16) - int(first, 16)
    return size


def bytes_in_page_cache(files: list[pathlib.Path]) -> int | None:
    """None if it is unknown."""
    program = shutil.which("fincore")
    if not program or not files:
        return None
    command = [program, "--bytes", "--raw", "--noheadings", "--output", "RES", *map(str, files)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=60)
    return sum(int(line) for line in done.stdout.split())


def settle() -> dict[str, int]:
    """The memory of the machine once it no longer changes: ended processes have released theirs by
    then."""
    end = time.monotonic() + SETTLE_SECONDS_MAX
    memory = memory_of_machine()
    while time.monotonic() < end:
        time.sleep(0.5)
        before, memory = memory, memory_of_machine()
        if abs(memory["MemAvailable"] - before["MemAvailable"]) < SETTLED_BYTES:
            break
    return memory


class LowestAvailable:
    """The minimum of the available memory, sampled every 50 ms."""

    SECONDS_BETWEEN = 0.05

    def __enter__(self) -> LowestAvailable:
        self.bytes = memory_of_machine()["MemAvailable"]
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()
        return self

    def look(self) -> None:
        while not self.ended.wait(self.SECONDS_BETWEEN):
            self.bytes = min(self.bytes, memory_of_machine()["MemAvailable"])

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.thread.join(timeout=10)
