"""A program that knows nothing of larder, and does something as soon as it has its model.

usage: first_start.py HOW; prints "loaded" or "compiled", and then what it has computed.
"""
import gc
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import threading

import numpy as np
import openvino as ov
from openvino import opset13 as ops

HOW = sys.argv[1]
WIDTH, LAYERS = 1024, 6


def model(rows=-1):
    """Dynamic, so that its weights are packed by the first inference."""
    generator = np.random.default_rng(1)
    x = ops.parameter([rows, WIDTH], np.float32, name="x")
    y = x
    for _ in range(LAYERS):
        weights = generator.standard_normal((WIDTH, WIDTH), np.float32) / np.float32(WIDTH)
        y = ops.tanh(ops.matmul(y, ops.constant(weights), False, False))
    return ov.Model([ops.result(y)], [x], "layers")


def compile_it(core=None):
    compiled = (core or ov.Core()).compile_model(model(), "CPU")
    loaded = compiled.get_property("LOADED_FROM_CACHE")
    print("loaded" if loaded else "compiled", flush=True)
    return compiled


def infer(compiled, rows=4):
    x = np.linspace(-1, 1, rows * WIDTH, dtype=np.float32).reshape(rows, WIDTH)
    return compiled.create_infer_request().infer([x])[0]


def digest(values):
    """The same for numbers that differ by less than a processor's threads make of them."""
    return f"{np.abs(np.asarray(values, np.float64)).sum().item():.3f}"


def end():
    """At once."""
    compile_it()


def exit_hard():
    compile_it()
    os._exit(0)


def killed():
    compile_it()
    os.kill(os.getpid(), signal.SIGKILL)


def terminated():
    compile_it()
    os.kill(os.getpid(), signal.SIGTERM)


def use():
    """From several threads, with other shapes each time."""
    compiled = compile_it()
    threads = [threading.Thread(target=lambda rows=rows: infer(compiled, rows))
               for rows in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(digest(infer(compiled)), flush=True)


def free():
    """The model and the core, while the entry is being published."""
    core = ov.Core()
    compiled = compile_it(core)
    print(digest(infer(compiled)), flush=True)
    del compiled, core
    gc.collect()


def fork():
    """A child ends by itself."""
    compile_it()
    child = os.fork()
    if child == 0:
        print("child", flush=True)
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)


def execute():
    """Another program takes the place of this one."""
    compile_it()
    os.execv(sys.executable, [sys.executable, "-c", "print('executed')"])


def overwrite():
    """The model's own file is emptied: a read of its mapping would end the process."""
    path = pathlib.Path(tempfile.mkdtemp()) / "layers.xml"
    ov.save_model(model(rows=4), path, compress_to_fp16=False)
    compiled = ov.Core().compile_model(path, "CPU")
    path.with_suffix(".bin").write_bytes(b"")
    print("loaded" if compiled.get_property("LOADED_FROM_CACHE") else "compiled", flush=True)
    shutil.rmtree(path.parent)


def thread():
    """On a thread that ends; the main one knows nothing of it."""
    worker = threading.Thread(target=compile_it)
    worker.start()
    worker.join()


def again():
    """The same model once more: it waits for the entry."""
    core = ov.Core()
    first = compile_it(core)
    second = compile_it(core)
    print(digest(infer(first)) == digest(infer(second)), flush=True)


{each.__name__: each for each in (end, exit_hard, killed, terminated, use, free, fork, execute,
                                  overwrite, thread, again)}[HOW]()
