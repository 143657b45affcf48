"""Goal: `larder.install` has larder serve a process on a GPU, too.

Method: the rig of tests/gpu.
"""

import os
import pathlib
import sys

import harness
from unable import unable

WITH_GPU = pathlib.Path(os.environ["LARDER_WITH_GPU"])


class GpuTest(harness.PackageTest):
    def test_the_second_process_loads(self):
        if not WITH_GPU.exists():
            unable(self, "there is no rig; scripts/setup_gpu makes it")
        command = (WITH_GPU, sys.executable, harness.CLIENTS / "on_gpu.py", self.dense, self.dir)
        first, second = (self.done(self.run_command(*command)).json for _ in range(2))
        self.assertEqual([first[0], second[0]], [False, True])
        self.assertEqual(first[1], ["GPU.0"])
        self.assertEqual(second[1:], first[1:])
        self.assertEqual(self.counts(self.dir),
                         {"compiled": 1, "loaded": 1, "waited": 0, "bypassed": 0})


if __name__ == "__main__":
    harness.main()
