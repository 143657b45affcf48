"""Goal: with larder a GPU gives the same answers as without, for every entry and encoding; and a
compiled model is loaded the next time.

Method: OpenVINO's own GPU plugin, on a processor that looks like a GPU (scripts/setup_gpu): it
compiles, exports, imports and infers with its generic kernels. There are no matrix engines,
sub-groups and drivers.
"""

import json
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

    known = {}  # the answers of plain(), which builds kernels for seconds

    def plain(self, model, device="GPU", properties=None, **environment):
        """Without larder; must be close to the CPU's answer, otherwise the rig is useless."""
        command = [*CLIENT, model, device, json.dumps(properties or {})]
        request = json.dumps([command, environment], sort_keys=True)
        if request not in self.known:
            found = self.done(self.run_bare(WITH_GPU, *command,
                                            environment={**environment, "ON_CPU": "1"})).json
            self.assertLess(found["off"], NEAR)
            self.known[request] = found
        return self.known[request]

    def ask(self, model, device="GPU", properties=None, **environment):
        command = [harness.PROGRAM, "run", "--dir", self.dir, "--", *CLIENT, model, device,
                   json.dumps(properties or {})]
        return self.done(self.run_bare(WITH_GPU, *command, environment=environment)).json

    def verb(self, *words):
        return self.done(self.run_bare(WITH_GPU, harness.PROGRAM, *words, "--dir", self.dir))

    def verb_json(self, *words, **environment):
        command = [harness.PROGRAM, *words, "--dir", self.dir, "--json"]
        return self.done(self.run_bare(WITH_GPU, *command, environment=environment)).json

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


class SharedBytesTest(GpuTest):
    """The plugin reads the file behind the first page of a blob in place of the blob."""

    def test_a_blob_is_not_taken_for_what_it_refers_to(self):
        plain = {model: self.plain(model) for model in ("tuned", "tuned_first", "tuned_last")}
        for loaded in (False, True):
            for model, expected in plain.items():
                with self.subTest(model=model, loaded=loaded):
                    self.check(expected, self.ask(model), loaded)
        encodings = [self.larder("show", entry["key"])["encoding"] for entry in self.entries()]
        self.assertIn("referring", encodings)


class DevicesTest(GpuTest):
    def test_a_gpu_has_one_name_however_it_is_asked_for(self):
        plain = self.plain("layers")
        ways = [("GPU", {}), ("GPU.0", {}), ("GPU", {"DEVICE_ID": "0"})]
        for number, (device, properties) in enumerate(ways):
            with self.subTest(device=device, properties=properties):
                self.check(plain, self.ask("layers", device, properties), number > 0)
        [entry] = self.entries()
        self.assertEqual(entry["device"], "GPU")

    def test_gpus_of_one_make_share_their_blobs(self):
        two = {"LARDER_FAKE_GPUS": "2"}
        ways = [("GPU.1", {}), ("GPU.0", {}), ("GPU.1", {}), ("GPU", {"DEVICE_ID": "1"})]
        for number, (device, properties) in enumerate(ways):
            with self.subTest(device=device, properties=properties):
                plain = self.plain("pictures", device, properties, **two)
                found = self.ask("pictures", device, properties, **two)
                self.check(plain, found, number > 0)
                self.assertEqual(found["on"], plain["on"])
        self.assertEqual(len(self.entries()), 1)

    def test_gpus_of_one_name_that_differ_share_nothing(self):
        for knobs in ({"LARDER_FAKE_GPU_UNITS": "24,96"},
                      {"LARDER_FAKE_GPU_DISCRETE": "1", "LARDER_FAKE_GPU_MEMORY": "8,16"},
                      {"LARDER_FAKE_GPU_WITHOUT": "cl_khr_fp16"},
                      {"LARDER_FAKE_GPU_WITHOUT": "cl_intel_unified_shared_memory"}):
            self.dir = self.root / "-".join(knobs.values())
            two = {"LARDER_FAKE_GPUS": "2", **knobs}
            plain = {device: self.plain("layers", device, **two) for device in ("GPU.0", "GPU.1")}
            for loaded in (False, True):
                for device, expected in plain.items():
                    with self.subTest(device=device, loaded=loaded, **knobs):
                        self.check(expected, self.ask("layers", device, **two), loaded)
            self.check(plain["GPU.1"], self.ask("layers", "GPU", {"DEVICE_ID": "1"}, **two), True)
            # Neither is another build of the other device.
            pruned = self.verb_json("prune", "--incompatible", "--dry-run", **two)
            self.assertEqual(pruned["entries"], [])

    def test_one_of_two_gpus_that_is_taken_away(self):
        two = {"LARDER_FAKE_GPUS": "2", "LARDER_FAKE_GPU_UNITS": "24,96"}
        for device in ("GPU.0", "GPU.1"):
            self.ask("layers", device, **two)
        # The former second GPU is now the first, and finds its own entries.
        left = {"LARDER_FAKE_GPU_UNITS": "96"}
        self.check(self.plain("layers", **left), self.ask("layers", **left), True)
        self.assertEqual(len(self.entries()), 2)
        command = [*CLIENT, "layers", "GPU.1"]
        plain = self.run_bare(WITH_GPU, *command)
        served = self.run_bare(WITH_GPU, harness.PROGRAM, "run", "--dir", self.dir, "--", *command)
        self.assertEqual(served.code, plain.code)
        self.assertNotEqual(plain.code, 0)
        self.assertEqual(served.warnings, [])

    def test_a_request_that_contradicts_itself_costs_no_entry(self):
        self.ask("layers", "GPU.0")
        command = [*CLIENT, "layers", "GPU.0", json.dumps({"DEVICE_ID": "1"})]
        served = self.run_bare(WITH_GPU, harness.PROGRAM, "run", "--dir", self.dir, "--", *command)
        self.assertNotEqual(served.code, 0)
        self.assertTrue(self.ask("layers", "GPU.0")["loaded"])

    def test_doctor_knows_the_device(self):
        found = self.run_bare(WITH_GPU, harness.PROGRAM, "doctor", "--dir", self.dir)
        self.assertIn("GPU", found.out, found)
        self.assertIn("Fake Graphics", found.out, found)


class AutoTest(GpuTest):
    """AUTO lets the CPU begin, and switches to the GPU after the GPU has compiled."""

    def ask_auto(self):
        command = [harness.PROGRAM, "run", "--dir", self.dir, "--", *CLIENT, "pictures", "AUTO"]
        return self.done(self.run_bare(WITH_GPU, *command,
                                       environment={"UNTIL_ON": "GPU.0"})).json

    def test_what_the_gpu_compiles_behind_the_cpu_is_kept(self):
        self.assertEqual(self.ask_auto()["on"], ["(CPU)"])
        stats = self.larder("stats")
        self.assertEqual((stats["compiled"], stats["bypassed"]), (1, 0))
        # If the files are not stored within the time that larder has at the end of a program, a
        # later program stores them.
        for _ in range(5):
            found = self.ask_auto()
            if found["loaded"]:
                break
        self.assertEqual((found["loaded"], found["on"]), (True, ["GPU.0"]))


if __name__ == "__main__":
    harness.main()
