"""A program on the `openvino` package, which does not know of larder, and executes commands.

usage: sharing_client.py DIRECTORY
Each line of its input is a step, [NAME, ARGUMENTS…] in JSON, each line of its output is the result
of the step. `report` returns how many bytes are mapped from files in DIRECTORY.
"""

import ctypes
import faulthandler
import gc
import hashlib
import json
import os
import pathlib
import re
import signal
import sys
import threading
import time

import numpy as np
import openvino as ov

DIRECTORY = os.path.realpath(sys.argv[1]) + "/"
core = ov.Core()
loaded = {}
servers, stops = [], threading.Event()
# Between requests, so that models can be loaded meanwhile on few cores.
PAUSE_SECONDS = 0.3
# OpenVINO's binding deadlocks at a first use by two threads at once: one waits for the
# interpreter's lock, and the other holds it.
assert ov.Tensor(np.zeros(1, np.float32)).data is not None


def values_for(compiled, number):
    """The same for the same number; a batch of 1 or 3."""
    width = compiled.input().partial_shape[1].get_length()
    batch = 1 if number % 4 else 3
    return np.sin(np.arange(batch * width, dtype=np.float32) * (number + 1)).reshape(batch, width)


def digest(outputs):
    hasher = hashlib.sha256()
    for output in outputs.values():
        hasher.update(output.tobytes())
    return hasher.hexdigest()[:16]


def step_load(name, model, properties):
    loaded[name] = core.compile_model(model, "CPU", properties)
    return loaded[name].get_property("LOADED_FROM_CACHE")


def step_infer(name, threads, inferences, inputs):
    """The outputs for each of the inputs, over all threads."""
    found = [set() for _ in range(inputs)]
    failures = []

    def infer(first):
        try:
            request = loaded[name].create_infer_request()
            for number in range(first, inferences, threads):
                number %= inputs
                found[number].add(digest(request.infer(values_for(loaded[name], number))))
        except Exception as error:  # whatever it is
            failures.append(str(error))

    workers = [threading.Thread(target=infer, args=(first,)) for first in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return failures or [sorted(digests) for digests in found]


def step_serve(name, text):
    """From now on, runs requests one after the other, with growing sizes, all of which contain a
    text."""
    compiled = loaded[name]
    width = compiled.input().partial_shape[1].get_length()
    values = np.sin(np.arange(300 * width, dtype=np.float32)).reshape(300, width)
    private = np.frombuffer(text.encode().ljust(256), np.uint8)
    values.view(np.uint8).reshape(-1)[10_000:10_256] = private
    ready = threading.Event()

    def infer():
        request = compiled.create_infer_request()
        while not stops.is_set():
            for batch in (200, 250, 300):
                request.infer(values[:batch])
            ready.set()
            time.sleep(PAUSE_SECONDS)

    servers.append(threading.Thread(target=infer))
    servers[-1].start()
    return ready.wait(200)


def step_stop():
    stops.set()
    for server in servers:
        server.join()


def step_unload(*names):
    for name in names or list(loaded):
        del loaded[name]
    gc.collect()


def step_report():
    rollup = pathlib.Path("/proc/self/smaps_rollup").read_text()
    found = {name: int(re.search(rf"^{name}: +(\d+) kB", rollup, re.MULTILINE)[1]) * 1024
             for name in ("Private_Dirty", "Pss", "Rss")}
    mapped, dirty, is_kept = 0, 0, False
    for line in pathlib.Path("/proc/self/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-", line):
            pages, access, *_, path = [*line.split(maxsplit=5), ""][:6]
            # The blob itself is mapped read-only.
            is_kept = path.startswith(DIRECTORY) and "w" in access
            if is_kept:
                first, end = (int(address, 16) for address in pages.split("-"))
                mapped += end - first
        elif is_kept and line.startswith("Private_Dirty:"):
            dirty += int(line.split()[1]) * 1024
    return {**found, "mapped": mapped, "mapped_dirty": dirty}


def step_faulthandler():
    faulthandler.enable()


def step_crash():
    ctypes.string_at(8)


def step_segv():
    os.kill(os.getpid(), signal.SIGSEGV)


def main():
    # A child that OpenVINO's telemetry forks would deadlock on the lock of sys.stdin.
    with open(0, "rb", buffering=0, closefd=False) as steps:
        for line in steps:
            name, *arguments = json.loads(line)
            print(json.dumps(globals()["step_" + name](*arguments)), flush=True)


main()
