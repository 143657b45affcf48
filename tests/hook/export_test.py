"""Goal: a program can export and import the result of `compile_model`, whether it was compiled or
loaded.

Method: models of many kinds, without larder, with an empty one, and with the filled one. A hit
exports the same bytes as a fresh compile, and both compute the same.
"""

import sys

import harness
from models.llama import build_stateful


class ExportTest(harness.HookTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        build_stateful(cls.models / "llama.xml", seed=1)

    def check(self, *properties):
        command = [sys.executable, str(harness.CLIENTS / "export_client.py"), self.models,
                   *properties]
        plain, cold, warm = (run(*command).json for run in (
            self.unserved, self.served, self.served))
        self.assertGreaterEqual(len(plain), 10)
        for name, found in plain.items():
            with self.subTest(name):
                self.assertFalse(found.pop("loaded"))
                self.assertFalse(cold[name].pop("loaded"))
                self.assertTrue(warm[name].pop("loaded"))
                first, *others = found["outputs"]
                self.assertEqual(others, [first] * len(others))
                for start in (cold, warm):
                    self.assertEqual(start[name]["outputs"], found["outputs"])
                # Not equal to those of a start without larder, because generated names differ.
                self.assertEqual(warm[name]["exported"], cold[name]["exported"])

    def test_what_a_hit_exports_is_what_a_compile_exports(self):
        self.check()

    def test_what_a_hit_exports_without_weights_is_what_a_compile_exports(self):
        self.check("CACHE_MODE=OPTIMIZE_SIZE")

    def test_what_the_plugin_exports_in_vain_is_not_exported(self):
        command = [sys.executable, str(harness.CLIENTS / "paged_client.py"),
                   self.models / "llama.xml"]
        plain = self.unserved(*command).json
        for _ in range(3):
            self.assertEqual(self.served(*command).json, plain)
        self.assertEqual(self.outcomes(), {"compiled": 0, "loaded": 0, "waited": 0, "bypassed": 3})
        reasons = self.larder("stats")["bypass_reasons"]
        self.assertIn("PagedAttentionExtension", str(reasons))
        self.assertEqual(self.larder("ls")["entries"], [])


if __name__ == "__main__":
    harness.main()
