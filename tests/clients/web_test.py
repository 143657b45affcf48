"""Goal: of the workers of a web server that start together, one compiles and the others load."""

import harness


class WebTest(harness.ClientTest):
    name = "web"

    def test_of_four_workers_one_compiles_and_a_server_that_starts_again_compiles_nothing(self):
        own_cache = self.root / "own"
        own_cache.mkdir()
        plain, first = self.unserved(), self.served(own_cache)
        self.assertEqual(plain.answer["processes"], 4)
        self.assertEqual(first.answer, plain.answer)
        self.assertEqual(sorted(first.loaded), [False, True, True, True])
        outcomes = self.outcomes()
        self.assertEqual((outcomes["compiled"], outcomes["bypassed"]), (1, 0))
        # A worker that starts late need not wait.
        self.assertEqual(outcomes["waited"] + outcomes["loaded"], 3)

        again = self.served(own_cache)
        self.assertEqual(again.answer, plain.answer)
        self.assertEqual(again.loaded, [True] * 4)
        self.assertEqual(self.outcomes()["compiled"], 1)
        self.assertEqual(list(own_cache.iterdir()), [])


if __name__ == "__main__":
    harness.main()
