"""The networks of a small latent diffusion pipeline like Stable Diffusion: a text encoder, a U-Net
and a VAE decoder, of any height and width; f16."""

import pathlib

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from models.ir import write_ir
from models.layers import (
    BRANCH_GAIN, Layers, attend, integers, join_heads, parameter, result, scalar, split_heads)

LATENT = 4
VOCABULARY = 256
TEXT_LENGTH = 77
TEXT_WIDTH = 256
TEXT_LAYERS = 4
CHANNELS = [128, 256]
DECODER_CHANNELS = [128, 64, 32, 32]
HEADS = 4


class Blocks(Layers):
    """The blocks that the three networks share."""

    def __init__(self, seed: int):
        super().__init__(seed, half=True)

    def attention(
        self, name: str, x: ov.Node, seen: ov.Node, width: int, seen_width: int, causal: bool
    ) -> ov.Node:
        query = self.linear(f"{name}.to_q", x, width, width)
        key = self.linear(f"{name}.to_k", seen, seen_width, width)
        value = self.linear(f"{name}.to_v", seen, seen_width, width)
        query, key, value = (
            split_heads(part, HEADS, width // HEADS) for part in (query, key, value))
        y = join_heads(attend(query, key, value, causal=causal), width)
        return self.linear(f"{name}.to_out", y, width, width, gain=BRANCH_GAIN)

    def feed_forward(self, name: str, x: ov.Node, width: int) -> ov.Node:
        x = ops.gelu(self.linear(f"{name}.0", x, width, 4 * width), "erf")
        return self.linear(f"{name}.1", x, 4 * width, width, gain=BRANCH_GAIN)

    def transformer(self, name: str, image: ov.Node, width: int, text: ov.Node) -> ov.Node:
        x = self.group_norm(f"{name}.norm", image, width)
        x = ops.transpose(ops.reshape(x, integers(0, 0, -1), True), integers(0, 2, 1))
        y = self.layer_norm(f"{name}.norm1", x, width)
        x = ops.add(x, self.attention(f"{name}.attn1", y, y, width, width, causal=False))
        y = self.layer_norm(f"{name}.norm2", x, width)
        x = ops.add(x, self.attention(f"{name}.attn2", y, text, width, TEXT_WIDTH, causal=False))
        y = self.layer_norm(f"{name}.norm3", x, width)
        x = ops.add(x, self.feed_forward(f"{name}.ff", y, width))
        x = ops.reshape(ops.transpose(x, integers(0, 2, 1)), ops.shape_of(image), False)
        return ops.add(image, self.convolution(f"{name}.proj_out", x, width, width, [1, 1]))

    def embed_time(self, step: ov.Node, width: int) -> ov.Node:
        half = width // 2
        frequencies = np.exp(-np.log(10000.0) * np.arange(half) / half).astype(np.float32)
        angles = ops.multiply(ops.reshape(step, integers(1, 1, 1), False), frequencies)
        x = ops.concat([ops.cos(angles), ops.sin(angles)], -1)
        return ops.swish(self.linear("time", x, width, width))


def build_text_encoder(path: pathlib.Path, seed: int) -> None:
    tokens = parameter("input_ids", [-1, TEXT_LENGTH], np.int64)
    blocks = Blocks(seed)
    x = blocks.embedding("tokens", tokens, VOCABULARY, TEXT_WIDTH)
    x = ops.add(x, blocks.vector("positions", [1, TEXT_LENGTH, TEXT_WIDTH], 0.1, 0.0))
    for layer in range(TEXT_LAYERS):
        y = blocks.layer_norm(f"{layer}.norm1", x, TEXT_WIDTH)
        y = blocks.attention(f"{layer}.attn", y, y, TEXT_WIDTH, TEXT_WIDTH, causal=True)
        x = ops.add(x, y)
        y = blocks.layer_norm(f"{layer}.norm2", x, TEXT_WIDTH)
        x = ops.add(x, blocks.feed_forward(f"{layer}.ff", y, TEXT_WIDTH))
    x = blocks.layer_norm("norm", x, TEXT_WIDTH)
    write_ir([tokens], [result("last_hidden_state", x)], path)


def build_unet(path: pathlib.Path, seed: int) -> None:
    sample = parameter("sample", [-1, LATENT, -1, -1])
    step = parameter("timestep", [1])
    text = parameter("encoder_hidden_states", [-1, TEXT_LENGTH, TEXT_WIDTH])
    blocks = Blocks(seed)
    narrow, wide = CHANNELS
    time = blocks.embed_time(step, narrow)
    first = blocks.convolution("conv_in", sample, LATENT, narrow, [3, 3])
    first = blocks.residual("down.0", first, narrow, narrow, time)
    x = blocks.convolution("down.sample", first, narrow, narrow, [3, 3], stride=2)
    x = blocks.residual("down.1", x, narrow, wide, time)
    x = blocks.transformer("middle", x, wide, text)
    x = blocks.residual("up.1", x, wide, wide, time)
    # To the size that it had on the way down, even if that size is odd.
    size = ops.gather(ops.shape_of(first), integers(2, 3), integers(0))
    x = ops.interpolate(x, size, "nearest", "sizes", axes=integers(2, 3))
    x = blocks.residual("up.0", ops.concat([x, first], 1), wide + narrow, narrow, time)
    x = ops.swish(blocks.group_norm("norm_out", x, narrow))
    x = blocks.convolution("conv_out", x, narrow, LATENT, [3, 3])
    write_ir([sample, step, text], [result("out_sample", x)], path)


def build_vae_decoder(path: pathlib.Path, seed: int) -> None:
    latent = parameter("latent_sample", [-1, LATENT, -1, -1])
    blocks = Blocks(seed)
    width = DECODER_CHANNELS[0]
    x = blocks.convolution("conv_in", latent, LATENT, width, [3, 3])
    for level, outputs in enumerate(DECODER_CHANNELS):
        if level > 0:
            twice = ops.constant(np.array([2.0, 2.0], np.float32))
            x = ops.interpolate(x, twice, "nearest", "scales", axes=integers(2, 3))
        x = blocks.residual(f"up.{level}", x, width, outputs)
        width = outputs
    x = ops.swish(blocks.group_norm("norm_out", x, width))
    x = ops.tanh(ops.multiply(blocks.convolution("conv_out", x, width, 3, [3, 3]), scalar(0.5)))
    write_ir([latent], [result("sample", x)], path)


def build_pipeline(path: pathlib.Path, seed: int) -> None:
    """The U-Net at `path`, and the others beside it."""
    build_unet(path, seed)
    build_text_encoder(path.with_name("text_encoder.xml"), seed)
    build_vae_decoder(path.with_name("vae_decoder.xml"), seed)
