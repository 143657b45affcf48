"""Goal: a language model of optimum-intel comes from the larder, and generates the same."""

import harness


class TransformerTest(harness.ClientTest):
    name = "transformer"

    def test_the_model_comes_from_the_larder(self):
        plain, first, second = self.check_starts(compiled=1, asked=1)
        self.assertEqual((plain.loaded, first.loaded, second.loaded), ([False], [False], [True]))

    def test_its_own_cache_directory_stays_empty(self):
        self.assertEqual(self.files_in_its_own_cache(), [])


if __name__ == "__main__":
    harness.main()
