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


LLAMA_TINY = Llama(
    width=128, blocks=2, heads=4, heads_kv=2, feed_forward=256, vocabulary=512
)
LLAMA_100M = Llama(width=768, blocks=8, heads=12, heads_kv=4, feed_forward=2048)
LLAMA_1B = Llama(width=2048, blocks=22, heads=32, heads_kv=4, feed_forward=5632)


class Past:
    """The keys and values of the tokens before, kept as the model's state from call to call."""

    def __init__(self, batch: ov.Node, beams: ov.Node, mask: ov.Node):
        self.batch = batch
        self.beams = beams
        self.mask = mask
        self.assigned: list[ov.Node] = []

    def extend(self, name: str, x: ov.Node, shape: Llama) -> ov.Node:
        """The stored state, in the order of the beams, followed by x: the next state."""
        variable = [-1, shape.heads_kv, -1, shape.head_width]
        sizes = ops.concat([self.batch, integers(shape.heads_kv, 0, shape.head_width)], 0)
        nothing = ops.broadcast(scalar(0.0), sizes)
        kept = ops.read_value(nothing, name, np.float32, ov.PartialShape(variable))
        kept = ops.gather(kept, self.beams, ops.constant(np.int64(0)))
        x = ops.concat([kept, x], 2)
        self.assigned.append(ops.assign(x, name))
        return x


def length_of(tokens: ov.Node, dimension: int) -> ov.Node:
    return ops.gather(ops.shape_of(tokens), integers(dimension), ops.constant(np.int64(0)))


def count(first: ov.Node, end: ov.Node, element_type: str) -> ov.Node:
    first, end = (ops.squeeze(node, integers(0)) for node in (first, end))
    return ops.range(first, end, ops.constant(np.int64(1)), element_type)


def rotary_tables(shape: Llama, positions: ov.Node) -> tuple[ov.Node, ov.Node]:
    """Cosines and sines, [batch, 1, sequence, head_width], for positions of that shape."""
    exponents = np.arange(0, shape.head_width, 2, dtype=np.float32) / shape.head_width
    frequencies = ops.constant((shape.rope_base**-exponents).reshape(1, 1, 1, -1))
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


def attention(
    layers: Layers, name: str, x: ov.Node, shape: Llama, tables, past: Past | None
) -> ov.Node:
    width, width_kv = shape.width, shape.heads_kv * shape.head_width
    query = layers.linear(f"{name}.q_proj", x, width, width, bias=False)
    key = layers.linear(f"{name}.k_proj", x, width, width_kv, bias=False)
    value = layers.linear(f"{name}.v_proj", x, width, width_kv, bias=False)
    query = rotate(split_heads(query, shape.heads, shape.head_width), shape, tables)
    key = rotate(split_heads(key, shape.heads_kv, shape.head_width), shape, tables)
    value = split_heads(value, shape.heads_kv, shape.head_width)
    if past:
        key = past.extend(f"{name}.key", key, shape)
        value = past.extend(f"{name}.value", value, shape)
    mask = past.mask if past else None
    y = attend(query, repeat_heads(key, shape), repeat_heads(value, shape), mask, not past)
    return layers.linear(f"{name}.o_proj", join_heads(y, width), width, width, bias=False)


def feed_forward(layers: Layers, name: str, x: ov.Node, shape: Llama) -> ov.Node:
    gate = layers.linear(f"{name}.gate_proj", x, shape.width, shape.feed_forward, bias=False)
    up = layers.linear(f"{name}.up_proj", x, shape.width, shape.feed_forward, bias=False)
    x = ops.multiply(ops.swish(gate), up)
    return layers.linear(f"{name}.down_proj", x, shape.feed_forward, shape.width, bias=False)


def decode(
    layers: Layers, tokens: ov.Node, positions: ov.Node, shape: Llama, past: Past | None = None
) -> ov.Node:
    """The logits of every token."""
    tables = rotary_tables(shape, positions)
    x = layers.embedding("model.embed_tokens", tokens, shape.vocabulary, shape.width)
    for block in range(shape.blocks):
        name = f"model.layers.{block}"
        y = layers.rms_norm(f"{name}.input_layernorm", x, shape.width)
        x = ops.add(x, attention(layers, f"{name}.self_attn", y, shape, tables, past))
        y = layers.rms_norm(f"{name}.post_attention_layernorm", x, shape.width)
        x = ops.add(x, feed_forward(layers, f"{name}.mlp", y, shape))
    x = layers.rms_norm("model.norm", x, shape.width)
    return layers.linear("lm_head", x, shape.width, shape.vocabulary, bias=False)


def build(
    path: pathlib.Path, seed: int, shape: Llama, marked: bool = True, bits: int = 0
) -> None:
    tokens = parameter("input_ids", [-1, -1], np.int64)
    positions = count(integers(0), length_of(tokens, 1), "f32")
    positions = ops.reshape(positions, integers(1, 1, -1, 1), False)
    layers = Layers(seed, half=True, bits=bits)
    logits = decode(layers, tokens, positions, shape)
    write_ir([tokens], [result("logits", logits)], path, marked=marked)


def build_stateful(path: pathlib.Path, seed: int, shape: Llama = LLAMA_TINY) -> None:
    """With the inputs that OpenVINO GenAI gives to a model."""
    tokens = parameter("input_ids", [-1, -1], np.int64)
    present = parameter("attention_mask", [-1, -1], np.int64)
    positions = parameter("position_ids", [-1, -1], np.int64)
    beams = parameter("beam_idx", [-1], np.int32)
    length, total = length_of(tokens, 1), length_of(present, 1)
    # A token sees itself and those before it, unless the caller masks them.
    own = ops.unsqueeze(count(ops.subtract(total, length), total, "i64"), integers(1))
    seen = ops.less_equal(count(integers(0), total, "i64"), own)
    shown = ops.unsqueeze(ops.convert(present, "boolean"), integers(1, 2))
    past = Past(length_of(tokens, 0), beams, ops.logical_and(seen, shown))
    places = ops.unsqueeze(ops.convert(positions, "f32"), integers(1, 3))
    logits = decode(Layers(seed, half=True), tokens, places, shape, past)
    inputs = [tokens, present, positions, beams]
    write_ir(inputs, [result("logits", logits)], path, past.assigned)


def build_100m(path: pathlib.Path, seed: int) -> None:
    build(path, seed, LLAMA_100M)


def build_100m_int8(path: pathlib.Path, seed: int) -> None:
    build(path, seed, LLAMA_100M, bits=8)


def build_100m_int4(path: pathlib.Path, seed: int) -> None:
    build(path, seed, LLAMA_100M, bits=4)


def build_1b(path: pathlib.Path, seed: int) -> None:
    build(path, seed, LLAMA_1B)


def build_100m_folded(path: pathlib.Path, seed: int) -> None:
    build(path, seed, LLAMA_100M, marked=False)


def build_1b_folded(path: pathlib.Path, seed: int) -> None:
    build(path, seed, LLAMA_1B, marked=False)
