"""A perceptron as TensorFlow Lite (the tables of its schema.fbs)."""

import math
import pathlib

import numpy as np

from models.flatbuffer import Scalar, Table, flatbuffer
from models.weights import Weights

WIDTHS = [64, 128, 10]
SCHEMA_VERSION = 3
FULLY_CONNECTED, SOFTMAX = 9, 25
FULLY_CONNECTED_OPTIONS, SOFTMAX_OPTIONS = 8, 9
RELU = 1


def operator_code(code: int) -> Table:
    return Table({0: Scalar("b", code), 2: Scalar("i", 1), 3: Scalar("i", code)})


def operation(code: int, inputs: list[int], output: int, kind: int, options: Table) -> Table:
    return Table(
        {0: Scalar("I", code), 1: inputs, 2: [output], 3: Scalar("B", kind), 4: options}
    )


class Graph:
    def __init__(self) -> None:
        self.tensors: list[Table] = []
        # The first buffer is empty: that of every tensor without values.
        self.buffers = [Table({})]

    def add(self, name: str, sizes: list[int], values: np.ndarray | None = None) -> int:
        buffer = 0
        if values is not None:
            buffer = len(self.buffers)
            self.buffers.append(Table({0: values.tobytes()}))
        self.tensors.append(Table({0: sizes, 2: Scalar("I", buffer), 3: name}))
        return len(self.tensors) - 1


def build_tiny(path: pathlib.Path, seed: int) -> None:
    weights, graph = Weights(seed), Graph()
    first = x = graph.add("input", [1, WIDTHS[0]])
    operations = []
    for number, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        name = f"layers.{number}"
        values = weights.normal(f"{name}.weight", [outputs, inputs], math.sqrt(2.0 / inputs))
        weight = graph.add(f"{name}.weight", [outputs, inputs], values)
        values = weights.normal(f"{name}.bias", [outputs], 0.02)
        bias = graph.add(f"{name}.bias", [outputs], values)
        y = graph.add(f"{name}.relu", [1, outputs])
        options = Table({0: Scalar("b", RELU)})
        operations.append(operation(0, [x, weight, bias], y, FULLY_CONNECTED_OPTIONS, options))
        x = y
    last = graph.add("output", [1, WIDTHS[-1]])
    operations.append(operation(1, [x], last, SOFTMAX_OPTIONS, Table({0: Scalar("f", 1.0)})))
    subgraph = Table({0: graph.tensors, 1: [first], 2: [last], 3: operations, 4: "main"})
    model = Table(
        {
            0: Scalar("I", SCHEMA_VERSION),
            1: [operator_code(FULLY_CONNECTED), operator_code(SOFTMAX)],
            2: [subgraph],
            3: "perceptron",
            4: graph.buffers,
        }
    )
    path.write_bytes(flatbuffer(model, b"TFL3"))
