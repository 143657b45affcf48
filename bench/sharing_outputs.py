"""Checks that workers with shared weights give bit-identical outputs to workers without.

usage: sharing_outputs.py --program LARDER --models DIRECTORY [--model NAME]… [--inferences N]
For each model, with 1, 2 and 4 streams: this number of inferences from four threads, without
sharing and with it. With sharing, other workers run at the same time: one is started and killed
every few seconds, and the shared files are removed from the larder repeatedly. Exit code 1 if
outputs differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

from sharing_worker import read_gguf, values_for

THREADS = 4
STREAMS = (1, 2, 4)
LENGTHS = (1, 3, 8)
MODELS = ("resnet50", "bert", "llama-0.1b", "gguf-1b-q4k")
SECONDS_MAX = 900
EVERY_SECONDS = 3.0


def be_a_worker(model: str, streams: int, inferences: int) -> None:
    import openvino as ov

    source = read_gguf(model) if model.endswith(".gguf") else model
    compiled = ov.Core().compile_model(source, "CPU", {"NUM_STREAMS": streams})
    inputs = [dict(enumerate(values_for(port, length) for port in compiled.inputs))
              for length in LENGTHS]
    digests = [b""] * inferences

    def infer(first: int) -> None:
        request = compiled.create_infer_request()
        for number in range(first, inferences, THREADS):
            results = request.infer(inputs[number % len(inputs)])
            digest = hashlib.sha256()
            for port in compiled.outputs:
                digest.update(results[port].tobytes())
            digests[number] = digest.digest()

    threads = [threading.Thread(target=infer, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open("/proc/self/smaps", encoding="ascii") as maps:
        mapped = sum("/objects/" in line and " rw-p " in line for line in maps)
    print(json.dumps({"outputs": hashlib.sha256(b"".join(digests)).hexdigest(), "mapped": mapped}),
          flush=True)
    sys.stdin.read()  # loaded until told to end


class Workers:
    def __init__(self, program: pathlib.Path, model: pathlib.Path, work: pathlib.Path):
        self.program, self.model, self.work = program, model, work

    def environment(self, share: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if name[:7] != "LARDER_"}
        return plain | {"LARDER_DIR": str(self.work / "larder"), "LARDER_SHARE": share,
                        "LARDER_STATE_DIR": str(self.work / "state"), "LARDER_MAX_SIZE": "0",
                        "LARDER_LOG": "error"}

    def start(self, share: str, streams: int, inferences: int) -> subprocess.Popen:
        command = [self.program, "run", "--", sys.executable, __file__, "worker", self.model,
                   streams, inferences]
        return subprocess.Popen([str(word) for word in command], env=self.environment(share),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self, share: str, streams: int, inferences: int) -> dict:
        worker = self.start(share, streams, inferences)
        try:
            out, _ = worker.communicate(timeout=SECONDS_MAX)
            return json.loads(out)
        finally:
            worker.kill()
            worker.wait()

    def remove_what_is_shared(self) -> None:
        def larder(*words: str) -> str:
            return subprocess.run([str(self.program), *words], env=self.environment("auto"),
                                  capture_output=True, text=True, timeout=60, check=False).stdout
        for entry in json.loads(larder("ls", "--json"))["entries"]:
            if entry["unpacked_from"]:
                larder("rm", "--yes", entry["key"])

    def disturb(self, streams: int, end: threading.Event) -> None:
        """Other workers start and are killed; every second time the shared files are removed."""
        turn = 0
        while not end.is_set():
            other = self.start("auto", streams, THREADS)
            end.wait(EVERY_SECONDS)
            other.kill()
            other.wait()
            turn += 1
            if turn % 2 == 0:
                self.remove_what_is_shared()


def compare(workers: Workers, streams: int, inferences: int) -> tuple[bool, int]:
    plain = workers.answer("off", streams, inferences)
    holder = workers.start("auto", streams, THREADS)
    end = threading.Event()
    others = threading.Thread(target=workers.disturb, args=(streams, end))
    try:
        holder.stdout.readline()  # type: ignore[union-attr]
        others.start()
        shared = workers.answer("auto", streams, inferences)
    finally:
        end.set()
        others.join()
        holder.kill()
        holder.wait()
    return plain["outputs"] == shared["outputs"], shared["mapped"]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--model", action="append")
    parser.add_argument("--inferences", type=int, default=1000)
    options = parser.parse_args()
    print("| model | streams | inferences | blocks mapped at the end | outputs |\n"
          "| --- | --- | --- | --- | --- |", flush=True)
    differs = False
    for name in options.model or MODELS:
        made = subprocess.run([sys.executable, "-m", "models", name, "--out", str(options.models)],
                              check=True, capture_output=True, text=True)
        path = pathlib.Path(made.stdout.splitlines()[-1]).resolve()
        with tempfile.TemporaryDirectory(dir=options.models.parent) as work:
            workers = Workers(options.program.resolve(), path, pathlib.Path(work))
            for streams in STREAMS:
                same, mapped = compare(workers, streams, options.inferences)
                differs |= not same
                print(f"| {name} | {streams} | {options.inferences} | {mapped} |"
                      f" {'identical' if same else 'DIFFERENT'} |", flush=True)
    return 1 if differs else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        be_a_worker(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(main())
