"""Clients on the rig of tests/gpu, a GPU for tests."""

import dataclasses
import os
import pathlib

from harness import ClientTest
from unable import unable

WITH_GPU = pathlib.Path(os.environ["LARDER_WITH_GPU"])


class GpuClientTest(ClientTest):
    @classmethod
    def make_client(cls):
        client = super().make_client()
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
