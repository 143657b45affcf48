"""Goal: a model for a context that the program made is stored and loaded like a model for its
device, accepts the context's tensors, and gives the same answers as without larder.

Method: OpenCL contexts of each kind, made without OpenVINO like llama.cpp's, on the rig.
"""

import os
import sys

import harness
from gpu_test import WITH_GPU, GpuTest

CLIENT = os.environ["LARDER_CONTEXT_CLIENT"]
KINDS = ["default", "own", "in_order", "any_order", "let_go", "forked"]


class ContextTest(GpuTest):
    def setUp(self):
        super().setUp()
        self.model = self.root / "model.xml"
        write = ("import sys, openvino; from models import MODELS;"
                 "openvino.save_model(MODELS['layers']()[0], sys.argv[1], False)")
        self.done(self.run_bare(sys.executable, "-c", write, self.model, environment={
            "PYTHONPATH": os.path.dirname(__file__)}))

    def lines(self, *kinds, larder=True, **environment):
        run = [harness.PROGRAM, "run", "--dir", self.dir, "--"] if larder else []
        threads, kinds = (kinds[:1], kinds[1:]) if kinds[0] == "--threads" else ((), kinds)
        command = [WITH_GPU, *run, CLIENT, *threads, self.model, *kinds]
        return [line.split() for line in
                self.done(self.run_bare(*command, environment=environment)).lines]

    def test_each_kind_loads_what_any_other_has_compiled(self):
        plain = self.lines("device", *KINDS, larder=False)
        self.assertEqual({loaded for _, loaded, *_ in plain}, {"compiled"})
        for first in ("device", *KINDS):
            self.dir = self.root / first
            with self.subTest(first=first):
                [[_, loaded, *found]] = self.lines(first)
                self.assertEqual((loaded, found), ("compiled", plain[0][2:]))
                for [kind, *expected], [_, loaded, *found] in zip(
                        plain, self.lines("device", *KINDS), strict=True):
                    self.assertEqual((kind, loaded, found), (kind, "loaded", expected[1:]))
                self.assertEqual(len(self.entries()), 1)

    def test_threads_compile_once_and_run_at_once_each_for_its_own_context(self):
        kinds = ["device", *KINDS, *KINDS]
        plain = self.lines("device", larder=False)[0]
        for number in range(3):
            found = self.lines("--threads", *kinds)
            self.assertEqual([[kind, *rest] for kind, _, *rest in found],
                             [[kind, *plain[2:]] for kind in kinds])
            loaded = [loaded for _, loaded, *_ in found].count("loaded")
            self.assertEqual(loaded, len(kinds) - (number == 0))
        self.assertEqual(len(self.entries()), 1)
        self.assertEqual(self.outcomes()["compiled"], 1)
        self.verb("verify")

    def test_a_context_is_of_its_device(self):
        two = {"LARDER_FAKE_GPUS": "2", "LARDER_FAKE_GPU_UNITS": "24,96"}
        other = {"LARDER_FAKE_GPUS": "2", "LARDER_FAKE_GPU_UNITS": "96,24"}
        self.assertEqual(self.lines("own", **two)[0][1], "compiled")
        self.assertEqual(self.lines("own", **other)[0][1], "compiled")
        self.assertEqual(self.lines("own", **two)[0][1], "loaded")

    def test_where_larder_is_of_no_use_the_context_serves_all_the_same(self):
        plain = self.lines("own", larder=False)
        self.assertEqual(self.lines("own", LARDER_MODE="off"), plain)


if __name__ == "__main__":
    harness.main()
