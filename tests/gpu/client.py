"""A program that does not know of larder: compiles a model, runs it, and prints the result.

usage: client.py MODEL DEVICE [PROPERTIES, as JSON]; with ON_CPU set, it also prints the difference
from the CPU's answer; with UNTIL_ON set, it ends after AUTO has switched to that device. It prints
the effective values of the given properties.
"""

import hashlib
import json
import os
import sys
import time

import numpy as np
import openvino as ov
from models import MODELS

name, device = sys.argv[1:3]
properties = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
model, inputs = MODELS[name]()
core = ov.Core()
compiled = core.compile_model(model, device, properties)
request = compiled.create_infer_request()
outputs = [request.infer([inputs])[0].copy() for _ in range(2)]
found = {
    "loaded": bool(compiled.get_property("LOADED_FROM_CACHE")),
    "on": compiled.get_property("EXECUTION_DEVICES"),
    "properties": {name: str(compiled.get_property(name)) for name in properties},
    "outputs": [hashlib.sha256(output.tobytes()).hexdigest()[:16] for output in outputs]}
if "ON_CPU" in os.environ:
    wanted = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([inputs])[0]
    found["off"] = float(np.abs(outputs[0] - wanted).max() / np.abs(wanted).max())
limit = time.monotonic() + 120
while (os.environ.get("UNTIL_ON", "") not in ("", *compiled.get_property("EXECUTION_DEVICES"))
       and time.monotonic() < limit):
    time.sleep(0.1)
print(json.dumps(found))
