"""The installed package, with a home, a larder and models for each test.

Every test has its own, so that all of them can run at once.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types
import typing
import unittest
import unittest.mock

from program_outcome import Outcome

import larder

WRITE_MODELS = os.environ["LARDER_WRITE_MODELS"]
CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"
SECONDS_MAX = 240


class PackageTest(unittest.TestCase):
    models: pathlib.Path

    @classmethod
    def setUpClass(cls):
        cls.models = pathlib.Path(tempfile.mkdtemp(prefix="larder-python-models-"))
        cls.addClassCleanup(shutil.rmtree, cls.models, ignore_errors=True)
        subprocess.run([WRITE_MODELS, cls.models], check=True)

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="larder-python-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        # `CI` keeps OpenVINO's telemetry silent: it forks at each import, and its child may hang.
        home = {"HOME": str(self.root), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1",
                "CI": "true"}
        patch = unittest.mock.patch.dict(os.environ, home, clear=True)
        patch.start()
        self.addCleanup(patch.stop)
        self.dir = self.root / "larder"
        self.cache = larder.Cache(self.dir)
        self.dense, self.other = self.models / "dense.xml", self.models / "other.xml"

    def run_client(self, name, *words, before=()):
        """Runs a program of `clients` in this environment."""
        return self.run_command(*before, sys.executable, CLIENTS / name, *words)

    def run_command(self, *command):
        return Outcome(subprocess.run(
            [str(word) for word in command], cwd=self.root, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS_MAX, check=False))

    def done(self, outcome):
        self.assertEqual((outcome.code, outcome.warnings), (0, []), outcome)
        return outcome

    def counts(self, directory):
        """The number of requests by outcome."""
        stats = larder.Cache(directory).stats()
        return {name: stats[name] for name in ("compiled", "loaded", "waited", "bypassed")}

    def check_type(self, value, kind, where="the answer"):
        """The value has the declared type, and no undeclared field."""
        parts = typing.get_args(kind)
        origin = typing.get_origin(kind)
        if typing.is_typeddict(kind):
            fields = typing.get_type_hints(kind)
            self.assertLessEqual(kind.__required_keys__, set(value), where)
            self.assertLessEqual(set(value), set(fields), where)
            for name in value:
                self.check_type(value[name], fields[name], f"{where}.{name}")
        elif origin is list:
            for each in value:
                self.check_type(each, parts[0], f"{where}[]")
        elif origin is dict:
            for name in value:
                self.check_type(value[name], parts[1], f"{where}.{name}")
        elif origin is typing.Literal:
            self.assertIn(value, parts, where)
        elif origin in (types.UnionType, typing.Union):
            [some] = [part for part in parts if part is not type(None)]
            if value is not None:
                self.check_type(value, some, where)
        else:
            self.assertIsInstance(value, (int, float) if kind is float else kind, where)


def main():
    unittest.main(verbosity=2)
