"""The common part of all clients: two verbs, and the report of a start, as JSON."""

import json
import pathlib
import re
import sys
import time


class Start:
    """From the request for the first model."""

    def __init__(self):
        self.asked = time.monotonic()
        self.ready = None

    def is_ready(self):
        """All models are ready."""
        self.ready = time.monotonic()

    def tell(self, answer, loaded=None, memory_bytes=None):
        """`answer` is the result of the program; `loaded` is LOADED_FROM_CACHE of each model, if
        the program can access them; `memory_bytes` is the peak, unless given. The clock is the same
        in all processes of a machine."""
        print(json.dumps({
            "ready_at": self.ready,
            "load_seconds": self.ready - self.asked,
            "memory_bytes": memory_bytes or most_memory_bytes(),
            "answer": answer,
            "loaded": loaded,
        }))


def most_memory_bytes():
    """Of this process only; getrusage would include the process that started it."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def was_loaded(compiled):
    return compiled.get_property("LOADED_FROM_CACHE")


def main(prepare, run):
    """usage: PROGRAM prepare FOLDER
              PROGRAM run FOLDER [CACHE]
    `prepare` makes the files that `run` needs; with CACHE, the program itself stores compiled
    models there."""
    verb, folder, *own_cache = sys.argv[1:]
    folder = pathlib.Path(folder)
    if verb == "prepare":
        prepare(folder)
    else:
        run(folder, own_cache[0] if own_cache else None)
