"""The layers that the architectures share, made of OpenVINO operations."""

import math

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from models.weights import Weights

# Marks a Convert that belongs to a compressed weight; see ir.py.
DECOMPRESS = "/decompress"
# The number of 4-bit weights with a common scale.
GROUP = 128
# The scale of values that are added to a stream of many sums.
BRANCH_GAIN = 0.3


def integers(*values: int) -> ov.Node:
    return ops.constant(np.array(values, np.int64))


def scalar(value: float) -> ov.Node:
    return ops.constant(np.array(value, np.float32))


def parameter(name: str, shape: list[int], element_type: type = np.float32) -> ov.Node:
    """An input; -1 is a dynamic dimension."""
    node = ops.parameter(ov.PartialShape(shape), element_type, name=name)
    node.output(0).get_tensor().set_names({name})
    return node


def result(name: str, value: ov.Node) -> ov.Node:
    node = ops.result(value.output(0), name=name)
    node.output(0).get_tensor().set_names({name})
    return node


class Layers:
    """Makes layers, whose weights are f32, or f16 with a Convert, as converted models have them, or
    compressed to 8 or 4 bits, as compression tools write them."""

    def __init__(self, seed: int, half: bool = False, bits: int = 0):
        self.weights = Weights(seed)
        self.is_half = half
        self.bits = bits
        self.tensors: list[ov.Tensor] = []
        self.parameters = 0

    def weight(self, name: str, shape: list[int], deviation: float) -> ov.Node:
        self.parameters += math.prod(shape)
        if self.bits == 8:
            return self.bytes_with_scales(name, shape, deviation)
        if self.bits == 4 and shape[-1] % GROUP == 0:
            return self.halves_of_bytes_with_scales(name, shape, deviation)
        if not self.is_half:
            values = self.weights.normal(name, shape, deviation)
            return ops.constant(values, name=name, shared_memory=True)
        stored = ops.constant(
            self.weights.half(name, shape, deviation), name=name, shared_memory=True
        )
        return ops.convert(stored, "f32", name=name + DECOMPRESS)

    def scales(self, name: str, shape: list[int], step: float) -> ov.Node:
        values = self.weights.half(name + "/scale", shape, step / 8) + np.float16(step)
        return ops.constant(values, name=name + "/scale")

    def bytes_with_scales(self, name: str, shape: list[int], deviation: float) -> ov.Node:
        """u8 with a zero point and a scale for each row."""
        raw = self.weights.raw(name, math.prod(shape)).reshape(shape)
        stored = ops.convert(ops.constant(raw, name=name, shared_memory=True), "f16")
        zero = ops.convert(ops.constant(np.full([shape[0], 1], 128, np.uint8)), "f16")
        scale = self.scales(name, [shape[0], 1], deviation / 74)  # 256 values spread as widely
        return ops.convert(ops.multiply(ops.subtract(stored, zero), scale), "f32")

    def halves_of_bytes_with_scales(
        self, name: str, shape: list[int], deviation: float
    ) -> ov.Node:
        """i4 with a scale for each group of a row."""
        groups = [*shape[:-1], shape[-1] // GROUP, GROUP]
        packed = self.weights.raw(name, math.prod(shape) // 2)
        tensor = ov.Tensor(packed, ov.Shape(groups), ov.Type.i4)
        self.tensors.append(tensor)  # the constant has no copy, and does not keep it
        stored = ops.convert(ov.op.Constant(tensor), "f16")
        scale = self.scales(name, [*groups[:-1], 1], deviation / 4.6)
        values = ops.reshape(ops.multiply(stored, scale), integers(*shape), False)
        return ops.convert(values, "f32")

    def vector(self, name: str, shape: list[int], deviation: float, mean: float) -> ov.Node:
        """A bias or a norm's weights: few, and kept in f32."""
        self.parameters += math.prod(shape)
        return ops.constant(self.weights.normal(name, shape, deviation, mean), name=name)

    def embedding(self, name: str, indices: ov.Node, rows: int, width: int) -> ov.Node:
        table = self.weight(name + ".weight", [rows, width], 1.0)
        return ops.gather(table, indices, integers(0).output(0))

    def linear(
        self, name: str, x: ov.Node, inputs: int, outputs: int, bias: bool = True, gain: float = 1.0
    ) -> ov.Node:
        weight = self.weight(name + ".weight", [outputs, inputs], gain / math.sqrt(inputs))
        x = ops.matmul(x, weight, False, True)
        if bias:
            x = ops.add(x, self.vector(name + ".bias", [1, 1, outputs], 0.02, 0.0))
        return x

    def convolution(
        self,
        name: str,
        x: ov.Node,
        inputs: int,
        outputs: int,
        kernel: list[int],
        stride: int = 1,
        gain: float = 1.0,
    ) -> ov.Node:
        """Keeps the size except for the stride; one or two dimensions, according to the kernel."""
        rank = len(kernel)
        padding = [size // 2 for size in kernel]
        deviation = gain / math.sqrt(inputs * math.prod(kernel))
        weight = self.weight(name + ".weight", [outputs, inputs, *kernel], deviation)
        x = ops.convolution(x, weight, [stride] * rank, padding, padding, [1] * rank)
        return ops.add(x, self.vector(name + ".bias", [1, outputs] + [1] * rank, 0.02, 0.0))

    def layer_norm(self, name: str, x: ov.Node, width: int) -> ov.Node:
        x = ops.mvn(x, integers(-1), True, 1e-5, "INSIDE_SQRT")
        x = ops.multiply(x, self.vector(name + ".weight", [1, 1, width], 0.1, 1.0))
        return ops.add(x, self.vector(name + ".bias", [1, 1, width], 0.02, 0.0))

    def rms_norm(self, name: str, x: ov.Node, width: int) -> ov.Node:
        mean = ops.reduce_mean(ops.power(x, scalar(2.0)), integers(-1), True)
        root = ops.sqrt(ops.add(mean, scalar(1e-5)))
        x = ops.multiply(x, ops.divide(scalar(1.0), root))
        return ops.multiply(x, self.vector(name + ".weight", [1, 1, width], 0.1, 1.0))

    def group_norm(self, name: str, x: ov.Node, channels: int, groups: int = 32) -> ov.Node:
        scale = self.vector(name + ".weight", [channels], 0.1, 1.0)
        bias = self.vector(name + ".bias", [channels], 0.02, 0.0)
        return ops.group_normalization(x, scale, bias, groups, 1e-5)

    def residual(
        self, name: str, x: ov.Node, inputs: int, outputs: int, time: ov.Node | None = None
    ) -> ov.Node:
        """Two convolutions beside what they are given, of a diffusion model; `time` is the embedded
        step, where the network sees it."""
        y = ops.swish(self.group_norm(f"{name}.norm1", x, inputs))
        y = self.convolution(f"{name}.conv1", y, inputs, outputs, [3, 3])
        if time is not None:
            width = time.output(0).get_partial_shape()[-1].get_length()
            shift = self.linear(f"{name}.time", time, width, outputs)
            y = ops.add(y, ops.reshape(shift, integers(1, outputs, 1, 1), False))
        y = ops.swish(self.group_norm(f"{name}.norm2", y, outputs))
        y = self.convolution(f"{name}.conv2", y, outputs, outputs, [3, 3], gain=BRANCH_GAIN)
        if inputs != outputs:
            x = self.convolution(f"{name}.shortcut", x, inputs, outputs, [1, 1])
        return ops.add(x, y)


def split_heads(x: ov.Node, heads: int, head_width: int) -> ov.Node:
    """[batch, sequence, heads * head_width] -> [batch, heads, sequence, head_width]."""
    x = ops.reshape(x, integers(0, 0, heads, head_width), True)
    return ops.transpose(x, integers(0, 2, 1, 3))


def join_heads(x: ov.Node, width: int) -> ov.Node:
    return ops.reshape(ops.transpose(x, integers(0, 2, 1, 3)), integers(0, 0, width), True)


def attend(
    query: ov.Node, key: ov.Node, value: ov.Node, mask: ov.Node | None = None, causal: bool = False
) -> ov.Node:
    return ops.scaled_dot_product_attention(query, key, value, mask, causal=causal)
