"""Goal: the program `larder` works with the OpenVINO that it is pointed at, whichever release that
is, and what it compiles is loaded by programs on that release.

Method: each release in turn is named by --openvino, by its environment, or as the only one that
larder can find.
"""

import sys

import harness
import on_release
from unable import unable

RELEASES = []


class ProgramTest(harness.HookTest):
    def setUp(self):
        super().setUp()
        for release in RELEASES:
            if not on_release.python_of(release).exists():
                unable(self, f"OpenVINO {release} is missing: run scripts/adapters")

    def environment_of(self, release):
        return on_release.python_of(release).parents[1]

    def program(self, verb, *words, **options):
        return self.run_bare(harness.PROGRAM, verb, "--dir", self.dir, *words, **options)

    def of(self, release, verb, *words):
        return self.done(self.program(
            verb, "--json", "--openvino", self.environment_of(release), *words)).json

    def test_verbs_use_the_named_one(self):
        for release in RELEASES:
            with self.subTest(release):
                self.assertEqual(self.of(release, "compile", self.dense)["outcome"], "compiled")
                self.assertEqual(self.of(release, "compile", self.dense)["outcome"], "loaded")
                self.assertTrue(self.of(release, "why", self.dense)["would_hit"])
                entries = self.of(release, "ls")["entries"]
                self.assertEqual([entry["stale"] for entry in entries], len(entries) * [None])
                # From the bytes of the file: no release has to read the model for its key.
                self.assertEqual({entry["kind"] for entry in entries}, {"ir"})
                report = self.of(release, "doctor")
                self.assertTrue(report["openvino"].startswith(release), report["openvino"])
                used = report["openvinos"][0]
                self.assertEqual((used["version"], used["used"], used["served"]),
                                 (release, True, True))
                self.assertEqual(used["library"],
                                 str(on_release.library_of(release).resolve()))
                self.assertEqual(self.of(release, "scan", self.models)["files"], [])
        self.assertEqual(len(entries), len(RELEASES))

    def test_a_program_loads_what_was_compiled(self):
        for release in RELEASES:
            with self.subTest(release):
                self.of(release, "compile", self.dense)
                client = [on_release.python_of(release), harness.CLIENTS / "python_client.py",
                          "one", self.models]
                self.assertTrue(self.served(*client).json["loaded"])

    def test_repair_compiles_anew_on_each(self):
        # Values that some releases refuse as a text, and properties of another device.
        requests = ((), ("--property", "CPU_DENORMALS_OPTIMIZATION=YES",
                         "--property", "INFERENCE_PRECISION_HINT=f32"),
                    ("--device", "HETERO:CPU"))
        for release in RELEASES:
            for words in requests:
                with self.subTest(release, words=words):
                    self.done(self.program("clear", "--yes"))  # what a failed one left
                    key = self.of(release, "compile", self.dense, *words)["key"]
                    [blob] = self.dir.glob("objects/*/*")
                    blob.chmod(0o644)
                    blob.write_bytes(b"\0" * blob.stat().st_size)
                    [repair] = self.of(release, "repair")["repairs"]
                    self.assertEqual(repair["outcome"], "recompiled", repair)
                    self.assertTrue(self.of(release, "why", self.dense, *words)["would_hit"])
                    why = self.of(release, "why", key)
                    self.assertEqual((why["would_hit"], why["key"]), (True, key), why)

    def test_the_active_environment_is_used(self):
        for release in RELEASES:
            with self.subTest(release):
                found = self.done(self.program("doctor", "--json", environment={
                    "VIRTUAL_ENV": str(self.environment_of(release))})).json
                self.assertTrue(found["openvino"].startswith(release), found["openvino"])
                # The one that larder was built with is listed, too.
                self.assertGreater(len(found["openvinos"]), 1)
                self.assertEqual([each["used"] for each in found["openvinos"]],
                                 [True] + [False] * (len(found["openvinos"]) - 1))

    def test_a_path_without_openvino(self):
        for path in (self.root, self.dense, self.root / "nowhere"):
            said = self.program("compile", self.dense, "--openvino", path)
            self.assertEqual(said.code, 2, said)
            self.assertIn(f"there is no OpenVINO in '{path}'", said.error)


if __name__ == "__main__":
    RELEASES = sys.argv[1:]
    del sys.argv[1:]
    harness.main()
