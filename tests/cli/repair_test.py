"""Goal: damaged entries are compiled again if the model still exists, and removed otherwise; an
interrupted check is continued.

Method: a larder of the program itself; the test damages, changes and deletes objects and models.
"""

import json
import pathlib
import shutil
import signal
import subprocess
import time

import harness
from harness import ProgramTest

SECONDS_MAX = 60


class RepairTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.own = self.root / "models"
        shutil.copytree(self.models, self.own)
        self.keys = {}
        for name in ("dense", "other", "convolution"):
            report = self.done("compile", self.own / f"{name}.xml", "--json").json
            self.keys[name] = report["key"]

    def damage(self, name):
        entry = self.done("show", self.keys[name], "--json").json
        digest = entry["objects"][0]["digest"]
        path = self.dir / "objects" / digest[:2] / digest
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(content)

    def repaired(self, *words):
        report = self.done("repair", "--json", *words).json
        return {repair["key"]: repair for repair in report["repairs"]}

    def test_nothing_to_repair(self):
        report = self.done("repair", "--json").json
        self.assertEqual((report["objects"], report["findings"], report["repairs"]), (3, [], []))
        self.assertIn("all whole", self.done("repair").out)

    def test_what_is_damaged_is_compiled_anew(self):
        self.damage("dense")
        repair = self.repaired()[self.keys["dense"]]
        self.assertEqual(repair["outcome"], "recompiled")
        self.assertEqual(self.larder("verify").code, 0)
        self.assertEqual(len(self.entries()), 3)
        self.assertEqual(self.compile(self.own / "dense.xml")["outcome"], "loaded")

    def test_what_was_found_earlier_is_compiled_anew(self):
        for name in ("dense", "other"):
            self.damage(name)
        self.assertIn("larder repair", self.larder("verify").out)
        self.assertEqual([entry["key"] for entry in self.entries()], [self.keys["convolution"]])
        why = self.done("why", self.own / "dense.xml", "--json").json
        self.assertIn("set aside", why["reason"])
        self.assertIn("larder repair", self.larder("doctor").out)
        # By its key or its model, which have no entry at this point.
        for name in (self.keys["dense"][:12], self.own / "other.xml"):
            repairs = self.repaired(name)
            self.assertEqual([repair["outcome"] for repair in repairs.values()], ["recompiled"])
        self.assertEqual(self.repaired(), {})
        self.assertEqual(self.compile(self.own / "dense.xml")["outcome"], "loaded")
        # The damaged files are still there, and nothing is left to repair.
        self.assertEqual(self.done("doctor", "-q").out, "")
        said = self.done("doctor").out
        self.assertIn("no entry lacks them", said)
        self.assertIn("larder prune --quarantine", said)
        self.assertNotIn("larder repair", said)
        self.done("prune", "--quarantine", "--yes")
        self.assertNotIn("set aside", self.done("doctor").out)

    def test_what_was_found_earlier_is_not_compiled_where_nobody_wants_it(self):
        def set_aside():
            self.damage("dense")
            self.assertEqual(self.larder("verify").code, 1)

        set_aside()
        self.done("prune", "--quarantine", "--yes")
        self.assertEqual(self.repaired(), {})
        self.assertEqual(self.compile(self.own / "dense.xml")["outcome"], "compiled")
        set_aside()
        self.assertEqual(self.compile(self.own / "dense.xml")["outcome"], "compiled")
        self.done("rm", self.keys["dense"], "--yes")
        self.assertEqual(self.repaired(), {})
        # It reports a later change.
        self.compile(self.own / "dense.xml")
        set_aside()
        shutil.copy(self.own / "other.bin", self.own / "dense.bin")
        repair = self.repaired()[self.keys["dense"]]
        self.assertEqual(repair["outcome"], "removed")
        self.assertIn("bin changed", repair["reason"])
        self.assertEqual(self.repaired(), {})

    def test_with_the_properties_it_was_asked_for(self):
        words = ("--property", "KEY_CACHE_GROUP_SIZE=5")
        report = self.done("compile", self.own / "dense.xml", *words, "--json").json
        self.keys["precise"] = report["key"]
        self.assertNotEqual(report["key"], self.keys["dense"])
        self.damage("precise")
        self.assertEqual(self.repaired()[report["key"]]["outcome"], "recompiled")

    def test_of_devices_that_use_others(self):
        for device in ("HETERO:CPU", "AUTO:CPU", "MULTI:CPU"):
            words = (self.own / "dense.xml", "--device", device)
            self.keys[device] = self.done("compile", *words, "--json").json["key"]
            self.damage(device)
            self.assertEqual(self.repaired()[self.keys[device]]["outcome"], "recompiled", device)
            self.assertEqual(self.done("compile", *words, "--json").json["outcome"], "loaded")

    def test_what_has_no_model_any_more_is_removed(self):
        for name in ("dense", "other"):
            self.damage(name)
        for suffix in (".xml", ".bin"):
            (self.own / f"dense{suffix}").unlink(missing_ok=True)
            shutil.copy(self.own / f"convolution{suffix}", self.own / f"other{suffix}")
        repairs = self.repaired()
        for name, reason in (("dense", "dense"), ("other", "has changed")):
            self.assertEqual(repairs[self.keys[name]]["outcome"], "removed")
            self.assertIn(reason, repairs[self.keys[name]]["reason"])
        self.assertEqual([entry["key"] for entry in self.entries()], [self.keys["convolution"]])
        self.assertEqual(self.larder("verify").code, 0)

    def test_only_the_entries_that_are_given(self):
        for name in ("dense", "other"):
            self.damage(name)
        self.assertEqual(set(self.repaired(self.keys["dense"])), {self.keys["dense"]})
        self.assertEqual(set(self.repaired()), {self.keys["other"]})

    def test_for_people(self):
        self.damage("dense")
        text = self.done("repair").out
        self.assertIn("recompiled", text)
        self.assertIn("dense.xml", text)

    def interrupt(self, verb):
        process = subprocess.Popen(
            [harness.PROGRAM, verb, "--dir", self.dir, "--json", "--max-rate", "1kB"],
            env={**harness.SANITIZERS, "HOME": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.addCleanup(process.kill)
        status = pathlib.Path(f"/proc/{process.pid}/status")
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline:
            caught = [line for line in status.read_text().splitlines() if "SigCgt" in line]
            if int(caught[0].split()[1], 16) & (1 << (signal.SIGINT - 1)):
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 130, error)
        return out

    def test_an_interrupted_check_is_whole(self):
        for verb in ("verify", "repair"):
            self.assertIn(b'"complete":false', self.interrupt(verb).replace(b" ", b""))
        report = self.done("verify", "--json").json
        self.assertEqual(report["objects"] + report["objects_before"], 3)
        self.assertTrue(report["complete"])

    def test_how_far_it_is_for_programs(self):
        for verb in ("verify", "repair"):
            run = self.larder(verb, "--json", "--progress-json")
            self.assertEqual(run.code, 0, run)
            steps = [json.loads(line) for line in run.error.splitlines()]
            for step in steps:
                self.assertEqual(set(step), {"schema_version", "bytes_done", "bytes_total"})
            self.assertEqual({step["bytes_total"] for step in steps}, {run.json["bytes"]})
            done = [step["bytes_done"] for step in steps]
            self.assertEqual(done, sorted(done))
            self.assertLessEqual(done[-1], run.json["bytes"])

    def test_wrong_words(self):
        self.assertEqual(self.larder("repair", "--max-rate", "fast").code, 2)
        self.assertEqual(self.larder("repair", "ffff").code, 1)


if __name__ == "__main__":
    harness.main()
