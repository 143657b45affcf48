"""Goal: what OpenVINO puts BATCH around by itself, a model of batch one on a GPU with the hint
THROUGHPUT, is kept and loaded like any other, and a hit is what compiling gives.

Method: portraits of compiled models, as in properties_test.py. The files that are kept are those of
OpenVINO's own cache.
"""

import json

import harness
from gpu_test import CLIENT, WITH_GPU
from properties_test import Portraits

HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}
ALONE = {**HINT, "ALLOW_AUTO_BATCHING": "NO"}
SLOW = {**HINT, "AUTO_BATCH_TIMEOUT": "200"}


class AutoBatchTest(Portraits):
    def encodings(self):
        return sorted(self.larder("show", entry["key"])["encoding"] for entry in self.entries())

    def test_a_hit_is_what_compiling_gives(self):
        sets = [HINT, ALONE, SLOW]
        expected, _ = self.portraits(sets, "single", larder=False)
        # Or the test sees nothing of BATCH.
        self.assertEqual(["AUTO_BATCH_TIMEOUT" in each["properties"] for each in expected],
                         [True, False, True])
        for hit in (False, True):
            found, loaded = self.portraits(sets, "single")
            self.assertEqual(loaded, [hit] * len(sets))
            self.compare(sets, expected, found)
        self.assertEqual(self.encodings(), ["files", "files", "raw"])
        self.assertEqual(self.outcomes(), {
            "compiled": 3, "loaded": 3, "waited": 0, "bypassed": 0})

    def test_what_cannot_be_batched_is_kept_as_a_blob(self):
        for hit in (False, True):
            _, loaded = self.portraits([HINT], "layers")
            self.assertEqual(loaded, [hit])
        self.assertEqual(self.encodings(), ["raw"])

    def test_by_path_and_for_another_driver(self):
        words = ("compile", self.dense, "--device", "GPU", "--property",
                 "PERFORMANCE_HINT=THROUGHPUT", "--dir", self.dir, "--json")
        updated = {"LARDER_FAKE_GPU_DRIVER": "26.99.1"}
        for hit in (False, True):
            for environment in ({}, updated):
                found = self.done(self.run_bare(WITH_GPU, harness.PROGRAM, *words,
                                                environment=environment)).json
                self.assertEqual(found["outcome"], "loaded" if hit else "compiled")
        self.assertEqual(self.encodings(), ["files", "files"])

    def test_what_is_damaged_is_compiled(self):
        plain = self.plain("single", "GPU", HINT)
        command = (WITH_GPU, harness.PROGRAM, "run", "--dir", self.dir, "--", *CLIENT, "single",
                   "GPU", json.dumps(HINT))
        self.check(plain, self.ask("single", "GPU", HINT), False)
        for path in (self.dir / "objects").rglob("*"):
            if path.is_file() and path.suffix != ".chunks":
                content = bytearray(path.read_bytes())
                content[len(content) // 2] ^= 1
                path.chmod(0o644)
                path.write_bytes(content)
        outcome = self.run_bare(*command, environment={"LARDER_VERIFY": "always"})
        self.check(plain, self.warned(outcome, "cannot be used").json, False)
        self.check(plain, self.ask("single", "GPU", HINT), True)


if __name__ == "__main__":
    harness.main()
