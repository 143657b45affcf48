"""Llama: a decoder of RMS norms, rotary positions, grouped queries and SwiGLU; weights in f16."""

import dataclasses
import pathlib

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from models.ir import write_ir
from models.layers import (
    Layers, attend, integers, join_heads, parameter, result, scalar, split_heads,
)


@dataclasses.dataclass(frozen=True)
class Llama:
    width: int
    blocks: int
    heads: int
    heads_kv: int
    feed_forward: int
    vocabulary: int = 32000
    rope_base: float = 10000.0

    @property
    def head_width(self) -> int:
        return self.width // self.heads


LLAMA_100M = Llama(width=768, blocks=8, heads=12, heads_kv=4, feed_forward=2048)
LLAMA_1B = Llama(width=2048, blocks=22, heads=32, heads_kv=4, feed_forward=5632)


def rotary_tables(shape: Llama, tokens: ov.Node) -> tuple[ov.Node, ov.Node]:
    """Cosines and sines, [1, 1, sequence, head_width]."""
    exponents = np.arange(0, shape.head_width, 2, dtype=np.float32) / shape.head_width
    frequencies = ops.constant((shape.rope_base**-exponents).reshape(1, 1, 1, -1))
    length = ops.gather(ops.shape_of(tokens), ops.constant(np.int64(1)), ops.constant(np.int64(0)))
    zero, one = ops.constant(np.int64(0)), ops.constant(np.int64(1))
    positions = ops.reshape(ops.range(zero, length, one, "f32"), integers(1, 1, -1, 1), False)
    angles = ops.multiply(positions, frequencies)
    angles = ops.concat([angles, angles], -1)
    return ops.cos(angles), ops.sin(angles)


def rotate(x: ov.Node, shape: Llama, tables: tuple[ov.Node, ov.Node]) -> ov.Node:
    cosines, sines = tables
    half = shape.head_width // 2
    low = ops.slice(x, integers(0), integers(half), integers(1), integers(3))
    high = ops.slice(x, integers(half), integers(2 * half), integers(1), integers(3))
    turned = ops.concat([ops.multiply(high, scalar(-1.0)), low], -1)
    return ops.add(ops.multiply(x, cosines), ops.multiply(turned, sines))


def repeat_heads(x: ov.Node, shape: Llama) -> ov.Node:
    """Each head of keys and values serves a group of queries."""
    group = shape.heads // shape.heads_kv
    x = ops.unsqueeze(x, integers(2))
    x = ops.broadcast(x, integers(1, 1, group, 1, 1), broadcast_spec="BIDIRECTIONAL")
    return ops.reshape(x, integers(0, shape.heads, -1, shape.head_width), True)


def attention(layers: Layers, name: str, x: ov.Node, shape: Llama, tables) -> ov.Node:
    width, width_kv = shape.width, shape.heads_kv * shape.head_width
    query = layers.linear(f"{name}.q_proj", x, width, width, bias=False)
    key = layers.linear(f"{name}.k_proj", x, width, width_kv, bias=False)
    value = layers.linear(f"{name}.v_proj", x, width, width_kv, bias=False)
    query = rotate(split_heads(query, shape.heads, shape.head_width), shape, tables)
    key = rotate(split_heads(key, shape.heads_kv, shape.head_width), shape, tables)
    value = split_heads(value, shape.heads_kv, shape.head_width)
    y = attend(query, repeat_heads(key, shape), repeat_heads(value, shape), causal=True)
    return layers.linear(f"{name}.o_proj", join_heads(y, width), width, width, bias=False)


def feed_forward(layers: Layers, name: str, x: ov.Node, shape: Llama) -> ov.Node:
    gate = layers.linear(f"{name}.gate_proj", x, shape.width, shape.feed_forward, bias=False)
    up = layers.linear(f"{name}.up_proj", x, shape.width, shape.feed_forward, bias=False)
    x = ops.multiply(ops.swish(gate), up)
    return layers.linear(f"{name}.down_proj", x, shape.feed_forward, shape.width, bias=False)


def build(path: pathlib.Path, seed: int, shape: Llama) -> None:
    layers = Layers(seed, half=True)
    tokens = parameter("input_ids", [-1, -1], np.int64)
    tables = rotary_tables(shape, tokens)
    x = layers.embedding("model.embed_tokens", tokens, shape.vocabulary, shape.width)
    for block in range(shape.blocks):
        name = f"model.layers.{block}"
        y = layers.rms_norm(f"{name}.input_layernorm", x, shape.width)
        x = ops.add(x, attention(layers, f"{name}.self_attn", y, shape, tables))
        y = layers.rms_norm(f"{name}.post_attention_layernorm", x, shape.width)
        x = ops.add(x, feed_forward(layers, f"{name}.mlp", y, shape))
    x = layers.rms_norm("model.norm", x, shape.width)
    logits = layers.linear("lm_head", x, shape.width, shape.vocabulary, bias=False)
    write_ir([tokens], [result("logits", logits)], path)


def build_100m(path: pathlib.Path, seed: int) -> None:
    build(path, seed, LLAMA_100M)


def build_1b(path: pathlib.Path, seed: int) -> None:
    build(path, seed, LLAMA_1B)
