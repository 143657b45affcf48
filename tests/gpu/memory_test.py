"""Goal: after a GPU has its copy of a blob, none of the blob's pages is in the program's memory,
and nothing of it is mapped after the model was destroyed; for every encoding.

Method: a program on the rig that reads its own /proc/self/smaps.
"""

import pathlib
import sys

import harness
from gpu_test import WITH_GPU, GpuTest

CLIENT = [sys.executable, str(pathlib.Path(__file__).with_name("memory_client.py"))]
# The plugin reads the beginning of a blob once more after the import.
KB_MAX = 256


class MemoryTest(GpuTest):
    def load(self, model):
        command = [WITH_GPU, harness.PROGRAM, "run", "--dir", self.dir, "--", *CLIENT, model,
                   "/objects/"]
        return self.done(self.run_bare(*command)).json

    def test_no_page_of_a_blob_stays(self):
        for model in ("tuned", "tuned_last"):
            self.load(model)
        encodings = [self.larder("show", entry["key"])["encoding"] for entry in self.entries()]
        self.assertEqual(sorted(encodings), ["raw", "referring"])
        for model in ("tuned", "tuned_last"):
            with self.subTest(model):
                found = self.load(model)
                self.assertTrue(found["loaded"])
                for when in ("ready", "after"):
                    self.assertLessEqual(found[when]["Rss"], KB_MAX)
                self.assertEqual(found["at_last"], {"Size": 0, "Rss": 0})
                # Otherwise the test would prove nothing.
                self.assertGreater(found["ready"]["Size"], 10_000)


if __name__ == "__main__":
    harness.main()
