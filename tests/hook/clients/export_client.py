"""Compiles models of many kinds, exports each, and imports the exported blobs.

    export_client.py FOLDER [PROPERTY=VALUE…]

Prints digests of the outputs and of the exported blob for each. Models in FOLDER are compiled by
path, others in memory.
"""

import hashlib
import io
import json
import pathlib
import sys

import numpy as np
import openvino as ov
from openvino import opset13 as ops

RANDOM = np.random.default_rng(7)


def weights(shape, kind):
    values = RANDOM.standard_normal(shape) * 8
    constant = ops.constant(values.astype(kind))
    return constant if kind == np.float32 else ops.convert(constant, "f32")


def dense(kind, batch):
    x = ops.parameter([batch, 64], np.float32, name="x")
    y = ops.elu(ops.matmul(x, weights((64, 32), kind), False, False), 0.3123456)
    return ov.Model([ops.result(y)], [x], "dense")


def convolution():
    x = ops.parameter([1, 3, 16, 16], np.float32, name="x")
    y = ops.convolution(x, weights((8, 3, 3, 3), np.float32), [1, 1], [0, 0], [0, 0], [1, 1])
    return ov.Model([ops.result(ops.relu(y))], [x], "convolution")


def branch():
    """An If whose bodies have weights of their own."""
    x = ops.parameter([1, 64], np.float32, name="x")
    bodies = []
    for _ in range(2):
        inner = ops.parameter([1, 64], np.float32)
        y = ops.add(inner, weights((1, 64), np.float32))
        bodies.append((named(ov.Model([ops.result(y)], [inner], "body")), inner))
    total = ops.reduce_sum(x, ops.constant(np.int64([0, 1])), False)
    chosen = ops.if_op(ops.greater(total, ops.constant(np.float32(0))).output(0))
    chosen.set_then_body(bodies[0][0])
    chosen.set_else_body(bodies[1][0])
    chosen.set_input(x.output(0), bodies[0][1], bodies[1][1])
    y = chosen.set_output(bodies[0][0].get_results()[0], bodies[1][0].get_results()[0])
    return ov.Model([ops.result(y)], [x], "branch")


def named(model):
    """With explicit names, because generated names of OpenVINO count up in a process."""
    for i, operation in enumerate(model.get_ordered_ops()):
        operation.set_friendly_name(f"{model.get_friendly_name()} {i}")
    return model


def models(folder):
    yield "f32", named(dense(np.float32, 2))
    yield "f16", named(dense(np.float16, 2))
    yield "i8", named(dense(np.int8, 2))
    yield "dynamic", named(dense(np.float32, -1))
    yield "convolution", named(convolution())
    yield "branch", named(branch())
    for path in sorted(pathlib.Path(folder).glob("*.xml")):
        yield f"{path.stem} by path", str(path)


def inputs_of(compiled):
    made = {}
    for i, port in enumerate(compiled.inputs):
        shape = [7 if d.is_dynamic else d.get_length() for d in port.get_partial_shape()]
        kind = port.get_element_type().to_dtype()
        values = np.arange(np.prod(shape)).reshape(shape) % 5
        made[i] = values.astype(kind) if kind != np.float32 else (values - 2.25).astype(kind)
    return made


def digest(*parts):
    sum_of_all = hashlib.sha256()
    for part in parts:
        sum_of_all.update(part)
    return sum_of_all.hexdigest()[:16]


def outputs_of(compiled):
    request = compiled.create_infer_request()
    request.infer(inputs_of(compiled))
    return digest(*(np.ascontiguousarray(t.data).tobytes() for t in request.output_tensors))


def exported_of(compiled):
    blob = compiled.export_model()
    return blob if isinstance(blob, bytes) else blob.read()


def main():
    properties = dict(word.split("=", 1) for word in sys.argv[2:])
    core, facts = ov.Core(), {}
    # All of them first, because generated names of OpenVINO count up with each compile.
    for name, model in list(models(sys.argv[1])):
        compiled = core.compile_model(model, "CPU", properties)
        facts[name] = {"loaded": compiled.get_property("LOADED_FROM_CACHE"), "outputs": [],
                       "exported": []}
        extra = {}
        if properties.get("CACHE_MODE") == "OPTIMIZE_SIZE" and isinstance(model, str):
            extra = {**properties, "WEIGHTS_PATH": model.replace(".xml", ".bin")}
        facts[name]["outputs"].append(outputs_of(compiled))
        blob = exported_of(compiled)
        facts[name]["exported"].append(digest(blob))
        again = core.import_model(io.BytesIO(blob), "CPU", extra)
        facts[name]["outputs"].append(outputs_of(again))
    json.dump(facts, sys.stdout)


main()
