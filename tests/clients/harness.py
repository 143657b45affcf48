"""Clients with and without larder: their results are the same, and each model is compiled once."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from client import CLIENTS

SECONDS_MAX = 60


class ClientTest(unittest.TestCase):
    name: str

    @classmethod
    def make_client(cls):
        return CLIENTS[cls.name]

    @classmethod
    def setUpClass(cls):
        cls.client = cls.make_client()
        cls.prepared = pathlib.Path(tempfile.mkdtemp(prefix=f"larder-client-{cls.name}-"))
        cls.addClassCleanup(shutil.rmtree, cls.prepared, ignore_errors=True)
        cls.client.prepare(cls.prepared, cls.prepared / "home")

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="larder-client-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.dir = self.root / "larder"
        self.home = self.root / "home"

    def unserved(self, **caches):
        return self.client.start(self.prepared, self.home, **caches)

    def served(self, own_cache=None, **caches):
        start = self.client.start(self.prepared, self.home, self.dir, own_cache, **caches)
        self.assertEqual(start.warnings, [])
        return start

    def larder(self, verb):
        done = subprocess.run(
            [os.environ["LARDER_PROGRAM"], verb, "--dir", self.dir, "--json"],
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]}, check=True,
            stdout=subprocess.PIPE, timeout=SECONDS_MAX)
        return json.loads(done.stdout)

    def outcomes(self):
        """The outcomes of the requests of all starts so far."""
        stats = self.larder("stats")
        return {name: stats[name] for name in ("compiled", "loaded", "waited", "bypassed")}

    def check_starts(self, compiled, asked):
        """The first start compiles each different model once, and further starts compile
        nothing."""
        plain, first = self.unserved(), self.served()
        self.assertEqual(first.answer, plain.answer)
        self.assertEqual(self.outcomes(), {
            "compiled": compiled, "loaded": asked - compiled, "waited": 0, "bypassed": 0})
        self.assertEqual(len(self.larder("ls")["entries"]), compiled)
        second = self.served()
        self.assertEqual(second.answer, plain.answer)
        self.assertEqual(self.outcomes(), {
            "compiled": compiled, "loaded": 2 * asked - compiled, "waited": 0, "bypassed": 0})
        return plain, first, second

    def files_in_its_own_cache(self):
        """After two starts of a client that was told to use its own cache, and was served."""
        own_cache = self.root / "own"
        own_cache.mkdir()
        self.served(own_cache)
        self.served(own_cache)
        self.assertEqual(self.outcomes()["bypassed"], 0)
        return [file for file in own_cache.rglob("*") if file.is_file()]


def main():
    unittest.main(verbosity=2)
