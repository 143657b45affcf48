"""A program that does not know of larder: compiles a model for AUTO, reports it, waits for a line,
and prints its outputs after AUTO has switched to the GPU. Then it runs until it is killed.
"""

import hashlib
import json
import sys
import time

import openvino as ov
from models import MODELS

LIMIT_S = 240

model, inputs = MODELS["pictures"]()
start = time.monotonic()
compiled = ov.Core().compile_model(model, "AUTO")


def say(**more):
    print(json.dumps({"on": compiled.get_property("EXECUTION_DEVICES"), **more}), flush=True)


say(loaded=bool(compiled.get_property("LOADED_FROM_CACHE")),
    ready_ms=(time.monotonic() - start) * 1000)
sys.stdin.readline()
request = compiled.create_infer_request()
while compiled.get_property("EXECUTION_DEVICES") != ["GPU.0"]:
    if time.monotonic() > start + LIMIT_S:
        sys.exit("the GPU never takes over")
    request.infer([inputs])
    time.sleep(0.05)
device_ms = (time.monotonic() - start) * 1000
output = compiled.create_infer_request().infer([inputs])[0]
say(output=hashlib.sha256(output.tobytes()).hexdigest()[:16], device_ms=device_ms)
sys.stdin.readline()
