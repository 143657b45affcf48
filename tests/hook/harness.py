"""Programs that do not know of larder, with and without it.

Every test has a larder, a home and models of its own, so that all of them can run at once.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from program_outcome import Outcome

PROGRAM = os.environ["LARDER_PROGRAM"]
PRELOAD = os.environ["LARDER_PRELOAD"]
OPENVINO = os.environ["LARDER_OPENVINO_LIBRARY"]
# False for tests of tests/versions, on another release than the one that larder is built with.
IS_BUILT_WITH = bool(OPENVINO)
BUILT = pathlib.Path(os.environ["LARDER_HOOK_CLIENTS"])
CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"
PYTHON = [sys.executable, str(CLIENTS / "python_client.py")]
# `CI` keeps OpenVINO's telemetry silent: it forks at each import, in a thread, and its child may
# hang or outlive the program with the program's stdout.
SURROUNDINGS = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}


class HookTest(unittest.TestCase):
    models: pathlib.Path

    @classmethod
    def setUpClass(cls):
        cls.models = pathlib.Path(tempfile.mkdtemp(prefix="larder-hook-models-"))
        cls.addClassCleanup(shutil.rmtree, cls.models, ignore_errors=True)
        subprocess.run([os.environ["LARDER_WRITE_MODELS"], cls.models], check=True)

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="larder-hook-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.dir = self.root / "larder"
        self.dense = str(self.models / "dense.xml")

    def folder(self, name):
        path = self.root / name
        path.mkdir()
        return path

    def run_bare(self, *command, environment=None, timeout=240, **options):
        """Without larder, and with only this environment."""
        settings = {"HOME": str(self.root), **SURROUNDINGS}
        return Outcome(subprocess.run(
            [str(word) for word in command], env={**settings, **(environment or {})},
            cwd=options.pop("cwd", self.root), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=timeout, check=False, **options))

    def preloaded(self, *command, environment=None, preload=PRELOAD):
        """Like `run`, without its checks."""
        return self.run_bare(*command, environment={
            "LD_PRELOAD": str(preload), "LARDER_DIR": str(self.dir), **(environment or {})})

    def run_larder(self, *words, command, **options):
        return self.run_bare(PROGRAM, "run", "--dir", self.dir, *words, "--", *command, **options)

    def done(self, outcome):
        """It succeeded, without a message of larder."""
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.warnings, [], outcome)
        return outcome

    def served(self, *command, **options):
        return self.done(self.run_larder(command=command, **options))

    def unserved(self, *command, **options):
        return self.done(self.run_bare(*command, **options))

    def warned(self, outcome, *texts):
        """It succeeded, with a single warning of larder."""
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(len(outcome.warnings), 1, outcome)
        for text in texts:
            self.assertIn(text, outcome.warnings[0], outcome)
        return outcome

    def larder(self, verb, *words):
        return self.done(self.run_bare(PROGRAM, verb, *words, "--dir", self.dir, "--json")).json

    def outcomes(self):
        """The number of requests by outcome."""
        stats = self.larder("stats")
        return {name: stats[name] for name in ("compiled", "loaded", "waited", "bypassed")}


def main():
    unittest.main(verbosity=2)
