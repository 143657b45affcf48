"""Goal: programs in C and C++ are served on a GPU, and larder's reports about GPUs are correct: the
existing and the removed GPUs, the driver that a blob needs, and the usable files of OpenVINO's own
cache.
"""

import os
import pathlib
import sys
import time

import harness
from gpu_test import CLIENT, WITH_GPU, GpuTest

FILL = [sys.executable, str(pathlib.Path(__file__).with_name("fill_cache.py"))]
TWO = {"LARDER_FAKE_GPUS": "2"}
UPDATED = {"LARDER_FAKE_GPU_DRIVER": "26.99.1"}
HOUR = 3600


class CompiledProgramsTest(GpuTest):
    def check_lines(self, program, **options):
        plain = self.done(self.run_bare(WITH_GPU, program, self.dense, "GPU")).lines
        command = [harness.PROGRAM, "run", "--dir", self.dir, "--", program, self.dense, "GPU"]
        self.done(self.run_bare(WITH_GPU, *command))
        found = self.done(self.run_bare(WITH_GPU, *command)).lines
        self.assertEqual(found, [line.replace(" compiled ", " loaded ") for line in plain])
        self.assertIn(" loaded ", found[0])

    def test_a_program_in_c_is_served(self):
        self.check_lines(harness.BUILT / "c_client")

    def test_a_program_in_cpp_is_served(self):
        self.check_lines(harness.BUILT / "overloads")


class VerbsTest(GpuTest):
    def verb(self, *words, environment=None):
        return self.run_bare(WITH_GPU, harness.PROGRAM, *words, "--dir", self.dir,
                             environment=environment)

    def test_what_is_said_of_gpus_is_so(self):
        self.done(self.verb("compile", self.dense, "--device", "GPU"))
        self.done(self.verb("compile", self.dense, "--device", "GPU.1", environment=TWO))
        devices = self.verb("doctor", "--json", environment=TWO).json["devices"]
        self.assertEqual([device["name"] for device in devices if "Fake" in device["full_name"]],
                         ["GPU.0", "GPU.1"])
        self.assertTrue(all(device["export_import"] for device in devices))

        gone = self.verb("why", self.dense, "--device", "GPU.1")
        self.assertEqual(gone.code, 2)
        self.assertIn("no device 'GPU.1'", gone.error)
        self.assertEqual(self.verb("why", self.dense, "--device", "HETERO:GPU.1,CPU").code, 2)
        self.assertIn("hit", self.done(self.verb(
            "why", self.dense, "--device", "GPU.1", environment=TWO)).out)
        self.assertIn("hit", self.done(self.verb("why", self.dense, "--device", "GPU")).out)
        other = self.verb("why", self.dense, "--device", "GPU", environment=UPDATED)
        self.assertIn("does not accept the kept blob, which needs", other.out, other)
        self.assertIn("driver=26.30.12345", other.out, other)

        # GPUs of one model share one entry.
        [entry] = self.entries()
        self.assertEqual(entry["device"], "GPU")
        shown = self.verb("show", entry["key"]).out
        for text in ("Fake Graphics", "driver=26.30.12345"):
            self.assertIn(text, shown)
        self.assertIn("GPU", self.verb("stats").out)

    def test_what_is_damaged_is_compiled_for_its_gpu(self):
        two = {**TWO, "LARDER_FAKE_GPU_UNITS": "24,96"}
        for device in ("GPU.0", "GPU.1"):
            self.done(self.verb("compile", self.dense, "--device", device, environment=two))
        entries = self.entries()
        self.assertEqual([entry["device"] for entry in entries], ["GPU", "GPU"])
        for path in (self.dir / "objects").rglob("*"):
            if path.is_file():
                path.chmod(0o644)
                path.write_bytes(path.read_bytes()[:-1])
        report = self.verb("repair", "--json", environment=two).json
        self.assertEqual({repair["key"]: repair["outcome"] for repair in report["repairs"]},
                         {entry["key"]: "recompiled" for entry in entries})
        for device in ("GPU.0", "GPU.1"):
            self.assertIn("hit", self.done(self.verb(
                "why", self.dense, "--device", device, environment=two)).out)

    def worth(self, cache, **options):
        files = self.verb("scan", cache, "--json", **options).json["files"]
        return {(file["kind"], file["worth"]) for file in files}

    def test_what_openvino_kept_of_a_gpu_is_judged_by_its_driver(self):
        cache = self.folder("cache")
        self.done(self.run_bare(WITH_GPU, *FILL, cache))
        for path in cache.iterdir():
            os.utime(path, (time.time() - HOUR,) * 2)
        kernels = {path for path in cache.iterdir() if path.suffix == ".cl_cache"}
        self.assertTrue(kernels)
        usable = {("blob", "usable"), ("kernels", "unknown")}
        self.assertEqual(self.worth(cache), usable)
        self.assertEqual(self.worth(cache, environment=TWO), usable)
        stale = {("blob", "stale"), ("kernels", "unknown")}
        self.assertEqual(self.worth(cache, environment=UPDATED), stale)
        self.done(self.verb("scan", cache, "--remove-stale", "--yes", environment=UPDATED))
        self.assertEqual(set(cache.iterdir()), kernels)
        # It is OpenVINO's file, and pruning a larder does not touch it.
        self.done(self.run_bare(WITH_GPU, harness.PROGRAM, "run", "--dir", self.dir, "--",
                                *CLIENT, "dynamic", "GPU"))
        self.done(self.verb("prune", "--older-than", "1h", "--yes"))
        self.assertEqual(set(cache.iterdir()), kernels)


if __name__ == "__main__":
    harness.main()
