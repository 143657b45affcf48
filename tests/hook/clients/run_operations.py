"""Compiles every model of operations.py, runs it, and prints a JSON line for each."""

import hashlib
import json
import pathlib
import sys

import openvino as ov

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import operations  # noqa: E402


def names(port):
    node = port.get_node()
    source = node.input_value(0).get_node().friendly_name if node.get_input_size() else ""
    return [node.friendly_name, sorted(port.get_names()), source]


def names_by_asked(port, asked):
    """Generated names count up in a process: only their differences can be compared with another
    process."""
    found_name, found_tensor, found_source = names(port)
    name, tensor, source = names(asked)
    suffix = found_source.removeprefix(source) if found_source.startswith(source) else found_source
    return [found_name == name, found_tensor == tensor, suffix]


def shape(port):
    return [port.get_element_type().to_string(), str(port.get_partial_shape())]


def digest_of(arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def answer(core, build):
    model, inputs = build()
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})
    outputs = compiled(inputs)
    ports = [*compiled.inputs, *compiled.outputs]
    asked = [*model.inputs, *model.outputs]
    return {"loaded": compiled.get_property("LOADED_FROM_CACHE"),
            "outputs": digest_of(outputs[port] for port in compiled.outputs),
            "shapes": [shape(port) for port in ports],
            "names": [names_by_asked(*pair) for pair in zip(ports, asked)]}


def main():
    core = ov.Core()
    for name, build in operations.CASES.items():
        try:
            line = answer(core, build)
        except RuntimeError as error:
            line = {"error": str(error)}
        print(json.dumps({"name": name, **line}))


main()
