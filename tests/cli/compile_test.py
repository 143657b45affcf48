"""Goal: `compile` works from any directory, and reports correctly what it did.

Method: the real program on small models, a process for each call; its output is parsed.
"""

import json
import pathlib
import shutil
import subprocess

import harness
from harness import KEY, ProgramTest

STAGES = {
    "fingerprint", "lookup", "wait", "read_model", "compile", "export", "publish", "verify",
    "import", "total",
}  # fmt: skip


class CompileTest(ProgramTest):
    def check_report(self, report, outcome):
        self.assertEqual(report["schema_version"], 1)
        self.assertEqual(report["outcome"], outcome, report)
        self.assertEqual(report["device"], "CPU")
        self.assertRegex(report["key"], KEY)
        self.assertRegex(report["object"]["digest"], KEY)
        self.assertGreater(report["object"]["bytes"], 0)
        timing = report["timing_ms"]
        self.assertLessEqual(set(timing), STAGES)
        self.assertGreater(timing["total"], 0)
        for stage, ms in timing.items():
            self.assertLessEqual(ms, timing["total"] + 0.001, (stage, timing))
            self.assertAlmostEqual(ms, round(ms, 3), places=9)
        memory = report["memory"]
        self.assertGreater(memory["rss_bytes"], 1 << 20)
        self.assertGreaterEqual(memory["peak_rss_bytes"], memory["rss_bytes"])

    def test_compiles_then_loads(self):
        model = self.models / "dense.xml"
        first = self.compile(model)
        self.check_report(first, "compiled")
        self.assertEqual(first["model"], str(model))
        for stage in ("read_model", "compile", "export", "publish"):
            self.assertIn(stage, first["timing_ms"])
        self.assertNotIn("import", first["timing_ms"])
        second = self.compile(model)
        self.check_report(second, "loaded")
        self.assertIn("import", second["timing_ms"])
        for stage in ("read_model", "compile", "export", "publish"):
            self.assertNotIn(stage, second["timing_ms"])
        self.assertEqual(first["key"], second["key"])
        self.assertEqual(first["object"], second["object"])

    def test_needs_no_environment(self):
        for outcome in ("compiled", "loaded"):
            run = self.run_bare("compile", self.models / "dense.xml", "--dir", self.dir, "--json")
            self.assertEqual(run.code, 0, run)
            self.assertEqual(run.json["outcome"], outcome)

    def test_the_default_larder_is_in_the_cache_of_the_user(self):
        words = ("compile", self.models / "dense.xml", "--json")
        run = self.run_bare(*words, environment={"HOME": str(self.root)})
        self.assertEqual(run.json["outcome"], "compiled", run)
        self.assertTrue((self.root / ".cache/larder/larder.json").exists())
        cache = {"XDG_CACHE_HOME": str(self.root / "xdg")}
        run = self.run_bare(*words, environment={"HOME": str(self.root), **cache})
        self.assertEqual(run.json["outcome"], "compiled", run)
        self.assertTrue((self.root / "xdg/larder/larder.json").exists())

    def test_a_relative_path_is_the_same_model(self):
        self.compile("dense.xml", cwd=self.models)
        self.assertEqual(self.compile(self.models / "dense.xml")["outcome"], "loaded")
        self.assertEqual(self.entries()[0]["model"], str(self.models / "dense.xml"))
        self.assertIsNone(self.entries()[0]["stale"])

    def test_several_models_are_a_line_each(self):
        names = ["dense", "convolution", "dense"]
        run = self.done("compile", *(self.models / f"{n}.xml" for n in names), "--json")
        outcomes = [report["outcome"] for report in run.json_lines]
        self.assertEqual(outcomes, ["compiled", "compiled", "loaded"])

    def test_goes_on_after_a_model_that_failed(self):
        good = self.models / "dense.xml"
        run = self.larder("compile", self.root / "none.xml", good, "--json")
        self.check_message(run, 1, "none.xml")
        failed, done = run.json_lines
        self.assertIn("none.xml", failed["error"]["what"])
        self.assertNotIn("outcome", failed)
        self.assertEqual(done["outcome"], "compiled")

    def test_prints_for_people_and_for_pipes(self):
        model = self.models / "dense.xml"
        table = self.done("compile", model).out.splitlines()
        titles = ["MODEL", "OUTCOME", "TIME", "COMPILE", "KEPT", "REASON"]
        self.assertEqual(table[0].split(), titles)
        self.assertIn("compiled", table[1])
        self.assertIn("loaded", self.done("compile", model).out)
        key = self.done("compile", model, "-q").out
        self.assertRegex(key.strip(), KEY)
        self.assertEqual(key.count("\n"), 1)

    def test_properties_and_shapes_make_different_keys(self):
        model = self.models / "dense.xml"
        keys = {self.compile(model)["key"]}
        hint = ("--property", "EXECUTION_MODE_HINT=ACCURACY")
        for words in (hint, ("--property", "KEY_CACHE_GROUP_SIZE=32", *hint)):
            report = self.compile(model, *words)
            self.assertEqual(report["outcome"], "compiled")
            keys.add(report["key"])
            self.assertEqual(self.compile(*words, model)["outcome"], "loaded")
        self.assertEqual(len(keys), 3)

    def test_a_shape_is_a_model_of_its_own(self):
        model = self.models / "dense.xml"
        text = model.read_text()
        name = text.split('<layer id="0" name="', 1)[1].split('"', 1)[0]
        self.assertEqual(self.compile(model)["outcome"], "compiled")
        for shape in ("[3,64]", f"{name}[5,64]", "[?,64]", "[1..8,64]"):
            first = self.compile(model, "--shape", shape)
            self.assertEqual(first["outcome"], "compiled", shape)
            self.assertGreaterEqual(first["timing_ms"]["total"], first["timing_ms"]["read_model"])
            self.assertEqual(self.compile(model, "--shape", shape)["outcome"], "loaded", shape)

    def test_reasons_are_of_a_kind(self):
        model = self.elsewhere / "dense.xml"
        for suffix in (".xml", ".bin"):
            shutil.copy(self.models / f"dense{suffix}", model.with_suffix(suffix))
        self.assertEqual(self.compile(model)["reason"], "it is not kept yet")
        shutil.copy(self.models / "other.bin", model.with_suffix(".bin"))
        self.assertEqual(self.compile(model)["reason"], "its content has changed")
        for change, reason in ((lambda path: path.write_bytes(b"?" * path.stat().st_size),
                                "the kept blob was damaged"),
                               (lambda path: path.unlink(), "the kept blob is gone")):
            key = self.compile(model)["key"]
            digest = self.done("show", key, "--json").json["objects"][0]["digest"]
            path = self.dir / "objects" / digest[:2] / digest
            path.chmod(0o644)
            change(path)
            done = self.larder("compile", model, "--json")
            self.assertEqual(done.json["reason"], reason, done)
            self.assertIn(digest, done.error)

    def test_modes(self):
        model = self.models / "dense.xml"
        empty = self.larder("compile", model, "--mode", "read-only", "--json")
        self.assertEqual((empty.code, empty.json["outcome"]), (3, "bypassed"))
        self.assertEqual(self.compile(model, "--mode", "read-only", "--best-effort")["outcome"],
                         "bypassed")
        self.assertEqual(self.compile(model, "--mode", "off")["outcome"], "bypassed")
        self.assertFalse(self.dir.exists())
        self.refused_line(1, "compile", model, "--mode", "cache-only", says="dense.xml")
        self.assertFalse(self.dir.exists())
        off = self.compile(model, "--mode", "off")
        self.assertEqual(off["outcome"], "bypassed")
        self.assertNotEqual(off["reason"], "")
        self.assertIsNone(off["object"])
        self.assertFalse(self.dir.exists())

        first = self.compile(model)
        self.assertEqual(first["outcome"], "compiled")
        for mode in ("read-only", "cache-only"):
            self.assertEqual(self.compile(model, "--mode", mode)["outcome"], "loaded", mode)
        refreshed = self.compile(model, "--mode", "refresh")
        self.assertEqual(refreshed["outcome"], "compiled")
        self.assertEqual(refreshed["key"], first["key"])
        self.assertEqual(self.compile(model, "--mode", "off")["outcome"], "bypassed")
        self.assertEqual(self.compile(model)["outcome"], "loaded")

    def refused_line(self, code, *words, says):
        """Like refused, in a verb that tells standard output about each model."""
        self.check_message(self.larder(*words), code, says)

    def test_virtual_devices(self):
        model = self.models / "dense.xml"
        for outcome in ("compiled", "loaded"):
            report = self.compile(model, "--device", "AUTO:CPU")
            self.assertEqual(report["outcome"], outcome)

    def test_a_copied_model_is_the_same_model(self):
        self.compile(self.models / "dense.xml")
        for end in (".xml", ".bin"):
            shutil.copy(self.models / f"dense{end}", self.root / f"copy{end}")
        self.assertEqual(self.compile(self.root / "copy.xml")["outcome"], "loaded")

    def test_names_that_are_no_utf8_and_steer_no_terminal(self):
        path = str(self.root).encode() + b"/\xff\x1b[31m\xe4.xml"
        shutil.copy(self.models / "dense.xml", path)
        shutil.copy(self.models / "dense.bin", path[:-4] + b".bin")
        process = subprocess.run(
            [harness.PROGRAM, "compile", path, "--dir", str(self.dir), "--json"],
            env={**harness.SANITIZERS, "HOME": str(self.root)},
            stdout=subprocess.PIPE,
            check=True,
        )
        json.loads(process.stdout.decode())
        self.assertNotIn("\x1b", self.done("ls").out)
        self.assertEqual(len(self.entries()), 1)

    def test_says_when_it_cannot_print(self):
        with pathlib.Path("/dev/full").open("wb") as full:
            run = self.larder("config", "--json", stdout=full)
        self.check_message(run, 1, "standard output")


if __name__ == "__main__":
    harness.main()
