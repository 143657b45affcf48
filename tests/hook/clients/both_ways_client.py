"""A program that does not know of larder, and requests a model in one of several ways.

usage: both_ways_client.py WAY MODEL.xml; prints what it sees of the model as JSON.
"""

import hashlib
import json
import sys

import numpy as np
import openvino as ov

WAY, MODEL = sys.argv[1:]
core = ov.Core()


def changed():
    model = core.read_model(MODEL)
    model.reshape([4, model.inputs[0].partial_shape[1].get_length()])
    return model


def renamed():
    model = core.read_model(MODEL)
    model.outputs[0].get_tensor().set_names({"another"})
    model.get_results()[0].set_friendly_name("another/result")
    return model


WAYS = {"path": lambda: MODEL, "read": lambda: core.read_model(MODEL), "changed": changed,
        "renamed": renamed}

compiled = core.compile_model(WAYS[WAY](), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
rows = np.linspace(-1, 1, 4 * compiled.inputs[0].partial_shape[1].get_length(), dtype=np.float32)
found = compiled([rows.reshape(4, -1)])[0]
ports = [(sorted(port.get_names()), port.get_node().get_friendly_name(),
          str(port.get_partial_shape())) for port in (*compiled.inputs, *compiled.outputs)]
print(json.dumps({"outputs": hashlib.sha256(found.tobytes()).hexdigest(), "ports": ports,
                  "loaded": bool(compiled.get_property("LOADED_FROM_CACHE"))}))
