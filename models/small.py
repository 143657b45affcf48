"""The smallest models: a few operations, read and compiled at once."""

import pathlib

from openvino import opset15 as ops

from models.ir import write_ir
from models.layers import Layers, parameter, result


def perceptron(path: pathlib.Path, seed: int, widths: list[int]) -> None:
    layers = Layers(seed)
    x = image = parameter("input", [-1, 1, widths[0]])
    for number, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        x = ops.relu(layers.linear(f"layers.{number}", x, inputs, outputs, gain=1.4))
    write_ir([image], [result("output", ops.softmax(x, -1))], path)


def build_tiny(path: pathlib.Path, seed: int) -> None:
    perceptron(path, seed, [16, 32, 10])


def build_small(path: pathlib.Path, seed: int) -> None:
    perceptron(path, seed, [256, 512, 256, 10])
