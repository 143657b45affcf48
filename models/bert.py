"""BERT-base: twelve blocks of an encoder, each normed after its sum; weights in f32."""

import pathlib

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from models.ir import write_ir
from models.layers import (
    Layers, attend, integers, join_heads, parameter, result, scalar, split_heads,
)

WIDTH = 768
BLOCKS = 12
HEADS = 12
FEED_FORWARD = 3072
VOCABULARY = 30522
POSITIONS = 512
SEGMENTS = 2


def embed(layers: Layers, tokens: ov.Node, segments: ov.Node) -> ov.Node:
    words = layers.embedding("embeddings.word", tokens, VOCABULARY, WIDTH)
    table = layers.weight("embeddings.position.weight", [1, POSITIONS, WIDTH], 1.0)
    length = ops.gather(ops.shape_of(tokens), integers(1), ops.constant(np.int64(0)))
    places = ops.slice(table, integers(0), length, integers(1), integers(1))
    kinds = layers.embedding("embeddings.token_type", segments, SEGMENTS, WIDTH)
    return layers.layer_norm("embeddings.norm", ops.add(ops.add(words, places), kinds), WIDTH)


def additive_mask(mask: ov.Node) -> ov.Node:
    """[batch, sequence] of 1 and 0 -> [batch, 1, 1, sequence] of 0 and large negative numbers."""
    absent = ops.subtract(scalar(1.0), ops.convert(mask, "f32"))
    return ops.unsqueeze(ops.multiply(absent, scalar(-1e4)), integers(1, 2))


def encoder_block(layers: Layers, name: str, x: ov.Node, mask: ov.Node) -> ov.Node:
    parts = (
        layers.linear(f"{name}.attention.{part}", x, WIDTH, WIDTH)
        for part in ("query", "key", "value")
    )
    query, key, value = (split_heads(part, HEADS, WIDTH // HEADS) for part in parts)
    y = join_heads(attend(query, key, value, mask), WIDTH)
    y = layers.linear(f"{name}.attention.output", y, WIDTH, WIDTH)
    x = layers.layer_norm(f"{name}.attention.norm", ops.add(x, y), WIDTH)
    y = ops.gelu(layers.linear(f"{name}.intermediate", x, WIDTH, FEED_FORWARD), "erf")
    y = layers.linear(f"{name}.output", y, FEED_FORWARD, WIDTH)
    return layers.layer_norm(f"{name}.norm", ops.add(x, y), WIDTH)


def build_bert(path: pathlib.Path, seed: int) -> None:
    layers = Layers(seed)
    tokens = parameter("input_ids", [-1, -1], np.int64)
    present = parameter("attention_mask", [-1, -1], np.int64)
    segments = parameter("token_type_ids", [-1, -1], np.int64)
    mask = additive_mask(present)
    x = embed(layers, tokens, segments)
    for block in range(BLOCKS):
        x = encoder_block(layers, f"encoder.{block}", x, mask)
    first = ops.gather(x, ops.constant(np.int64(0)), ops.constant(np.int64(1)))
    pooled = layers.linear("pooler", ops.unsqueeze(first, integers(1)), WIDTH, WIDTH)
    pooled = ops.tanh(ops.squeeze(pooled, integers(1)))
    outputs = [result("last_hidden_state", x), result("pooler_output", pooled)]
    write_ir([tokens, present, segments], outputs, path)
