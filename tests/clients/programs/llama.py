"""Generates tokens with llama.cpp's OpenVINO backend, from a GGUF of a Llama of 0.1 billion random
weights in Q4_K."""

import itertools

from client_program import Start, main

PROMPT = range(300, 309)
TOKENS = 12
MODEL = "llama.gguf"


def prepare(folder):
    from models.gguf_llama import LLAMA_100M, write

    write(folder / MODEL, 0, LLAMA_100M, "llama-0.1b")


def run(folder, _):
    from llama_cpp import Llama

    start = Start()
    model = Llama(str(folder / MODEL), n_gpu_layers=-1, n_ctx=512, flash_attn=True)
    # With random weights, the same token is the most likely one each time.
    generated = model.generate(list(PROMPT), temp=0, repeat_penalty=2.0)
    # Models are compiled when they are first needed: for the prompt, and for a single token.
    tokens = list(itertools.islice(generated, 2))
    start.is_ready()
    tokens += itertools.islice(generated, TOKENS - len(tokens))
    start.tell([int(token) for token in tokens])


main(prepare, run)
