"""What all clients have in common: two verbs, and what they tell of a start, as JSON."""

import json
import pathlib
import re
import sys
import time


class Start:
    """From asking for the first model on."""

    def __init__(self):
        self.asked = time.monotonic()
        self.ready = None

    def is_ready(self):
        """All models are there."""
        self.ready = time.monotonic()

    def tell(self, answer, loaded=None, memory_bytes=None):
        """`answer` is what the program is for; `loaded` what LOADED_FROM_CACHE says of each model,
        where the program can get at them; `memory_bytes` is the most it took, unless told. The
        clock is the same in all processes of a machine."""
        print(json.dumps({
            "ready_at": self.ready,
            "load_seconds": self.ready - self.asked,
            "memory_bytes": memory_bytes or most_memory_bytes(),
            "answer": answer,
            "loaded": loaded,
        }))


def most_memory_bytes():
    """Of this process, and not of the one that started it, as getrusage would count."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def was_loaded(compiled):
    return compiled.get_property("LOADED_FROM_CACHE")


def main(prepare, run):
    """usage: PROGRAM prepare FOLDER
              PROGRAM run FOLDER [CACHE]
    `prepare` makes what `run` needs; with CACHE, the program keeps compiled models there itself."""
    verb, folder, *own_cache = sys.argv[1:]
    folder = pathlib.Path(folder)
    if verb == "prepare":
        prepare(folder)
    else:
        run(folder, own_cache[0] if own_cache else None)
