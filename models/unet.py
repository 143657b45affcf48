"""Stable Diffusion 1.5's U-Net: residual convolutions, attention to itself and to a text; f16."""

import pathlib

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from models.ir import write_ir
from models.layers import (
    BRANCH_GAIN, Layers, attend, integers, join_heads, parameter, result, split_heads)

LATENT = 4
SIZE = 64
CHANNELS = [320, 640, 1280, 1280]
BLOCKS_PER_LEVEL = 2
HEADS = 8
TEXT_LENGTH = 77
TEXT_WIDTH = 768
TIME_WIDTH = 1280


class UNet:
    """The layers, with the inputs of every block: the text, and the embedded time step."""

    def __init__(self, seed: int, text: ov.Node, step: ov.Node):
        self.layers = Layers(seed, half=True)
        self.text = text
        self.time = self.embed_time(step)

    def embed_time(self, step: ov.Node) -> ov.Node:
        half = CHANNELS[0] // 2
        frequencies = np.exp(-np.log(10000.0) * np.arange(half) / half).astype(np.float32)
        angles = ops.multiply(ops.reshape(step, integers(1, 1, 1), False), frequencies)
        x = ops.concat([ops.cos(angles), ops.sin(angles)], -1)
        x = ops.swish(self.layers.linear("time.0", x, CHANNELS[0], TIME_WIDTH))
        return ops.swish(self.layers.linear("time.1", x, TIME_WIDTH, TIME_WIDTH))

    def residual(self, name: str, x: ov.Node, inputs: int, outputs: int) -> ov.Node:
        return self.layers.residual(name, x, inputs, outputs, self.time)

    def attention(
        self, name: str, x: ov.Node, seen: ov.Node, width: int, seen_width: int
    ) -> ov.Node:
        linear = self.layers.linear
        query = linear(f"{name}.to_q", x, width, width, bias=False)
        key = linear(f"{name}.to_k", seen, seen_width, width, bias=False)
        value = linear(f"{name}.to_v", seen, seen_width, width, bias=False)
        y = attend(*(split_heads(part, HEADS, width // HEADS) for part in (query, key, value)))
        return linear(f"{name}.to_out", join_heads(y, width), width, width, gain=BRANCH_GAIN)

    def feed_forward(self, name: str, x: ov.Node, width: int) -> ov.Node:
        x = self.layers.linear(f"{name}.0", x, width, 8 * width)
        kept, gate = ops.split(x, ops.constant(np.int64(2)), 2).outputs()
        x = ops.multiply(kept, ops.gelu(gate, "erf"))
        return self.layers.linear(f"{name}.1", x, 4 * width, width, gain=BRANCH_GAIN)

    def transformer(self, name: str, image: ov.Node, width: int, size: int) -> ov.Node:
        layers = self.layers
        x = layers.group_norm(f"{name}.norm", image, width)
        x = layers.convolution(f"{name}.proj_in", x, width, width, [1, 1])
        x = ops.transpose(ops.reshape(x, integers(0, 0, -1), True), integers(0, 2, 1))
        y = layers.layer_norm(f"{name}.norm1", x, width)
        x = ops.add(x, self.attention(f"{name}.attn1", y, y, width, width))
        y = layers.layer_norm(f"{name}.norm2", x, width)
        x = ops.add(x, self.attention(f"{name}.attn2", y, self.text, width, TEXT_WIDTH))
        y = layers.layer_norm(f"{name}.norm3", x, width)
        x = ops.add(x, self.feed_forward(f"{name}.ff", y, width))
        x = ops.reshape(ops.transpose(x, integers(0, 2, 1)), integers(0, 0, size, size), True)
        x = layers.convolution(f"{name}.proj_out", x, width, width, [1, 1], gain=BRANCH_GAIN)
        return ops.add(image, x)

    def down(self, x: ov.Node) -> list[tuple[ov.Node, int]]:
        """Every state on the way down, with its channels: the way up uses them."""
        width, size = CHANNELS[0], SIZE
        states = [(x, width)]
        for level, outputs in enumerate(CHANNELS):
            for block in range(BLOCKS_PER_LEVEL):
                x = self.residual(f"down.{level}.resnets.{block}", x, width, outputs)
                width = outputs
                if level < len(CHANNELS) - 1:
                    x = self.transformer(f"down.{level}.attentions.{block}", x, width, size)
                states.append((x, width))
            if level < len(CHANNELS) - 1:
                x = self.layers.convolution(f"down.{level}.sample", x, width, width, [3, 3], 2)
                states.append((x, width))
                size //= 2
        return states

    def middle(self, x: ov.Node) -> ov.Node:
        width, size = CHANNELS[-1], SIZE >> (len(CHANNELS) - 1)
        x = self.residual("middle.resnets.0", x, width, width)
        x = self.transformer("middle.attentions.0", x, width, size)
        return self.residual("middle.resnets.1", x, width, width)

    def up(self, x: ov.Node, states: list[tuple[ov.Node, int]]) -> ov.Node:
        width, size = CHANNELS[-1], SIZE >> (len(CHANNELS) - 1)
        for level in reversed(range(len(CHANNELS))):
            outputs = CHANNELS[level]
            for block in range(BLOCKS_PER_LEVEL + 1):
                state, state_width = states.pop()
                x = ops.concat([x, state], 1)
                x = self.residual(
                    f"up.{level}.resnets.{block}", x, width + state_width, outputs
                )
                width = outputs
                if level < len(CHANNELS) - 1:
                    x = self.transformer(f"up.{level}.attentions.{block}", x, width, size)
            if level > 0:
                size *= 2
                sizes, axes = integers(size, size), integers(2, 3)
                x = ops.interpolate(x, sizes, "nearest", "sizes", axes=axes)
                x = self.layers.convolution(f"up.{level}.sample", x, width, width, [3, 3])
        return x


def build_unet(path: pathlib.Path, seed: int) -> None:
    latent = parameter("sample", [-1, LATENT, SIZE, SIZE])
    step = parameter("timestep", [1])
    text = parameter("encoder_hidden_states", [-1, TEXT_LENGTH, TEXT_WIDTH])
    net = UNet(seed, text, step)
    states = net.down(net.layers.convolution("conv_in", latent, LATENT, CHANNELS[0], [3, 3]))
    x = net.up(net.middle(states[-1][0]), states)
    x = ops.swish(net.layers.group_norm("norm_out", x, CHANNELS[0]))
    x = net.layers.convolution("conv_out", x, CHANNELS[0], LATENT, [3, 3])
    write_ir([latent, step, text], [result("noise", x)], path)
