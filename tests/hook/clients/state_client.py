"""Compiles a model with numbers in its topology, in a process whose state changes how numbers are
written, read or rounded.

    state_client.py STATE…

STATE is `locale=NAME`, `toggle=NAME` (another thread sets it and "C" alternately) or `upward`
(rounding). Prints the outputs and the state afterwards, as JSON.
"""

import ctypes
import json
import locale
import sys
import threading

import numpy as np
import openvino as ov
from openvino import opset13 as ops

FE_TONEAREST, FE_UPWARD = 0, 0x800
MATH = ctypes.CDLL("libm.so.6")


def model():
    x = ops.parameter([4], np.float32, name="x")
    parts = ops.constant(np.float32([1, 2, 3, 4])), ops.constant(np.float32([3, 7, 11, 13]))
    third = ops.divide(*parts)
    y = ops.elu(ops.multiply(x, third), 0.3123456)
    y = ops.mvn(y, ops.constant(np.int64([0])), True, 0.001234, "INSIDE_SQRT")
    return ov.Model([ops.result(y)], [x], "numbers")


def toggle(name, done):
    while not done.is_set():
        locale.setlocale(locale.LC_ALL, name)
        locale.setlocale(locale.LC_ALL, "C")


def main():
    states = dict(word.partition("=")[::2] for word in sys.argv[1:])
    core, done = ov.Core(), threading.Event()
    numbers = model()  # before: its own numbers are the program's
    if "locale" in states:
        locale.setlocale(locale.LC_ALL, states["locale"])
    if "toggle" in states:
        threading.Thread(target=toggle, args=(states["toggle"], done)).start()
    if "upward" in states:
        MATH.fesetround(FE_UPWARD)
    compiled = core.compile_model(numbers, "CPU")
    rounding = MATH.fegetround()
    MATH.fesetround(FE_TONEAREST)
    done.set()
    outputs = compiled(np.float32([-3, -1, -0.5, 2]))[0]
    json.dump({"outputs": [x.hex() for x in outputs.astype(float).tolist()],
               "loaded": compiled.get_property("LOADED_FROM_CACHE"),
               "rounding": rounding,
               "point": locale.localeconv()["decimal_point"]}, sys.stdout)


main()
