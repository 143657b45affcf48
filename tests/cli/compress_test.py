"""Goal: users can select entries to compress, and these take less space.

Method: the program on small models; the dry run is compared with the real run, and ls, show, verify
and a hit are checked afterwards.
"""

import array
import json
import pathlib
import shutil

import harness
from harness import ProgramTest

def halve(weights):
    """The same floats after a conversion to 16 bits and back."""
    words = array.array("I", weights.read_bytes())
    return array.array("I", (word & ~0x1FFF for word in words)).tobytes()


class CompressTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for source, name in (("dense", "halves"), ("other", "more")):
            shutil.copy(cls.models / f"{source}.xml", cls.models / f"{name}.xml")
            (cls.models / f"{name}.bin").write_bytes(halve(cls.models / f"{source}.bin"))

    def setUp(self):
        super().setUp()
        for name in ("dense", "halves", "more"):
            self.compile(self.models / f"{name}.xml")

    def kept(self):
        return {pathlib.Path(entry["model"]).stem: entry for entry in self.entries()}

    def total(self):
        return self.done("ls", "--json").json["total_bytes"]

    def all_of(self, verb, *words, **options):
        return self.done(verb, *words, "--json", **options).json

    def test_the_dry_run_names_the_entries_of_the_real_one(self):
        before = self.total()
        planned = self.all_of("compress", "--older-than", "0", "--dry-run")
        self.assertEqual(self.total(), before)
        self.assertTrue(planned["dry_run"] and planned["estimated"])
        done = self.all_of("compress", "--older-than", "0", "--yes")
        self.assertFalse(done["dry_run"] or done["estimated"])
        self.assertEqual(len(done["entries"]), 2)
        for part in ("entries", "unchanged"):
            self.assertEqual(
                sorted(entry["key"] for entry in planned[part]),
                sorted(entry["key"] for entry in done[part]))
        self.assertEqual(len(done["entries"]) + len(done["unchanged"]), 3)
        self.assertEqual(planned["before_bytes"], done["before_bytes"])
        self.assertLess(done["after_bytes"], done["before_bytes"])
        self.assertEqual(before - self.total(), done["before_bytes"] - done["after_bytes"])
        self.assertTrue(done["complete"])
        self.assertIsNone(done["held_back"])
        again = self.all_of("compress", "--older-than", "0", "--yes")
        self.assertEqual(again["entries"], [])
        compressed = {entry["key"] for entry in done["entries"]}
        for entry in again["unchanged"]:
            self.assertEqual(
                entry["reason"], "encoding" if entry["key"] in compressed else "gain", entry)

    def test_what_is_compressed_is_shown_and_loaded_and_undone(self):
        model = self.models / "halves.xml"
        before = self.kept()["halves"]
        self.assertEqual(before["encoding"], "raw")
        self.assertEqual(before["unique_bytes"], before["bytes"])
        done = self.all_of("compress", model, "--yes")
        self.assertEqual([entry["key"] for entry in done["entries"]], [before["key"]])
        after = self.kept()["halves"]
        self.assertEqual(after["encoding"], "compressed")
        self.assertEqual(after["bytes"], before["bytes"])
        self.assertLess(after["unique_bytes"], before["bytes"])
        self.assertEqual(after["created_at"], before["created_at"])
        self.assertIn("encoding", self.done("show", before["key"]).out)
        shown = self.done("show", before["key"], "--json").json
        self.assertEqual(shown["encoding"], "compressed")
        self.assertEqual([part["name"] for part in shown["objects"]], ["frames"])
        listed = self.done("ls", "--filter", "encoding=compressed", "-q").out.split()
        self.assertEqual(listed, [before["key"]])
        self.assertEqual(self.done("verify", "--json").json["findings"], [])
        self.assertTrue(self.done("why", model, "--json").json["would_hit"])
        self.assertEqual(self.compile(model)["outcome"], "loaded")
        self.assertEqual(self.kept()["halves"]["encoding"], "compressed")
        self.assertEqual(self.kept()["halves"]["hits"], 1)

        undoing = self.all_of("decompress", model, "--dry-run")
        undone = self.all_of("decompress", before["key"][:16], "--yes")
        self.assertTrue(undoing.pop("dry_run"))
        self.assertFalse(undone.pop("dry_run"))
        # On some file systems the number of blocks cannot be predicted.
        for report in (undoing, undone):
            for part in (report, *report["entries"]):
                self.assertGreaterEqual(part.pop("after_bytes"), before["bytes"])
        self.assertEqual(undoing, undone)
        self.assertEqual(self.kept()["halves"]["encoding"], "raw")
        self.assertEqual(self.compile(model)["outcome"], "loaded")
        self.assertEqual(self.all_of("decompress", model, "--yes")["entries"], [])

    def test_by_age(self):
        young = self.all_of("compress", "--older-than", "1000d", "--yes")
        self.assertEqual((young["entries"], young["unchanged"]), ([], []))
        # Both conditions must be true.
        named = (self.models / "halves.xml", "--older-than")
        self.assertEqual(self.all_of("compress", *named, "1000d", "--dry-run")["entries"], [])
        keys = self.done("compress", *named, "0", "--yes", "-q").out.split()
        self.assertEqual(keys, [self.kept()["halves"]["key"]])

    def test_it_asks_and_says_what_is_missing(self):
        self.refused(2, "compress", says="no entries are named")
        self.refused(2, "compress", "--older-than", "0", says="asks for confirmation")
        self.refused(2, "compress", "--older-than", "soon", says="soon")
        self.refused(1, "compress", "no/such/model.xml", "--yes", says="no entry matches")
        self.assertEqual(self.larder("decompress", "--yes").code, 2)
        for entry in self.kept().values():
            self.assertEqual(entry["encoding"], "raw")
        table = self.done("compress", "--older-than", "0", "--dry-run").out
        self.assertIn("would compress", table)
        self.assertIn("to about", table)
        # If there is nothing to do, the program does not ask.
        self.assertIn(
            "0 entries", self.done("decompress", self.models / "halves.xml").out)

    def test_a_larder_that_can_only_be_read(self):
        words = ("compress", "--older-than", "0", "--mode", "read-only")
        self.refused(1, *words, "--yes", says="can only be read")
        self.assertGreater(len(self.all_of(*words, "--dry-run")["entries"]), 0)

    def test_what_is_damaged_is_named(self):
        entry = self.kept()["halves"]
        shown = self.done("show", entry["key"], "--json").json
        digest = shown["objects"][0]["digest"]
        path = self.dir / "objects" / digest[:2] / digest
        bytes_ = bytearray(path.read_bytes())
        bytes_[len(bytes_) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(bytes_)
        run = self.larder("compress", entry["key"], "--yes", "--json")
        self.assertEqual(run.code, 1, run)
        self.assertEqual([left["reason"] for left in run.json["unchanged"]], ["failed"])
        self.assertIn("stays as it is", run.error)
        self.assertNotIn("halves", self.kept())

    def test_what_is_damaged_once_compressed_is_repaired(self):
        key = self.kept()["halves"]["key"]
        self.done("compress", key, "--yes")
        shown = self.done("show", key, "--json").json
        digest = shown["objects"][0]["digest"]
        path = self.dir / "objects" / digest[:2] / digest
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1])
        run = self.larder("repair", "--json")
        self.assertEqual(run.code, 0, run)
        self.assertEqual([repair["outcome"] for repair in run.json["repairs"]], ["recompiled"])
        self.assertEqual(self.kept()["halves"]["encoding"], "raw")
        self.assertEqual(self.compile(self.models / "halves.xml")["outcome"], "loaded")

    def test_how_far_it_is_for_programs(self):
        for verb in ("compress", "decompress"):
            run = self.larder(verb, self.models / "halves.xml", "--yes", "--json",
                              "--progress-json")
            self.assertEqual((run.code, len(run.json["entries"])), (0, 1), run)
            steps = [json.loads(line) for line in run.error.splitlines()]
            self.assertNotEqual(steps, [])
            for step in steps:
                self.assertEqual(set(step), {"schema_version", "bytes_done", "bytes_total"})
                self.assertLessEqual(step["bytes_done"], step["bytes_total"])

    def test_it_refuses_what_is_no_larder(self):
        other = self.root / "other"
        other.mkdir()
        (other / "file").write_text("mine")
        run = self.run_bare("compress", "--older-than", "0", "--dir", other, "--yes")
        self.assertEqual(run.code, 2, run)
        self.assertEqual((other / "file").read_text(), "mine")


if __name__ == "__main__":
    harness.main()
