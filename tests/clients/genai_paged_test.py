"""Goal: a pipeline with paged attention, the default of openvino_genai, works as without larder,
although its language model cannot be stored: the CPU plugin refuses to import the blob that it
exported."""

import pathlib

import harness


class PagedAttentionTest(harness.ClientTest):
    name = "genai_paged"

    def test_the_text_is_the_same_and_what_can_be_kept_is_loaded(self):
        plain = self.unserved()
        for _ in range(2):
            # With a warning about the refused blob.
            served = self.client.start(self.prepared, self.home, self.dir)
            self.assertEqual(served.answer, plain.answer)
        loaded = {pathlib.Path(name).stem: outcomes["loaded"]
                  for name, outcomes in self.larder("stats")["by_model"].items()}
        self.assertEqual(
            [loaded[f"openvino_{name}"] for name in ("tokenizer", "detokenizer")], [1, 1])


if __name__ == "__main__":
    harness.main()
