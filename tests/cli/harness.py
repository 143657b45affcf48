"""The program as a process, with only the environment that a test gives it.

Every test has a larder, a home and models of its own, so that all of them can run at once.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from program_outcome import Outcome

PROGRAM = os.environ["LARDER_PROGRAM"]
WRITE_MODELS = os.environ["LARDER_WRITE_MODELS"]
KEY = re.compile(r"^[0-9a-f]{64}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

# Variables that a build with sanitizers always needs.
SANITIZERS = {
    name: value
    for name, value in os.environ.items()
    if name.endswith("SAN_OPTIONS") or name == "TBB_ENABLE_SANITIZERS"
}


class ProgramTest(unittest.TestCase):
    models: pathlib.Path

    @classmethod
    def setUpClass(cls):
        cls.models = pathlib.Path(tempfile.mkdtemp(prefix="larder-cli-models-"))
        cls.addClassCleanup(shutil.rmtree, cls.models, ignore_errors=True)
        subprocess.run([WRITE_MODELS, cls.models], check=True)

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="larder-cli-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.dir = self.root / "larder"
        self.elsewhere = self.root / "elsewhere"
        self.elsewhere.mkdir()

    def run_bare(self, *words, environment=None, **options):
        """No --dir, and no environment but this one."""
        process = subprocess.run(
            [PROGRAM, *map(str, words)],
            env={**SANITIZERS, **(environment or {})},
            cwd=options.pop("cwd", self.elsewhere),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
            **options,
        )
        if process.stdout is None:
            process.stdout = b""
        return Outcome(process)

    def larder(self, verb, *words, environment=None, **options):
        home = {"HOME": str(self.root)}
        return self.run_bare(
            verb, *words, "--dir", self.dir, environment={**home, **(environment or {})}, **options
        )

    def done(self, verb, *words, **options):
        """Must succeed, with empty standard error."""
        outcome = self.larder(verb, *words, **options)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.error, "", outcome)
        return outcome

    def refused(self, code, *words, says, **options):
        """Must fail with this exit code, nothing on standard output, and one clear message."""
        outcome = self.larder(*words, **options)
        self.check_message(outcome, code, says)
        self.assertEqual(outcome.out, "", outcome)
        return outcome

    def check_message(self, outcome, code, says):
        self.assertEqual(outcome.code, code, outcome)
        # A frontend of the runtime may have written something before.
        lines = outcome.error.splitlines()
        while lines and not lines[0].startswith("larder: "):
            lines.pop(0)
        self.assertTrue(lines, outcome)
        self.assertGreaterEqual(len(lines), 2, f"there is no remedy: {outcome}")
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, outcome.error, outcome)
        # No position in the sources.
        for trace in ("Exception from", "failed at src", ".cpp:", ".hpp:", "terminate called"):
            self.assertNotIn(trace, outcome.error, outcome)

    def compile(self, *words, **options):
        return self.done("compile", *words, "--json", **options).json

    def entries(self):
        return self.done("ls", "--json").json["entries"]

    @contextlib.contextmanager
    def compiling_elsewhere(self, key, model, seconds):
        """Holds the compile lock of a key, as a process of another machine would."""
        path = self.dir / "locks" / key[:2] / key
        path.parent.mkdir(parents=True, exist_ok=True)
        since = time.time_ns() - seconds * 10**9
        with path.open("w+b", buffering=0) as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            lock.write(f"{os.getpid()}\nelsewhere\n{since}\n{model} on CPU\0".encode())
            yield
        path.unlink()

    def two_keys_that_begin_alike(self):
        """A prefix of four characters, the fewest that name a key, that is ambiguous."""
        key = self.compile(self.models / "dense.xml")["key"]
        manifest = self.dir / "entries" / key[:2] / f"{key}.json"
        seen = set()
        for number in range(3000):
            command = [os.environ["LARDER_SIMILAR_ENTRY"], manifest, "0", f"number={number}"]
            begin = subprocess.run(command, check=True, stdout=subprocess.PIPE,
                                   text=True, timeout=60).stdout[:4]
            if begin in seen:
                return begin
            seen.add(begin)
        raise AssertionError("three thousand keys with different first characters")


def main():
    unittest.main(verbosity=2)
