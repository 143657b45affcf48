"""Generates text with openvino_genai: a tokenizer, a Llama of 0.1 billion random weights, and a
detokenizer. On a GPU of the slow test rig, the Llama is a tiny one."""

import itertools
import json
import os

from client_program import Start, main

DEVICE = os.environ.get("CLIENT_DEVICE", "CPU")
TOKENS = 12


def vocabulary(size):
    """Lines of an RWKV vocabulary: every byte, then generated words. Token 0 ends a text."""
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er")]
    words = (f" {first}{second}{third}".encode()
             for first, second, third in itertools.product(syllables, syllables, ["", *syllables]))
    tokens = [bytes([value]) for value in range(256)]
    tokens += itertools.islice(words, size - 1 - len(tokens))
    return [f"{index} {token!r} {len(token)}" for index, token in enumerate(tokens, 1)]


def with_mask(tokenizer):
    """The pipeline also needs to know which tokens are padding: a second output of the padding."""
    import openvino as ov
    from openvino import opset15 as ops

    (pads,) = (op for op in tokenizer.get_ops() if op.get_type_name() == "RaggedToDense")
    mask = ops.convert(pads.output(1), "i64")
    mask.output(0).tensor.set_names({"attention_mask"})
    tokens = tokenizer.get_results()[0]
    return ov.Model([tokens, ops.result(mask)], tokenizer.get_parameters(), "tokenizer")


def prepare(folder):
    import openvino as ov
    from models.llama import LLAMA_100M, LLAMA_TINY, build_stateful
    from openvino_tokenizers import build_rwkv_tokenizer

    shape = LLAMA_100M if DEVICE == "CPU" else LLAMA_TINY
    build_stateful(folder / "openvino_model.xml", 0, shape)
    tokenizer, detokenizer = build_rwkv_tokenizer(vocabulary(shape.vocabulary))
    ov.save_model(with_mask(tokenizer), folder / "openvino_tokenizer.xml")
    ov.save_model(detokenizer, folder / "openvino_detokenizer.xml")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "eos_token_id": 0}))


def run(folder, own_cache):
    import openvino_genai

    properties = {"ATTENTION_BACKEND": os.environ["GENAI_ATTENTION"]}
    if "GENAI_PRECISION" in os.environ:
        properties["INFERENCE_PRECISION_HINT"] = os.environ["GENAI_PRECISION"]
    if own_cache:
        properties["CACHE_DIR"] = own_cache
    start = Start()
    pipeline = openvino_genai.LLMPipeline(folder, DEVICE, **properties)
    start.is_ready()
    start.tell(pipeline.generate("bada mano rerun", max_new_tokens=TOKENS, ignore_eos=True))


main(prepare, run)
