"""A program that has larder serve it, on a GPU.

usage: on_gpu.py MODEL LARDER: prints as JSON whether the model came from the larder, the device
that it is on, and what comes of ones.
"""

import json
import sys

import larder

with larder.install(dir=sys.argv[2]):
    import numpy as np
    import openvino as ov

    compiled = ov.Core().compile_model(sys.argv[1], "GPU")
    ones = {port: np.ones(port.shape, np.float32) for port in compiled.inputs}
    print(json.dumps([
        bool(compiled.get_property("LOADED_FROM_CACHE")),
        compiled.get_property("EXECUTION_DEVICES"),
        [float(value) for value in compiled(ones)[0].flat]]))
