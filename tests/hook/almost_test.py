"""Goal: similar models are never confused; and a model is found again with any names of the model,
its nodes and its tensors, and then has the requested names.

Method: clients/almost_client.py compiles each without larder, with an empty one, and with the
filled one; its findings are compared.
"""

import re
import sys

import harness

CLIENT = [sys.executable, str(harness.CLIENTS / "almost_client.py")]
# A program cannot distinguish these; the compiler may.
ALIKE = {"eighth_digit_of_a_note", "fraction_of_a_number", "text_of_a_number",
         "note_of_the_precision", "names_of_a_body", "opset_of_an_operation"}


def without_counters(facts):
    """Names that the runtime generates differ from process to process."""
    return re.sub(r"(Parameter|Result|Relu)_[0-9]+", r"\1", str(facts))


class AlmostTheSame(harness.HookTest):
    def ask(self, run, *words):
        """For each model: its findings, and whether it was loaded."""
        found = run(*CLIENT, *words).json
        return found, {name: row.pop("loaded") for name, row in found.items()}

    def test_each_of_two_is_served_as_itself(self):
        folder = self.folder("files")
        self.unserved(*CLIENT, "write", folder)
        plain, _ = self.ask(self.unserved, "table", folder)
        cold, _ = self.ask(self.served, "table", folder)
        warm, loaded = self.ask(self.served, "table", folder)
        self.assertGreater(len(plain), 200)
        self.assertTrue(all(loaded.values()), loaded)
        for name, facts in plain.items():
            with self.subTest(name):
                self.assertEqual(cold[name], facts)
                self.assertEqual(warm[name], facts)
        seen_apart = {name[:-2] for name in plain if plain[name] != plain[name[:-1] + "1"]}
        self.assertEqual({name.split("/")[0] for name in plain} -
                         {name.split("/")[0] for name in seen_apart}, ALIKE)

    def test_names_of_the_request_are_served(self):
        self.served(*CLIENT, "names", " first")
        for suffix in (" first", " second", ".0", ""):
            plain, _ = self.ask(self.unserved, "names", suffix)
            served, loaded = self.ask(self.served, "names", suffix)
            self.assertTrue(all(loaded.values()), loaded)
            for name, facts in plain.items():
                with self.subTest(name=name, suffix=suffix):
                    self.assertEqual(without_counters(served[name]), without_counters(facts))
                    if name == "nobody_named":
                        self.assertEqual([row[:2] for row in served[name]["ports"][0]],
                                         served[name]["asked"])

    def test_run_time_information_of_every_known_type_is_served(self):
        _, cold = self.ask(self.served, "values")
        _, warm = self.ask(self.served, "values")
        self.assertGreater(len(warm), 8)
        self.assertEqual(cold, dict.fromkeys(cold, False))
        self.assertEqual(warm, {name: name != "own" for name in warm})


if __name__ == "__main__":
    harness.main()
