"""Workers that load the same models, started and controlled by tests."""

import contextlib
import functools
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness
import numpy as np
import openvino as ov
from openvino import opset13 as ops
from program_outcome import Outcome
from unable import unable

CLIENT = harness.CLIENTS / "sharing_client.py"
WAIT_SECONDS = 60
# As for every program in these tests: on a busy machine, a start takes half a minute.
ANSWER_SECONDS = 240
MIB = 1 << 20
# Large enough to be shared, with blocks of at least 4 MiB.
WIDTH = 2048
WIDE_BYTES = 4 * (4 * WIDTH * WIDTH + WIDTH * 1024)
# With this, the size of the unpacked weights is the same on every CPU.
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
SHARED_BYTES_MIN = WIDE_BYTES * 8 // 10
# With LARDER_SHARE=auto, nothing is shared while memory is plentiful: for two copies of each of
# these models this is too little, for one it is enough.
LITTLE_MEMORY_KIB = 512 << 10


def weights(random, rows, columns):
    return random.standard_normal((rows, columns), np.float32) / np.float32(rows**0.5)


def chain(layers, last=ops.relu, name="y"):
    """MatMuls one after the other, of a batch of any size."""
    x = batch = ops.parameter([-1, layers[0].output(0).partial_shape[0].get_length()], np.float32)
    for layer in layers:
        x = ops.tanh(ops.matmul(x, layer, False, False))
    result = ops.result(last(x), name=name)
    return ov.Model([result], [batch], name)


def full(random, squares):
    shapes = [(WIDTH, WIDTH)] * squares + [(WIDTH, 1024)]
    return [ops.constant(weights(random, *shape)) for shape in shapes]


def write_wide(path):
    layers = full(np.random.default_rng(1), 4)
    ov.save_model(chain(layers), path / "wide.xml", compress_to_fp16=False)
    # With other names, and another last operation.
    ov.save_model(chain(layers, ops.sigmoid, "z"), path / "twin.xml", compress_to_fp16=False)


def write_half(path):
    ov.save_model(chain(full(np.random.default_rng(2), 9)), path / "half.xml")


def write_bytes(path):
    random = np.random.default_rng(3)
    layers = []
    for shape in [(WIDTH, WIDTH)] * 17 + [(WIDTH, 1024)]:
        kept = ops.convert(ops.constant(random.integers(0, 256, shape, np.uint8)), "f32")
        middle = ops.constant(np.full((1, shape[1]), 128, np.float32))
        scale = ops.constant(random.uniform(2e-4, 4e-4, (1, shape[1])).astype(np.float32))
        layers.append(ops.multiply(ops.subtract(kept, middle), scale))
    ov.save_model(chain(layers), path / "bytes.xml", compress_to_fp16=False)


WRITERS = {"wide": write_wide, "half": write_half, "bytes": write_bytes}


