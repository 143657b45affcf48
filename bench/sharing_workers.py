"""Starts, controls and kills the worker processes of scripts/bench --sharing."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

from machine_memory import memory_of_process, writable_bytes_mapped

WORKER = pathlib.Path(__file__).resolve().parent / "sharing_worker.py"
SECONDS_MAX = 600
SECONDS_TO_END = 60


@dataclasses.dataclass(frozen=True)
class Way:
    title: str
    share: str = ""  # LARDER_SHARE; none for a program without larder
    # Whether all workers load at once. Workers that share nothing load one after the other:
    # otherwise their memory during the load would not fit beside the memory of the others.
    is_together: bool = False


WAYS = {
    "cache_dir": Way("CACHE_DIR"),
    "off": Way("larder, off", "off"),
    "shared": Way("larder, shared", "auto", is_together=True),
}


@dataclasses.dataclass(frozen=True)
class Place:
    """The program, the model and the working directory of the workers."""

    program: pathlib.Path
    model: pathlib.Path
    work: pathlib.Path

    @property
    def larder(self) -> pathlib.Path:
        return self.work / "larder"

    @property
    def cache(self) -> pathlib.Path:
        return self.work / "openvino"

    @property
    def environment(self) -> dict[str, str]:
        """Larder's settings in the caller's environment do not count."""
        plain = {name: value for name, value in os.environ.items() if name[:7] != "LARDER_"}
        return plain | {"LARDER_STATE_DIR": str(self.work / "state"), "LARDER_MAX_SIZE": "0"}

    def entries(self) -> list[dict]:
        command = [str(self.program), "--dir", str(self.larder), "ls", "--json"]
        done = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True,
                              check=True, timeout=SECONDS_MAX)
        return json.loads(done.stdout)["entries"]

    def unpacked_bytes(self) -> int:
        return sum(entry["bytes"] for entry in self.entries() if entry["encoding"] == "files")

    def wait_until_published(self) -> None:
        """A worker writes shared files in the background after its load."""
        deadline = time.monotonic() + SECONDS_MAX
        while any((self.larder / "tmp").glob("object-*")) and time.monotonic() < deadline:
            time.sleep(0.1)


class Worker:
    """Removes everything that it started when the context ends."""

    def __init__(self, place: Place, way: Way):
        self.place, self.way = place, way
        command = [sys.executable, str(WORKER), str(place.model)]
        environment = place.environment
        if way.share:
            environment["LARDER_SHARE"] = way.share
            command = [str(place.program), "run", "--dir", str(place.larder), "--", *command]
        else:
            command.append(str(place.cache))
        self.unread = b""
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
            start_new_session=True)
        assert self.process.stdin and self.process.stdout
        self.orders, self.reports = self.process.stdin, self.process.stdout

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, failure, *_) -> None:
        # If a worker is killed during the first use of a blob, the blob seems to be the cause.
        self.orders.close()
        if not failure:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=SECONDS_TO_END)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=SECONDS_TO_END)
        self.reports.close()

    def begin(self, do: str, **arguments) -> None:
        order = json.dumps({"do": do, **arguments}) + "\n"
        try:
            os.write(self.orders.fileno(), order.encode())
        except BrokenPipeError:
            raise SystemExit(f"a worker ({self.way.title}) ended by itself") from None

    def hear(self) -> dict:
        end = time.monotonic() + SECONDS_MAX
        while b"\n" not in self.unread:
            output = self.reports.fileno()
            ready, _, _ = select.select([output], [], [], max(end - time.monotonic(), 0))
            if not ready:
                raise SystemExit(f"a worker ({self.way.title}) said nothing for {SECONDS_MAX} s")
            read = os.read(output, 1 << 16)
            if not read:
                raise SystemExit(f"a worker ({self.way.title}) ended by itself")
            self.unread += read
        line, self.unread = self.unread.split(b"\n", 1)
        return json.loads(line)

    def ask(self, do: str, **arguments) -> dict:
        self.begin(do, **arguments)
        return self.hear()

    def started(self) -> Worker:
        self.pid = self.hear()["pid"]
        return self

    def memory(self) -> dict[str, int]:
        return memory_of_process(self.pid)

    def shared_bytes(self) -> int:
        return writable_bytes_mapped(self.pid, self.place.larder)


@contextlib.contextmanager
def started(place: Place, ways: list[Way]):
    """One worker for each given way; none of them has loaded anything yet."""
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(place, way)) for way in ways]
        yield [worker.started() for worker in workers]
