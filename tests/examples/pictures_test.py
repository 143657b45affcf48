"""Goal: a pipeline compiles each of its sizes once; further sizes share the weights; and the
pictures are the same as without larder."""

import re

import harness

from models.folder import build

PROGRAM = harness.EXAMPLES / "pictures/pictures.py"
SIZES = ("64x64", "96x64", "64x96")


class PicturesTest(harness.ExampleTest):
    def draw(self, models, out, environment=None):
        """The outcome of each network, in order, and the pictures."""
        done = self.run_command("python", PROGRAM, models, out, *SIZES, environment=environment)
        starts = re.findall(r"(?m)^  (\w+) (compiled|loaded) in \d+\.\d\d s$", done.stdout)
        self.assertEqual([name for name, _ in starts],
                         ["text_encoder", *["unet", "vae_decoder"] * len(SIZES)])
        self.assertNotIn("larder: ", done.stderr)
        return done.stdout, {how for _, how in starts}, {
            size: (out / f"{size}.ppm").read_bytes() for size in SIZES}

    def test_every_size_is_compiled_once_and_shares_the_weights(self):
        models = build("sd-small", self.root / "models", 0).parent
        _, how, pictures = self.draw(models, self.root / "first")
        self.assertEqual(how, {"compiled"})
        out, how, again = self.draw(models, self.root / "second")
        self.assertEqual(how, {"loaded"})
        self.assertEqual(again, pictures)
        _, how, plain = self.draw(models, self.root / "plain",
                                  {**self.environment, "LARDER_MODE": "off"})
        self.assertEqual((how, plain), ({"compiled"}, pictures))

        for size, picture in pictures.items():
            header = f"P6 {size.replace('x', ' ')} 255\n".encode()
            self.assertEqual(picture[:len(header)], header)
            self.assertGreater(len(set(picture)), 32, "not of one colour")
        listing = self.larder("ls")
        self.assertEqual(len(listing["entries"]), 1 + 2 * len(SIZES))
        for entry in listing["entries"]:
            self.assertIn(f"{entry['bytes']:,}", out)
            self.assertIn(f"{entry['unique_bytes']:,}", out)
        unets = [entry for entry in listing["entries"] if entry["model"].endswith("unet.xml")]
        alone = max(entry["bytes"] for entry in unets)
        self.assertLess(sum(entry["unique_bytes"] for entry in unets), alone // 5)

    def test_sizes_that_are_wrong(self):
        for size in ("100x128", "128", "0x128"):
            done = self.run_command("python", PROGRAM, self.root, self.root, size, code=2)
            self.assertIn(size, done.stderr)


if __name__ == "__main__":
    harness.main()
