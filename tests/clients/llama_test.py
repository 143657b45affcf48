"""Goal: llama.cpp's models come from the larder; the tokens are the same at temperature 0."""

import harness


class LlamaTest(harness.ClientTest):
    name = "llama"

    def test_every_model_comes_from_the_larder(self):
        plain, _, _ = self.check_starts(compiled=1, asked=1)
        self.assertEqual(len(plain.answer), 12)

    def test_its_plugin_cache_directory_stays_empty(self):
        self.assertEqual(self.files_in_its_own_cache(), [])
        self.assertEqual(self.outcomes()["compiled"], 1)

    def test_with_its_directory_of_exports_it_compiles_once_too(self):
        """llama.cpp exports its compiled model. If the model was loaded, OpenVINO's CPU plugin
        exports a blob that it cannot import: llama.cpp reports it, and compiles again."""
        plain = self.unserved()
        for _ in range(2):
            start = self.served(other_cache=self.root / "own")
            self.assertEqual(start.answer, plain.answer)
        self.assertEqual(self.outcomes(), {
            "compiled": 1, "loaded": 1, "waited": 0, "bypassed": 0})


if __name__ == "__main__":
    harness.main()
