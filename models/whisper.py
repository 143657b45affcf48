"""Whisper-small's encoder: two convolutions over 30 s of sound, then attention; weights in f16."""

import pathlib

import openvino as ov
from openvino import opset15 as ops

from models.ir import write_ir
from models.layers import Layers, attend, integers, join_heads, parameter, result, split_heads

MEL_BANDS = 80
FRAMES = 3000
WIDTH = 768
BLOCKS = 12
HEADS = 12
FEED_FORWARD = 3072


def encoder_block(layers: Layers, name: str, x: ov.Node) -> ov.Node:
    y = layers.layer_norm(f"{name}.self_attn_layer_norm", x, WIDTH)
    query, key, value = (
        split_heads(
            # The keys' bias would change nothing: Whisper has none.
            layers.linear(f"{name}.{part}_proj", y, WIDTH, WIDTH, bias=part != "k"),
            HEADS,
            WIDTH // HEADS,
        )
        for part in "qkv"
    )
    y = join_heads(attend(query, key, value), WIDTH)
    x = ops.add(x, layers.linear(f"{name}.out_proj", y, WIDTH, WIDTH))
    y = layers.layer_norm(f"{name}.final_layer_norm", x, WIDTH)
    y = ops.gelu(layers.linear(f"{name}.fc1", y, WIDTH, FEED_FORWARD), "erf")
    return ops.add(x, layers.linear(f"{name}.fc2", y, FEED_FORWARD, WIDTH))


def build_whisper(path: pathlib.Path, seed: int) -> None:
    layers = Layers(seed, half=True)
    sound = parameter("input_features", [-1, MEL_BANDS, FRAMES])
    x = ops.gelu(layers.convolution("conv1", sound, MEL_BANDS, WIDTH, [3]), "erf")
    x = ops.gelu(layers.convolution("conv2", x, WIDTH, WIDTH, [3], stride=2), "erf")
    x = ops.transpose(x, integers(0, 2, 1))
    x = ops.add(x, layers.weight("embed_positions.weight", [1, FRAMES // 2, WIDTH], 0.1))
    for block in range(BLOCKS):
        x = encoder_block(layers, f"layers.{block}", x)
    x = layers.layer_norm("layer_norm", x, WIDTH)
    write_ir([sound], [result("last_hidden_state", x)], path)
