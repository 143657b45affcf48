"""Goal: kernels that a GPU builds while a dynamic model runs for the device's own context are
stored and found like those for the device; a model for a context that the program made is served
without kernels. Method: like kernels_test.py; programs make contexts without OpenVINO as in
context_test.py.
"""

import os

import harness
from gpu_test import WITH_GPU
from kernels_test import Kernels


class ContextKernelsTest(Kernels):
    def test_the_devices_own_context_takes_the_devices_kernels(self):
        first = self.keep()
        again = self.make_nothing("again", FOR_CONTEXT="1")
        self.assertEqual(again["output"], first["output"])

    def test_what_is_made_for_it_is_kept(self):
        first = self.keep(FOR_CONTEXT="1")
        self.assertFalse(first["loaded"])
        for name, environment in (("device", {}), ("context", {"FOR_CONTEXT": "1"})):
            again = self.make_nothing(name, **environment)
            self.assertEqual(again["output"], first["output"])
        [kernels] = self.kernels()
        self.assertTrue(kernels["kernels_of"])

    def test_a_context_of_the_program_is_served_without(self):
        model = self.save()
        client = os.environ["LARDER_CONTEXT_CLIENT"]
        plain = self.done(self.run_bare(WITH_GPU, client, model, "own")).out.split()
        self.assertEqual(plain[:2], ["own", "compiled"])
        for loaded in ("compiled", "loaded"):
            served = self.done(self.run_bare(WITH_GPU, harness.PROGRAM, "run", "--dir", self.dir,
                                             "--", client, model, "own")).out.split()
            self.assertEqual(served, ["own", loaded, *plain[2:]])
        self.assertEqual(len(self.entries()), 1)


if __name__ == "__main__":
    harness.main()
