"""Goal: every model of an openvino_genai pipeline comes from the larder; the text is the same."""

import harness


class GenaiTest(harness.ClientTest):
    name = "genai"

    def test_tokenizer_model_and_detokenizer_come_from_the_larder(self):
        plain, _, _ = self.check_starts(compiled=3, asked=3)
        self.assertGreater(len(plain.answer), 0)

    def test_its_own_cache_directory_stays_empty(self):
        self.assertEqual(self.files_in_its_own_cache(), [])
        self.assertEqual(self.outcomes()["compiled"], 3)


if __name__ == "__main__":
    harness.main()
