"""Goal: the language model of an openvino_genai pipeline on a GPU comes from the larder, with paged
attention or without; the text is the same.

Method: a tiny Llama, on the rig of tests/gpu.
"""

import harness
from gpu_harness import GpuClientTest


class GenaiTest(GpuClientTest):
    name = "genai"

    def test_tokenizer_model_and_detokenizer_come_from_the_larder(self):
        plain = self.unserved()
        for compiled, loaded in ((3, 0), (3, 3)):
            self.assertEqual(self.served().answer, plain.answer)
            self.assertEqual(self.outcomes(), {
                "compiled": compiled, "loaded": loaded, "waited": 0, "bypassed": 0})
        blobs = [entry for entry in self.larder("ls")["entries"] if not entry["kernels_of"]]
        self.assertEqual(sorted(entry["device"] for entry in blobs), ["CPU", "CPU", "GPU"])


class PagedAttentionTest(GenaiTest):
    name = "genai_paged"


if __name__ == "__main__":
    harness.main()
