"""Goal: a program on an OpenVINO that is newer than larder is served after a trial; if a check
fails, it runs as without larder, and one warning names the check.

Method: a copy of the installed OpenVINO has the version of a release to come. Each check is made to
fail by changing the copy: a function is missing, a table has another size, a function crashes.
"""

import json
import pathlib
import struct
import tempfile

import harness
import newer

# Of the functions that every import of a blob calls.
IMPORT = ("_ZN2ov4Core12import_modelERKNS_6TensorERKNSt7__cxx1112basic_stringIcSt11char_traitsIcE"
          "SaIcEEERKSt3mapIS9_NS_3AnyESt4lessIS9_ESaISt4pairISA_SD_EEE")
TABLE = "_ZTVN2ov5ModelE"
HOOK = pathlib.Path(harness.PRELOAD).with_name("liblarder_hook.so")


class NewerTest(harness.HookTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="larder-newer-")
        cls.addClassCleanup(folder.cleanup)
        cls.newer = newer.Newer(pathlib.Path(folder.name) / "environment")
        cls.untouched = cls.newer.library.read_bytes()

    def setUp(self):
        super().setUp()
        self.addCleanup(self.newer.library.write_bytes, self.untouched)
        self.state = self.root / ".local/state/larder/openvino"

    def client(self):
        return [self.newer.python, harness.CLIENTS / "python_client.py", "one", self.models]

    def of_newer(self, verb, *words):
        return self.run_bare(harness.PROGRAM, verb, "--dir", self.dir, "--json",
                             "--openvino", self.newer.folder, *words)

    def verdict(self):
        [path] = self.state.glob("*/verdict.json")
        return json.loads(path.read_text())

    def refused(self, *texts):
        """The program runs as without larder, which says why once; the trial is not repeated."""
        plain = self.unserved(*self.client()).json
        for _ in range(2):
            found = self.warned(self.run_larder(command=self.client()), *texts)
            self.assertEqual(found.json, plain)
            self.assertIn(f"OpenVINO {self.newer.version}", found.warnings[0])
            self.assertIn("install a newer larder-openvino", found.warnings[0])
            self.assertEqual(list(self.dir.glob("entries/*")), [])
        self.assertNotEqual(self.verdict()["refusal"], "")
        self.assertEqual(len(list(self.state.iterdir())), 1)

    def test_it_is_served_after_a_trial(self):
        plain = self.unserved(*self.client()).json
        for loaded in (False, True):
            found = self.served(*self.client()).json
            self.assertEqual(found.pop("loaded"), loaded)
            self.assertEqual(found, {name: plain[name] for name in found})
        self.assertEqual(self.verdict()["refusal"], "")
        report = self.done(self.of_newer("doctor")).json
        self.assertTrue(report["openvino"].startswith(self.newer.version))
        self.assertEqual(report["openvinos"][0]["serving"], "newer, served after a trial")
        self.assertEqual(self.done(self.of_newer("compile", self.dense)).json["outcome"], "loaded")
        # No property is left out of a key: that was not proven there.
        other = self.done(self.of_newer("why", self.dense, "--property", "LOG_LEVEL=LOG_ERROR"))
        self.assertFalse(other.json["would_hit"])

    def test_children_and_later_starts_ask_for_no_trial(self):
        self.served(*self.client())
        [folder] = self.state.iterdir()
        before = folder.stat().st_mtime_ns
        self.served(*self.client())
        self.assertEqual(folder.stat().st_mtime_ns, before)
        self.done(self.of_newer("doctor", "--retry"))
        [again] = self.state.iterdir()
        self.assertNotEqual(again.stat().st_mtime_ns, before)

    def test_it_can_be_switched_off(self):
        plain = self.unserved(*self.client()).json
        found = self.warned(
            self.run_larder(command=self.client(), environment={"LARDER_OPENVINO": "known"}),
            "LARDER_OPENVINO is 'known'")
        self.assertEqual(found.json, plain)
        self.assertFalse(self.state.exists())

    def test_a_function_is_missing(self):
        # The package itself does without it.
        [name, *_] = sorted(self.newer.imported_by(HOOK) - self.newer.imported_inside())
        _, text, _ = self.newer.symbol(name)
        self.newer.change(text + len(name) - 1, b"_")
        self.refused("symbols: ", " is missing")

    def test_a_table_has_grown(self):
        record, _, _ = self.newer.symbol(TABLE)
        self.newer.change(record + 16, struct.pack("<Q", 56))
        self.refused(f"tables: {TABLE} has 56 bytes instead of 48")

    def test_the_trial_crashes(self):
        _, _, code = self.newer.symbol(IMPORT)
        self.newer.change(code, b"\x0f\x0b")
        self.refused("trial: signal 4 ended it")
        report = self.of_newer("doctor")
        self.assertEqual(report.code, 1, report)
        self.assertIn("signal 4", report.out)


if __name__ == "__main__":
    harness.main()
