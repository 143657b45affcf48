"""Goal: rapidocr's three networks on a GPU come from the larder, and read what they read before.

Method: the rig of tests/gpu, which takes minutes to build the kernels of one reading. So there is
no start without larder: what was drawn says what is right.
"""

import dataclasses
import os
import pathlib

import harness
from client import CLIENTS
from unable import unable

WITH_GPU = pathlib.Path(os.environ["LARDER_WITH_GPU"])


class OcrTest(harness.ClientTest):
    name = "ocr"

    @classmethod
    def make_client(cls):
        client = CLIENTS[cls.name]
        return dataclasses.replace(client, around=(str(WITH_GPU),),
                                   settings=(*client.settings, ("CLIENT_DEVICE", "GPU")))

    @classmethod
    def setUpClass(cls):
        if WITH_GPU.exists():
            super().setUpClass()

    def setUp(self):
        super().setUp()
        if not WITH_GPU.exists():
            unable(self, "there is no rig; scripts/setup_gpu makes it")

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
