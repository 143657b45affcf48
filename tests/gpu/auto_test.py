"""Goal: if a program that lets AUTO begin on the CPU is killed at any time, no file is incomplete,
and the next start compiles or loads; the GPU's files are stored although the program never ends.

Method: programs on the rig report their progress and wait, and are killed (SIGKILL) there.
"""

import json
import pathlib
import subprocess
import sys
import time

import harness
from gpu_test import WITH_GPU, GpuTest

CLIENT = [sys.executable, str(pathlib.Path(__file__).with_name("auto_client.py"))]
LIMIT_S = 240


class AutoKilledTest(GpuTest):
    def setUp(self):
        super().setUp()
        self.error = self.root / "error"

    def built_from_source(self):
        return self.error.read_text().count("built from source")

    def start(self):
        """A program that has reported its compile."""
        command = [WITH_GPU, harness.PROGRAM, "run", "--dir", self.dir, "--", *CLIENT]
        with self.error.open("wb") as error:
            process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=error, text=True, cwd=self.root, env={
                    "HOME": str(self.root), **harness.SURROUNDINGS,
                    "LARDER_FAKE_GPU_VERBOSE": "1"})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, self.read(process)

    def read(self, process):
        line = process.stdout.readline()
        self.assertTrue(line, self.error.read_text())
        return json.loads(line)

    def go_over(self, process):
        """Its report after AUTO has switched to the GPU."""
        print(file=process.stdin, flush=True)
        return self.read(process)

    def kill(self, process):
        process.kill()
        process.wait()

    def check_larder(self):
        self.verb("verify")
        for entry in self.entries():
            self.assertEqual(len(self.larder("show", entry["key"])["objects"]), 1)

    def remove_all(self):
        self.verb("rm", *(entry["key"] for entry in self.kept()), "--yes")

    def kept(self):
        return self.entries() if (self.dir / "larder.json").exists() else []

    def test_what_the_gpu_compiled_is_kept_though_the_program_is_killed(self):
        process, ready = self.start()
        self.assertEqual(ready["on"], ["(CPU)"])
        found = self.go_over(process)
        self.assertEqual(found["on"], ["GPU.0"])
        limit = time.monotonic() + LIMIT_S
        while not self.kept() and time.monotonic() < limit:
            time.sleep(0.2)
        self.kill(process)
        self.check_larder()
        [entry] = self.kept()
        # With the compile time of the GPU, which the CPU's compile had hidden.
        shown = self.larder("show", entry["key"])
        self.assertGreaterEqual(shown["compile_ms"], found["device_ms"] / 4)
        self.assertGreater(shown["compile_ms"], ready["ready_ms"])
        self.assertGreater(self.built_from_source(), 0)
        # Either device may be ready first, because the GPU has nothing to compile.
        process, ready = self.start()
        self.assertEqual(self.go_over(process)["output"], found["output"])
        self.assertEqual(self.built_from_source(), 0)

    def test_killed_at_any_time_before(self):
        expected = None
        for after_s in (0, 0.5, 1, 2):
            with self.subTest(after_s=after_s):
                process, ready = self.start()
                if ready["loaded"]:
                    self.remove_all()
                time.sleep(after_s)
                self.kill(process)
                self.check_larder()
                process, ready = self.start()
                found = self.go_over(process)
                self.kill(process)
                self.assertEqual(found["output"], expected or found["output"])
                expected = found["output"]
                self.check_larder()


if __name__ == "__main__":
    harness.main()
