"""A program that knows nothing of larder: reads a GGUF with OpenVINO's frontend, compiles it, and
prints whether it was loaded and what comes of zeros.

usage: gguf_client.py FILE DEVICE [PROPERTIES, as JSON]
"""

import hashlib
import json
import sys

import numpy as np
import openvino as ov
from idleness import wait_for_idleness
from openvino.frontend import FrontEndManager

path, device = sys.argv[1:3]
properties = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
frontend = FrontEndManager().load_by_framework("gguf")
model = frontend.convert(frontend.load(path))
core = ov.Core()
compiled = core.compile_model(model, device, properties)
inputs = {}
for port in compiled.inputs:
    shape = [size.get_length() if size.is_static else 1 for size in port.partial_shape]
    inputs[port] = np.zeros(shape, port.element_type.to_dtype())
found = compiled(inputs)
print(json.dumps({
    "loaded": bool(compiled.get_property("LOADED_FROM_CACHE")),
    "tokenizer": "gguf_tokenizer_metadata" in model.get_rt_info(),
    "outputs": [hashlib.sha256(found[port].tobytes()).hexdigest()[:16]
                for port in compiled.outputs]}))
wait_for_idleness()
