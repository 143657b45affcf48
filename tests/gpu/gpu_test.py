"""Goal: with larder a GPU answers what it answers without, whatever is kept, and however; and what
was compiled once is loaded.

Method: OpenVINO's own GPU plugin, on a processor that looks like a GPU (scripts/setup_gpu): it
compiles, exports, imports and infers, by its plain kernels. Matrix engines, sub-groups and drivers
are not there.
"""

import os
import pathlib
import sys

import harness
from unable import unable

WITH_GPU = pathlib.Path(os.environ["LARDER_WITH_GPU"])
CLIENT = [sys.executable, str(pathlib.Path(__file__).with_name("client.py"))]
# Computed in half precision.
NEAR = 0.05


class GpuTest(harness.HookTest):
    def setUp(self):
        super().setUp()
        if not WITH_GPU.exists():
            unable(self, "there is no rig; scripts/setup_gpu makes it")

    def plain(self, model, device="GPU", **environment):
        """Without larder; nearly what a CPU answers, or the rig is of no use."""
        found = self.done(self.run_bare(WITH_GPU, *CLIENT, model, device,
                                        environment={**environment, "ON_CPU": "1"})).json
        self.assertLess(found["off"], NEAR)
        return found

    def ask(self, model, device="GPU", **environment):
        command = [harness.PROGRAM, "run", "--dir", self.dir, "--", *CLIENT, model, device]
        return self.done(self.run_bare(WITH_GPU, *command, environment=environment)).json

    def verb(self, *words):
        return self.done(self.run_bare(WITH_GPU, harness.PROGRAM, *words, "--dir", self.dir))

    def entries(self):
        return self.larder("ls")["entries"]

    def check(self, expected, found, loaded):
        self.assertEqual(found["outputs"], expected["outputs"])
        self.assertEqual(found["loaded"], loaded)


class HitTest(GpuTest):
    def test_the_second_start_loads(self):
        for model in ("layers", "dynamic", "pictures", "state"):
            with self.subTest(model):
                plain = self.plain(model)
                self.check(plain, self.ask(model), False)
                self.check(plain, self.ask(model), True)

    def test_what_is_compressed_loads(self):
        plain = self.plain("tuned")
        self.check(plain, self.ask("tuned"), False)
        self.check(plain, self.ask("tuned"), True)
        [entry] = self.entries()
        self.verb("compress", entry["key"], "--yes")
        self.check(plain, self.ask("tuned"), True)


class VariantTest(GpuTest):
    """The plugin reads the file behind the first page of a blob in place of the blob."""

    def test_a_variant_is_not_taken_for_its_base(self):
        plain = {model: self.plain(model) for model in ("tuned", "tuned_first", "tuned_last")}
        for loaded in (False, True):
            for model, expected in plain.items():
                with self.subTest(model=model, loaded=loaded):
                    self.check(expected, self.ask(model), loaded)
        encodings = [self.larder("show", entry["key"])["encoding"] for entry in self.entries()]
        self.assertIn("variant", encodings)


class DevicesTest(GpuTest):
    def test_doctor_knows_the_device(self):
        found = self.run_bare(WITH_GPU, harness.PROGRAM, "doctor", "--dir", self.dir)
        self.assertIn("GPU", found.out, found)
        self.assertIn("Fake Graphics", found.out, found)


if __name__ == "__main__":
    harness.main()
