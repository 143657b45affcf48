"""One worker of scripts/bench --sharing: executes commands, and answers each with a line of JSON.

usage: sharing_worker.py MODEL [CACHE_DIR]
It ends when its input ends. It does not know of larder: `larder run` may have started it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import resource
import sys
import time

import numpy as np
import openvino as ov

from machine_memory import memory_of_process

TOKENS = 200  # every model's vocabulary has more


def shape_of(port, length: int) -> list[int]:
    """A text of that many tokens; all other dynamic dimensions are 1."""
    partial = port.partial_shape
    is_text = len(partial) == 2 and all(dimension.is_dynamic for dimension in partial)
    if is_text and port.element_type == ov.Type.i64:
        return [1, length]
    return [dimension.get_length() if dimension.is_static else 1 for dimension in partial]


def values_for(port, length: int) -> np.ndarray:
    shape = shape_of(port, length)
    generator = np.random.default_rng(math.prod(shape))
    element_type = port.element_type.to_dtype()
    if np.issubdtype(element_type, np.floating):
        return generator.standard_normal(shape).astype(element_type)
    if "input_ids" in port.names or "inp_tokens" in port.names:
        return generator.integers(0, TOKENS, shape).astype(element_type)
    if port.names & {"attention_mask", "token_len_per_seq"}:
        return np.ones(shape, element_type)
    return np.zeros(shape, element_type)


def read_gguf(model: str) -> ov.Model:
    frontend = ov.frontend.FrontEndManager().load_by_framework("gguf")
    return frontend.convert(frontend.load(model))


def bytes_from_disk() -> int:
    with open("/proc/self/io", encoding="ascii") as counters:
        return next(int(line.split()[1]) for line in counters if line.startswith("read_bytes"))


def major_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt


class Worker:
    def __init__(self, model: str, cache: str):
        self.model = model
        self.core = ov.Core()
        if cache:
            self.core.set_property({"CACHE_DIR": cache})

    def load(self, length: int) -> dict:
        """A text of that length is the first inference."""
        faults, read = major_faults(), bytes_from_disk()
        start = time.perf_counter()
        # OpenVINO's own call by path refuses a GGUF.
        source = read_gguf(self.model) if self.model.endswith(".gguf") else self.model
        self.compiled = self.core.compile_model(source, "CPU")
        compiled = time.perf_counter()
        del source
        memory = memory_of_process(os.getpid())
        asking = time.perf_counter()
        self.request = self.compiled.create_infer_request()
        self.infer(length)
        first = time.perf_counter()
        return {
            "compile_ms": (compiled - start) * 1e3,
            "first_answer_ms": (compiled - start + first - asking) * 1e3,
            "ready_private_dirty_bytes": memory["Private_Dirty"],
            "major_faults": major_faults() - faults,
            "read_bytes": bytes_from_disk() - read,
            "is_from_cache": bool(self.compiled.get_property("LOADED_FROM_CACHE")),
            "has_length": any(
                shape_of(port, 1) != shape_of(port, 2) for port in self.compiled.inputs),
        }

    def infer(self, length: int) -> None:
        values = [values_for(port, length) for port in self.compiled.inputs]
        self.request.infer(dict(enumerate(values)), share_inputs=True)

    def answer(self, lengths: list[int]) -> dict:
        digest = hashlib.sha256()
        for length in lengths:
            self.infer(length)
            for port in self.compiled.outputs:
                digest.update(self.request.get_tensor(port).data.tobytes())
        return {"outputs": digest.hexdigest()}

    def repeat(self, length: int, seconds: float) -> dict:
        """Runs inferences one after the other for that long; the first one does not count."""
        values = dict(enumerate(values_for(port, length) for port in self.compiled.inputs))
        self.request.infer(values, share_inputs=True)
        latencies_ms = []
        start = before = time.perf_counter()
        while before - start < seconds:
            self.request.infer(values, share_inputs=True)
            after = time.perf_counter()
            latencies_ms.append((after - before) * 1e3)
            before = after
        return {"latencies_ms": latencies_ms, "seconds": before - start}


def tell(report: dict) -> None:
    print(json.dumps(report), flush=True)


def main() -> None:
    worker = Worker(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    tell({"pid": os.getpid()})
    for line in sys.stdin:
        order = json.loads(line)
        tell(getattr(worker, order.pop("do"))(**order))


if __name__ == "__main__":
    main()
