"""Goal: scripts/gpu-check prints the data that a maintainer needs, and fails if there is no GPU."""

import os
import pathlib
import subprocess
import sys
import unittest

from unable import unable

WITH_GPU = pathlib.Path(os.environ["LARDER_WITH_GPU"])
REPORT = [sys.executable, str(pathlib.Path(__file__).with_name("report.py")),
          "--build", os.environ["LARDER_BUILD"], "--quick"]


def run(*command, **environment):
    # The devices of this machine, unless a test sets others.
    settings = {"OCL_ICD_VENDORS": "/nonexistent"}
    return subprocess.run([str(word) for word in command], env={**os.environ, **settings,
                                                                **environment},
                          stdout=subprocess.PIPE, text=True, timeout=600, check=False)


class ReportTest(unittest.TestCase):
    def test_on_the_rig_all_is_well(self):
        if not WITH_GPU.exists():
            unable(self, "there is no rig; scripts/setup_gpu makes it")
        done = run(WITH_GPU, *REPORT)
        self.assertEqual(done.returncode, 0, done.stdout)
        for text in ("larder     ", "OpenVINO   2", "device     GPU: Intel(R) Fake Graphics",
                     "no real GPU", "driver=26.30.12345", "AreLoadedByPathAndFromMemory/dense",
                     "s  GpuStale\n", "checks   3 ok", "hit ", "all is well"):
            self.assertIn(text, done.stdout)

    def test_without_a_gpu_it_says_so(self):
        done = run(*REPORT)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("finds no GPU", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
