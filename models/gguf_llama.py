"""Llama as GGUF, quantized as its Q4_K_M files are: blocks of random bits with fixed scales."""

import dataclasses
import itertools
import math
import pathlib
import string
from collections.abc import Iterator

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

from models.weights import Weights

CONTEXT = 2048
TINY_SHARDS = 3


@dataclasses.dataclass(frozen=True)
class Shape:
    """All widths are multiples of 256, the K-quants' block."""

    width: int
    blocks: int
    heads: int
    heads_kv: int
    feed_forward: int
    vocabulary: int

    @property
    def width_kv(self) -> int:
        return self.width // self.heads * self.heads_kv


# One head of keys and values: OpenVINO's frontend makes a model whose input inp_kv_idx has as many
# values as there are such heads. So a caller who makes every dynamic dimension 1 can run the model.
TINY = Shape(width=256, blocks=2, heads=4, heads_kv=1, feed_forward=256, vocabulary=512)
LLAMA_1B = Shape(
    width=2048, blocks=22, heads=32, heads_kv=1, feed_forward=5632, vocabulary=32000
)
# For llama.cpp, which has a frontend of its own.
LLAMA_100M = Shape(
    width=768, blocks=8, heads=12, heads_kv=4, feed_forward=2048, vocabulary=32000
)


@dataclasses.dataclass(frozen=True)
class Tensor:
    name: str
    dimensions: tuple[int, ...]
    kind: Kind

    @property
    def byte_count(self) -> int:
        block, block_bytes = gguf.GGML_QUANT_SIZES[self.kind]
        return math.prod(self.dimensions) // block * block_bytes


def plan(shape: Shape) -> list[Tensor]:
    """Every tensor in the order of the file, rows first."""
    width, width_kv = shape.width, shape.width_kv
    tensors = [Tensor("token_embd.weight", (shape.vocabulary, width), Kind.Q4_K)]
    for block in range(shape.blocks):
        for name, dimensions, kind in [
            ("attn_norm", (width,), Kind.F32),
            ("attn_q", (width, width), Kind.Q4_K),
            ("attn_k", (width_kv, width), Kind.Q4_K),
            ("attn_v", (width_kv, width), Kind.Q6_K),
            ("attn_output", (width, width), Kind.Q4_K),
            ("ffn_norm", (width,), Kind.F32),
            ("ffn_gate", (shape.feed_forward, width), Kind.Q4_K),
            ("ffn_up", (shape.feed_forward, width), Kind.Q4_K),
            ("ffn_down", (width, shape.feed_forward), Kind.Q6_K if block % 2 else Kind.Q4_K),
        ]:
            tensors.append(Tensor(f"blk.{block}.{name}.weight", dimensions, kind))
    tensors.append(Tensor("output_norm.weight", (width,), Kind.F32))
    tensors.append(Tensor("output.weight", (shape.vocabulary, width), Kind.Q6_K))
    return tensors


def make(tensor: Tensor, weights: Weights) -> np.ndarray:
    if tensor.kind == Kind.F32:
        return weights.normal(tensor.name, tensor.dimensions, 0.1, 1.0)
    _, block_bytes = gguf.GGML_QUANT_SIZES[tensor.kind]
    blocks = weights.raw(tensor.name, tensor.byte_count).reshape(-1, block_bytes)
    if tensor.kind == Kind.Q4_K:
        # d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of quants
        blocks[:, 0:4] = np.array([0.0005, 0.003], np.float16).view(np.uint8)
    else:
        # Q6_K: 192 bytes of quants, 16 scales of 8 bits, d
        blocks[:, 192:208] %= 30
        blocks[:, 208:210] = np.array([0.0002], np.float16).view(np.uint8)
    return blocks


def vocabulary(count: int) -> Iterator[tuple[str, gguf.TokenType]]:
    """A vocabulary like SentencePiece's: three special tokens, the 256 bytes, and pieces."""
    yield from [
        ("<unk>", gguf.TokenType.UNKNOWN),
        ("<s>", gguf.TokenType.CONTROL),
        ("</s>", gguf.TokenType.CONTROL),
    ]
    for byte in range(256):
        yield f"<0x{byte:02X}>", gguf.TokenType.BYTE
    letters = (itertools.product(string.ascii_lowercase, repeat=length) for length in (1, 2, 3))
    pieces = map("".join, itertools.chain.from_iterable(letters))
    words = itertools.chain.from_iterable((piece, "\u2581" + piece) for piece in pieces)
    for word in itertools.islice(words, count - 259):
        yield word, gguf.TokenType.NORMAL


def describe(writer: gguf.GGUFWriter, shape: Shape, name: str) -> None:
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.blocks)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads_kv)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape.vocabulary)
    tokens, kinds = zip(*vocabulary(shape.vocabulary))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(number) for number in range(len(tokens))])
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def write(path: pathlib.Path, seed: int, shape: Shape, name: str, shards: int = 1) -> None:
    """One tensor at a time is in memory. With shards, each file's name tells its number."""
    tensors = plan(shape)
    per_shard = math.ceil(len(tensors) / shards) if shards > 1 else 0
    writer = gguf.GGUFWriter(path, "llama", split_max_tensors=per_shard)
    describe(writer, shape, name)
    for tensor in tensors:
        writer.add_tensor_info(
            tensor.name, tensor.dimensions, np.float32, tensor.byte_count, tensor.kind
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    weights = Weights(seed)
    for tensor in tensors:
        writer.write_tensor_data(make(tensor, weights))
    writer.close()


def build_tiny(path: pathlib.Path, seed: int) -> None:
    write(path, seed, TINY, "gguf-tiny")


def build_split(path: pathlib.Path, seed: int) -> None:
    """`path` is the first shard; the writer adds the numbers itself."""
    whole = path.with_name(path.name.partition("-00001-")[0] + ".gguf")
    write(whole, seed, TINY, "gguf-split", TINY_SHARDS)


def build_1b(path: pathlib.Path, seed: int) -> None:
    write(path, seed, LLAMA_1B, "gguf-1b-q4k")
