"""Goal: entries of a model in other shapes are found by the model's file, and are distinguished.

Method: one model, compiled unchanged and in several shapes, used with every verb that takes a
model.
"""

import harness
from harness import ProgramTest

SHAPE = ("--shape", "[3,64]")
OTHER = ("--shape", "[5,64]")


class VariantsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.models / "dense.xml"

    def why(self, *words):
        return self.done("why", self.model, *words, "--json").json

    def test_why_takes_shapes(self):
        self.assertFalse(self.why(*SHAPE)["would_hit"])
        key = self.compile(self.model, *SHAPE)["key"]
        hit = self.why(*SHAPE)
        self.assertEqual((hit["would_hit"], hit["key"]), (True, key))
        for words in ((), OTHER):
            miss = self.why(*words)
            self.assertFalse(miss["would_hit"])
            self.assertIn("another graph, changed by a program or reshaped", miss["reason"])
            self.assertIn("[3,64]", miss["reason"])
        self.refused(2, "why", self.model, "--shape", "[x]", says="is not a shape")

    def test_the_file_is_known(self):
        keys = {self.compile(self.model, *words)["key"] for words in ((), SHAPE, OTHER)}
        self.assertEqual(len(keys), 3)
        entries = self.entries()
        self.assertEqual({entry["model"] for entry in entries}, {str(self.model)})
        self.assertEqual(sorted(entry["shapes"].split("[")[1] for entry in entries),
                         ["1,64]", "3,64]", "5,64]"])
        listed = self.done("ls").out
        for shape in ("[1,64]", "[3,64]", "[5,64]"):
            self.assertIn(shape, listed)
        self.assertIn("[3,64]", self.done("show", self.compile(self.model, *SHAPE)["key"]).out)
        self.assertEqual(len(self.done("rm", self.model, "--yes", "--json").json["entries"]), 3)
        self.assertEqual(self.entries(), [])

    def test_properties_that_tell_variants_apart_are_shown(self):
        for value in ("f32", "f16"):
            self.compile(self.model, "--property", f"INFERENCE_PRECISION_HINT={value}")
        self.compile(self.models / "other.xml")
        listed = self.done("ls").out
        self.assertEqual(listed.count("INFERENCE_PRECISION_HINT="), 2, listed)
        self.assertNotIn("64]", listed)


if __name__ == "__main__":
    harness.main()
