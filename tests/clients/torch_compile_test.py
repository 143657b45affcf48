"""Goal: torch.compile with OpenVINO's backend is served, with and without `model_caching`."""

import harness


class TorchCompileTest(harness.ClientTest):
    name = "torch_compile"

    def test_the_network_comes_from_the_larder(self):
        plain, first, second = self.check_starts(compiled=1, asked=1)
        self.assertEqual((plain.loaded, first.loaded, second.loaded), ([False], [False], [True]))

    def test_model_caching_keeps_only_what_it_converted(self):
        files = self.files_in_its_own_cache()
        self.assertEqual(sorted(file.suffix for file in files), [".bin", ".xml"])
        self.assertEqual({file.parent.name for file in files}, {"model"})


if __name__ == "__main__":
    harness.main()
