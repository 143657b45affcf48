"""Clients: programs that do not know of larder, each in an environment of its own.

The tests and `scripts/clients` start them in the same way: in a fresh process, in an empty home,
and with only the given environment variables.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
SECONDS_MAX = 900


class Failure(Exception):
    """A client failed."""


@dataclasses.dataclass(frozen=True)
class Client:
    name: str
    environment: str  # of the folder with its packages, and of the file that pins them
    title: str
    # The client's own cache for compiled models, if it has one.
    own_cache: str | None = "`CACHE_DIR`"
    other_cache: str | None = None  # what it can use instead
    # Both are turned on by variables of these names, not by the program.
    cache_by_variable: bool = False
    # Its own cache also holds the converted model, from before the compile. Then programs are
    # served together with it, because larder does not replace that.
    keeps_more: bool = False
    program: str = ""  # where it is not called like the client
    settings: tuple[tuple[str, str], ...] = ()  # in its environment
    around: tuple[str, ...] = ()  # the command that runs it, larder included

    def python(self):
        folder = pathlib.Path(os.environ["LARDER_CLIENT_ENVIRONMENTS"]) / self.environment
        program = folder / "bin/python"
        if not program.exists():
            raise Failure(f"{folder} is not there: run scripts/setup_clients {self.environment}")
        return program

    def run(self, words, home, before=(), settings=None):
        command = [*before, self.python(), PROGRAMS / f"{self.program or self.name}.py", *words]
        # No package may report to its vendor.
        (home / "intel").mkdir(parents=True, exist_ok=True)
        (home / "intel/openvino_telemetry").write_text("0")
        environment = {
            "HOME": str(home), "TMPDIR": str(home), "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1",
            "NNCF_CI": "1", **dict(self.settings), **(settings or {})}
        return subprocess.run(
            [str(word) for word in command], env=environment, cwd=home, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS_MAX)

    def prepare(self, folder, home):
        """Makes the files that the client needs, where `start` looks for them."""
        folder.mkdir(parents=True, exist_ok=True)
        done = self.run(["prepare", folder], home, settings={"PYTHONPATH": str(ROOT)})
        if done.returncode != 0:
            raise Failure(f"{self.name} could not be prepared\n{done.stderr.decode()}")

    def start(self, folder, home, larder=None, own_cache=None, other_cache=None):
        """One start. `larder` is the directory of the larder that serves it."""
        serve = (os.environ["LARDER_PROGRAM"], "run", "--dir", larder, "--") if larder else ()
        words, settings = ["run", folder], {}
        if self.cache_by_variable:
            caches = {self.own_cache: own_cache, self.other_cache: other_cache}
            settings = {name.strip("`"): str(cache) for name, cache in caches.items() if cache}
        elif own_cache:
            words.append(own_cache)
        began = time.monotonic()
        return Start(self, began, self.run(words, home, (*self.around, *serve), settings))


class Start:
    """The result of one start."""

    def __init__(self, client, began, process):
        self.code = process.returncode
        self.error = process.stderr.decode(errors="replace")
        if self.code != 0:
            raise Failure(f"{client.name} ended with {self.code}\n{self.error}")
        # Some packages greet their users first.
        told = json.loads(process.stdout.decode().splitlines()[-1])
        self.ready_seconds = told["ready_at"] - began
        self.load_seconds = told["load_seconds"]
        self.memory_bytes = told["memory_bytes"]
        self.answer = told["answer"]
        self.loaded = told["loaded"]

    @property
    def warnings(self):
        """The lines of larder."""
        return [line for line in self.error.splitlines() if line.startswith("larder: ")]


CLIENTS = {client.name: client for client in (
    Client("ocr", "ocr", "rapidocr, three networks", own_cache=None),
    Client("genai", "genai", "openvino_genai, Llama 0.1B", settings=(("GENAI_ATTENTION", "SDPA"),)),
    Client("genai_paged", "genai", "openvino_genai, Llama 0.1B, paged attention", program="genai",
           settings=(("GENAI_ATTENTION", "PA"),)),
    Client("ocr_2025", "ocr_2025", "rapidocr on OpenVINO 2025.3", own_cache=None, program="ocr"),
    # In bf16, that OpenVINO computes no text for this model, with larder and without.
    Client("genai_2025", "genai_2025", "openvino_genai 2025.4, Llama 0.1B", program="genai",
           settings=(("GENAI_ATTENTION", "SDPA"), ("GENAI_PRECISION", "f32"))),
    Client("web", "web", "uvicorn, four workers, ResNet-50"),
    Client("torch_compile", "torch", "torch.compile, model_caching", "`model_caching`",
           keeps_more=True),
    Client("llama", "llama", "llama.cpp, Llama 0.1B in Q4_K",
           own_cache="`GGML_OPENVINO_CACHE_DIR`",
           other_cache="`GGML_OPENVINO_COMPILED_MODEL_CACHE_DIR`", cache_by_variable=True,
           settings=(("GGML_OPENVINO_DEVICE", "CPU"),)),
    Client("transformer", "torch", "optimum-intel, a Llama"),
    Client("diffusion", "torch", "optimum-intel, Stable Diffusion in three sizes"),
)}
