"""A perceptron for PaddlePaddle: the program, and the weights in a file beside it."""

import math
import pathlib
import struct

import numpy as np

from models.protobuf import message
from models.weights import Weights

WIDTHS = [64, 128, 10]
# framework.proto
FP32 = 5
LOD_TENSOR = 7
FEED_MINIBATCH, FETCH_LIST = 9, 10
ATTR_INT, ATTR_BOOLEAN = 0, 6


def tensor_description(sizes: list[int]) -> bytes:
    return message((1, FP32), *((2, size) for size in sizes))


def variable(name: str, sizes: list[int], is_weight: bool = False) -> bytes:
    kind = message((1, LOD_TENSOR), (3, message((1, tensor_description(sizes)), (2, 0))))
    return message((1, name), (2, kind), (3, int(is_weight)))


def holder(name: str, kind: int) -> bytes:
    return message((1, name), (2, message((1, kind))), (3, 1))


def operation(
    kind: str, inputs: dict[str, str], outputs: dict[str, str], attributes: list[bytes]
) -> bytes:
    read = [(1, message((1, slot), (2, name))) for slot, name in inputs.items()]
    made = [(2, message((1, slot), (2, name))) for slot, name in outputs.items()]
    return message(*read, *made, (3, kind), *((4, attribute) for attribute in attributes))


def integer(name: str, value: int) -> bytes:
    return message((1, name), (2, ATTR_INT), (3, value))


def boolean(name: str, value: bool) -> bytes:
    return message((1, name), (2, ATTR_BOOLEAN), (10, int(value)))


def stored(values: np.ndarray) -> bytes:
    """A tensor in the file of weights: two versions, no levels, and its description."""
    description = tensor_description(list(values.shape))
    return struct.pack("<IQIi", 0, 0, 0, len(description)) + description + values.tobytes()


def build_tiny(path: pathlib.Path, seed: int) -> None:
    weights = Weights(seed)
    variables = [holder("feed", FEED_MINIBATCH), holder("fetch", FETCH_LIST)]
    variables.append(variable("input", [-1, WIDTHS[0]]))
    operations = [operation("feed", {"X": "feed"}, {"Out": "input"}, [integer("col", 0)])]
    kept = {}
    x = "input"
    for number, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        weight, product, y = (f"layers_{number}.{part}" for part in ("weight", "product", "relu"))
        kept[weight] = weights.normal(weight, [inputs, outputs], math.sqrt(2.0 / inputs))
        variables.append(variable(weight, [inputs, outputs], is_weight=True))
        variables += [variable(product, [-1, outputs]), variable(y, [-1, outputs])]
        turns = [boolean("trans_x", False), boolean("trans_y", False)]
        operations.append(
            operation("matmul_v2", {"X": x, "Y": weight}, {"Out": product}, turns)
        )
        operations.append(operation("relu", {"X": product}, {"Out": y}, []))
        x = y
    variables.append(variable("output", [-1, WIDTHS[-1]]))
    operations.append(operation("softmax", {"X": x}, {"Out": "output"}, [integer("axis", -1)]))
    operations.append(operation("fetch", {"X": "output"}, {"Out": "fetch"}, [integer("col", 0)]))
    listed = [(3, written) for written in variables] + [(4, written) for written in operations]
    block = message((1, 0), (2, -1), *listed)
    path.write_bytes(message((1, block), (4, message((1, 2004000)))))
    # The frontend reads them in the order of their names.
    weights_bytes = b"".join(stored(kept[name]) for name in sorted(kept))
    path.with_suffix(".pdiparams").write_bytes(weights_bytes)
