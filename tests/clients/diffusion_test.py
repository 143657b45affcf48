"""Goal: the networks of a diffusion pipeline come from the larder at each size, and the network
without a size is compiled once for all of them."""

import harness


class DiffusionTest(harness.ClientTest):
    name = "diffusion"

    def test_three_sizes_come_from_the_larder(self):
        # The text encoder has one shape; U-Net, encoder and decoder of pictures have three each.
        plain, first, second = self.check_starts(compiled=10, asked=12)
        self.assertEqual(plain.loaded, [False] * 12)
        self.assertEqual(sorted(first.loaded), [False] * 10 + [True] * 2)
        self.assertEqual(second.loaded, [True] * 12)

    def test_its_own_cache_directory_stays_empty(self):
        self.assertEqual(self.files_in_its_own_cache(), [])


if __name__ == "__main__":
    harness.main()
