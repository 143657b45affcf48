"""Goal: programs on several releases of OpenVINO use one larder, and none is ever given a blob of
another release.

Method: each release in turn asks for the same model; then one release's entry is removed, while
those of the others stay. Before 2026.4.0, OpenVINO does not check blobs: only the key keeps them
apart.
"""

import os
import sys

import harness
import on_release
from unable import unable

RELEASES = []


class TogetherTest(harness.HookTest):
    def setUp(self):
        super().setUp()
        self.pythons = {release: on_release.python_of(release) for release in RELEASES}
        self.pythons["built with"] = sys.executable
        for python in self.pythons.values():
            if not os.path.exists(python):
                unable(self, f"{python} is missing: run scripts/adapters")

    def client(self, release):
        return [self.pythons[release], harness.CLIENTS / "python_client.py", "one", self.models]

    def build_of(self, release):
        told = self.unserved(self.pythons[release], "-c",
                             "import openvino; print(openvino.get_version())")
        return told.out.strip()

    def builds_stored(self):
        entries = self.larder("ls")["entries"]
        return {self.larder("show", entry["key"])["key_inputs"]["runtime.openvino"]: entry["key"]
                for entry in entries}

    def test_each_finds_its_own(self):
        plain = {}
        for release in self.pythons:
            plain[release] = self.unserved(*self.client(release)).json
            self.assertFalse(plain[release].pop("loaded"))
        # The first requests find nothing, although other releases asked before.
        for loaded in (False, True):
            for release in self.pythons:
                with self.subTest(release=release, loaded=loaded):
                    found = self.served(*self.client(release)).json
                    self.assertEqual(found.pop("loaded"), loaded)
                    self.assertEqual(found, plain[release])
        stored = self.builds_stored()
        self.assertEqual(len(stored), len(self.pythons))
        # The program `larder` asks one of them; the entries of the others are in use, too.
        self.assertEqual([entry["stale"] for entry in self.larder("ls")["entries"]],
                         len(stored) * [None])
        pruned = self.larder("prune", "--incompatible", "--stale", "--yes")
        self.assertEqual(pruned["entries"], [])
        for release in self.pythons:
            with self.subTest(removed=release):
                build = self.build_of(release)
                self.larder("rm", stored[build], "--yes")
                self.assertNotIn(build, self.builds_stored())
                found = self.served(*self.client(release)).json
                self.assertFalse(found["loaded"])
                self.assertEqual(found["outputs"], plain[release]["outputs"])


if __name__ == "__main__":
    RELEASES = sys.argv[1:]
    del sys.argv[1:]
    harness.main()
