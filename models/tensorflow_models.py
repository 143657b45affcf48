"""A perceptron as a frozen TensorFlow graph (the messages of tensorflow/core/framework)."""

import math
import pathlib

import numpy as np

from models.protobuf import message
from models.weights import Weights

WIDTHS = [64, 128, 10]
PRODUCER = 1395
# types.proto and attr_value.proto
DT_FLOAT = 1
ATTR_BOOL, ATTR_TYPE, ATTR_SHAPE, ATTR_TENSOR = 5, 6, 7, 8

FLOAT = message((ATTR_TYPE, DT_FLOAT))
FALSE = message((ATTR_BOOL, 0))


def shape(*sizes: int) -> bytes:
    return message(*((2, message((1, size))) for size in sizes))


def node(name: str, kind: str, inputs: list[str], attributes: dict[str, bytes]) -> bytes:
    mapped = [(5, message((1, key), (2, value))) for key, value in attributes.items()]
    return message((1, name), (2, kind), *((3, source) for source in inputs), *mapped)


def constant(name: str, values: np.ndarray) -> bytes:
    tensor = message((1, DT_FLOAT), (2, shape(*values.shape)), (4, values.tobytes()))
    return node(name, "Const", [], {"dtype": FLOAT, "value": message((ATTR_TENSOR, tensor))})


def build_tiny(path: pathlib.Path, seed: int) -> None:
    weights = Weights(seed)
    placeholder = {"dtype": FLOAT, "shape": message((ATTR_SHAPE, shape(-1, WIDTHS[0])))}
    nodes = [node("input", "Placeholder", [], placeholder)]
    x = "input"
    for number, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        name = f"layers_{number}"
        values = weights.normal(f"{name}/weight", [inputs, outputs], math.sqrt(2.0 / inputs))
        nodes.append(constant(f"{name}/weight", values))
        multiply = {"T": FLOAT, "transpose_a": FALSE, "transpose_b": FALSE}
        nodes.append(node(f"{name}/product", "MatMul", [x, f"{name}/weight"], multiply))
        nodes.append(node(f"{name}/relu", "Relu", [f"{name}/product"], {"T": FLOAT}))
        x = f"{name}/relu"
    nodes.append(node("output", "Softmax", [x], {"T": FLOAT}))
    versions = message((1, PRODUCER))
    path.write_bytes(message(*((1, written) for written in nodes), (4, versions)))
