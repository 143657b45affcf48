"""Goal: rapidocr's three networks on a GPU come from the larder, and read what they read before.

Method: the rig of tests/gpu, which takes minutes to build the kernels of one reading. So there is
no start without larder: what was drawn says what is right.
"""

import harness
from gpu_harness import GpuClientTest


class OcrTest(GpuClientTest):
    name = "ocr"

    def test_a_word_is_read_with_three_networks_from_the_larder(self):
        for hit in (False, True):
            found = self.served()
            self.assertEqual(found.answer["read"], found.answer["drawn"])
            self.assertEqual(found.loaded, [hit] * 3)
        self.assertEqual(self.outcomes(), {
            "compiled": 3, "loaded": 3, "waited": 0, "bypassed": 0})
        blobs = [entry for entry in self.larder("ls")["entries"] if not entry["kernels_of"]]
        self.assertEqual([entry["device"] for entry in blobs], ["GPU"] * 3)


if __name__ == "__main__":
    harness.main()
