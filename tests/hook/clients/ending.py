"""A program that does not know of larder, and ends in a selected way.

usage: ending.py HOW [ARGUMENT]; prints "loaded" or "compiled" once it has its model.
"""
import os
import signal
import sys
import threading
import time

import numpy as np
import openvino as ov
from openvino import opset13 as ops

HOW, ARGUMENTS = sys.argv[1], sys.argv[2:]


def small_model():
    x = ops.parameter([2, 64], np.float32, name="x")
    y = ops.matmul(x, ops.constant(np.eye(64, dtype=np.float32)), False, False)
    return ov.Model([ops.result(y)], [x], "small")


def compile_small():
    compiled = ov.Core().compile_model(small_model(), "CPU")
    loaded = compiled.get_property("LOADED_FROM_CACHE")
    print("loaded" if loaded else "compiled", flush=True)
    return compiled


def infer_for_ever(compiled):
    request = compiled.create_infer_request()
    while True:
        request.infer([np.ones((2, 64), np.float32)])


def wait():
    """Runs until it is killed."""
    compiled = compile_small()
    compiled([np.ones((2, 64), np.float32)])
    time.sleep(60)


def abort_at_exit():
    """The interpreter aborts because of a daemon thread that runs inferences."""
    compiled = compile_small()
    threading.Thread(target=infer_for_ever, args=(compiled,), daemon=True).start()
    time.sleep(0.05)


def stall():
    """The disk stalls as it ends."""
    compiled = compile_small()
    compiled([np.ones((2, 64), np.float32)])
    with open(os.environ["STALL_FILE"], "w", encoding="utf-8"):
        pass


def stall_at_once():
    """The disk stalls as soon as the program has its model."""
    compile_small()
    with open(os.environ["STALL_FILE"], "w", encoding="utf-8"):
        pass


def fork_and_die():
    """A child that lives on is forked while the model is compiled; ARGUMENTS: model, locks."""
    model, locks = ARGUMENTS
    threading.Thread(target=ov.Core().compile_model, args=(model, "CPU"), daemon=True).start()
    until = time.time() + 60
    while time.time() < until and not any(files for _, _, files in os.walk(locks)):
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        os.setsid()
        for number in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        time.sleep(120)
        os._exit(0)
    print(child, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


{"orderly": compile_small, "wait": wait, "abort_at_exit": abort_at_exit, "stall": stall,
 "stall_at_once": stall_at_once, "fork_and_die": fork_and_die}[HOW]()
