"""A program that does not know of larder: for each set of properties it compiles a model with them,
or imports one that was compiled with others, and prints all observable properties of the result.

usage: portraits.py MODEL SETS [DEVICE]; SETS are JSON: [PROPERTIES, …], or
[[OF THE COMPILE, OF THE IMPORT], …]
"""

import hashlib
import json
import sys

import openvino as ov
from models import MODELS

# An imported model has no name, and says that it was not compiled.
# If kernels are stored, the directory is larder's own.
LEFT_OUT = ("NETWORK_NAME", "LOADED_FROM_CACHE", "CACHE_DIR")


def plain(value):
    """Also of a device behind another one."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name not in LEFT_OUT}
    return repr(value)


def shown(compiled, name):
    try:
        return plain(compiled.get_property(name))
    except (RuntimeError, TypeError):
        return None


def nodes_of(compiled):
    """The executed nodes and their kernels."""
    found = []
    for node in compiled.get_runtime_model().get_ordered_ops():
        information = {name: str(value.astype(str)) for name, value in node.get_rt_info().items()
                       if name not in ("execTimeMcs", "originalLayersNames")}
        found.append([node.get_type_name(), sorted(information.items())])
    return found


def portrait(compiled, inputs):
    names = compiled.get_property("SUPPORTED_PROPERTIES")
    request = compiled.create_infer_request()
    outputs = [request.infer([inputs])[0].tobytes() for _ in range(2)]
    try:
        profile = sorted(str(part.status) for part in request.profiling_info)
    except RuntimeError:
        profile = None
    return {
        "properties": {name: shown(compiled, name) for name in names if name not in LEFT_OUT},
        "outputs": [hashlib.sha256(output).hexdigest()[:16] for output in outputs],
        "nodes": nodes_of(compiled),
        "profile": profile}


def main():
    model, inputs = MODELS[sys.argv[1]]()
    device = sys.argv[3] if len(sys.argv) > 3 else "GPU"
    core = ov.Core()
    for properties in json.loads(sys.argv[2]):
        if isinstance(properties, dict):
            compiled = core.compile_model(model, device, properties)
            loaded = bool(compiled.get_property("LOADED_FROM_CACHE"))
        else:
            blob = core.compile_model(model, device, properties[0]).export_model()
            compiled, loaded = core.import_model(blob, device, properties[1]), True
        print(json.dumps({"loaded": loaded, "portrait": portrait(compiled, inputs)}))


if __name__ == "__main__":
    main()