class Worker:
    """A process of sharing_client.py. Every wait for it has a limit."""

    def __init__(self, command, environment, folder, **options):
        self.errors = tempfile.TemporaryFile(dir=folder)
        self.process = subprocess.Popen(
            [str(word) for word in command], env=environment, cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, **options)
        self.answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as out:
            for line in out:
                self.answers.put(json.loads(line))
        self.answers.put(EOFError())

    def tell(self, *step):
        self.process.stdin.write(json.dumps(step).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self):
        found = self.answers.get(timeout=ANSWER_SECONDS)
        if isinstance(found, EOFError):
            raise AssertionError(f"it ended: {self.end()}")
        return found

    def ask(self, *step):
        self.tell(*step)
        return self.answer()

    def end(self, signal=None):
        """Its exit code after the given steps, or its signal."""
        if signal:
            self.process.send_signal(signal)
        else:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        try:
            code = self.process.wait(ANSWER_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
        self.errors.seek(0)
        return Outcome(subprocess.CompletedProcess((), code, b"", self.errors.read()))

    def drop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.errors.close()


@functools.cache
def models_of_all_tests():
    """Writing them takes seconds."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="larder-sharing-models-"))
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    return folder


class SharingTest(harness.HookTest):
    written = ("wide",)

    @classmethod
    def setUpClass(cls):
        cls.models = models_of_all_tests()
        for name in cls.written:
            if not (cls.models / f"{name}.xml").exists():
                WRITERS[name](cls.models)

    def setUp(self):
        super().setUp()
        self.wide = self.model("wide")

    def model(self, name):
        return str(self.models / f"{name}.xml")

    def settings(self, share, environment=None):
        return {"HOME": str(self.root), **harness.SURROUNDINGS, "LARDER_SHARE": share,
                **(environment or {})}

    def command(self, directory=None):
        return [sys.executable, CLIENT, (directory or self.dir) / "objects"]

    def with_memory(self, kib):
        """The beginning of a command whose program sees this much available memory."""
        if os.getuid() != 0:
            unable(self, "another /proc/meminfo needs root")
        file = self.root / f"meminfo-{kib}"
        file.write_text(f"MemAvailable: {kib} kB\n")
        return ["unshare", "--mount", "sh", "-c",
                'mount --bind "$0" /proc/meminfo && exec "$@"', file]

    def start(self, share="auto", *, environment=None, directory=None, memory=LITTLE_MEMORY_KIB,
              **options):
        """Under `larder run`; without larder if `share` is None."""
        command = self.command(directory)
        if share is not None:
            command = [harness.PROGRAM, "run", "--dir", directory or self.dir, "--", *command]
        if share == "auto":
            command = [*self.with_memory(memory), *command]
        worker = Worker(command, self.settings(share or "auto", environment), self.root,
                        **options)
        self.addCleanup(worker.drop)
        return worker

    def loaded(self, share="auto", model=None, properties=None, **options):
        worker = self.start(share, **options)
        worker.ask("load", "model", model or self.wide, properties or EXACT)
        return worker

    def outputs(self, worker, inferences=12, threads=4, inputs=12, name="model"):
        """One output for each input, the same in all threads."""
        found = worker.ask("infer", name, threads, inferences, inputs)
        for digests in found:
            self.assertIsInstance(digests, list, found)
            self.assertEqual(len(digests), 1, found)
        return [digests[0] for digests in found]

    def finished(self, worker):
        """It succeeded, without a message of larder."""
        return self.done(worker.end())

    def facts(self, share, model=None, properties=None, **options):
        """The outputs of a single worker, and its memory."""
        worker = self.loaded(share, model, properties, **options)
        outputs = self.outputs(worker)
        report = worker.ask("report")
        self.finished(worker)
        return outputs, report

    def until(self, condition, what, seconds=WAIT_SECONDS):
        """The result of `condition`, as soon as it is not empty."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)
        return found

    def until_kept(self, model=None, properties=None, *, directory=None, environment=None):
        """Waits until a worker that loads the model shares its large blocks, and they are
        published.

        The number of copied bytes depends on time: a load waits no longer than unpacking took.
        """
        tmp = (directory or self.dir) / "tmp"

        def shares():
            worker = self.loaded("on", model, properties, directory=directory,
                                 environment=environment)
            mapped = worker.ask("report")["mapped"]
            # It continues in the background after the load.
            self.until(lambda: not any(tmp.glob("object-*")) and not any(tmp.glob("entry-*")),
                       "it is still being published")
            self.finished(worker)
            return mapped >= SHARED_BYTES_MIN

        self.until(shares, "nothing is shared")

    def verb(self, *words, environment=None, directory=None):
        return self.run_bare(harness.PROGRAM, *words, "--dir", directory or self.dir,
                             environment=environment)

    def entries(self, directory=None):
        return self.done(self.verb("ls", "--json", directory=directory)).json["entries"]

    def unpacked(self, directory=None):
        return [entry for entry in self.entries(directory) if entry["unpacked_from"]]

    def unpacked_files(self):
        """The key of the only such entry."""
        [entry] = self.unpacked()
        shown = self.done(self.verb("show", entry["key"], "--json")).json["objects"]
        return [self.dir / "objects" / one["digest"][:2] / one["digest"] for one in shown]


class KeptTest(SharingTest):
    """Each test begins with a larder that has all entries of one model."""

    kept: pathlib.Path
    plain: list

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        KeptTest.kept = cls.models / "kept"

    def setUp(self):
        super().setUp()
        if not self.kept.exists():
            KeptTest.plain, _ = self.facts(None)
            self.until_kept(directory=self.kept)
        shutil.copytree(self.kept, self.dir)

    def check_shares(self, share="auto", **options):
        outputs, report = self.facts(share, **options)
        self.assertEqual(outputs, self.plain)
        self.assertGreaterEqual(report["mapped"], SHARED_BYTES_MIN)

    def check_whole(self):
        found = self.done(self.verb("verify", "--json")).json
        self.assertEqual(found["findings"], [])
