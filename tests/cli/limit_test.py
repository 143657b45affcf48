"""Goal: the larder stays within its limit, and users can decide which entries are removed.

Method: the program with limits from the environment, on small models; its JSON before and after.
"""

import pathlib

import harness
from harness import ProgramTest


class LimitTest(ProgramTest):
    def setUp(self):
        super().setUp()
        for name in ("dense", "other", "convolution"):
            self.compile(self.models / f"{name}.xml")

    def kept(self):
        return {pathlib.Path(entry["model"]).stem: entry for entry in self.entries()}

    def total(self):
        return self.done("ls", "--json").json["total_bytes"]

    def test_the_dry_run_prints_what_the_real_one_does(self):
        for words in (["--max-size", "1B"], ["--older-than", "0"], []):
            planned = self.done("prune", *words, "--dry-run", "--json").json
            self.assertEqual(len(self.kept()), 3)
        self.assertEqual(planned["entries"], [])
        for entry in self.kept().values():
            self.assertFalse(entry["pinned"])
        planned = self.done("prune", "--max-size", "1B", "--dry-run", "--json").json
        done = self.done("prune", "--max-size", "1B", "--yes", "--json").json
        self.assertTrue(planned.pop("dry_run"))
        self.assertFalse(done.pop("dry_run"))
        self.assertEqual(planned, done)
        self.assertEqual({entry["reason"] for entry in done["entries"]}, {"size"})
        self.assertEqual(done["total_bytes"], self.total())
        self.assertEqual(self.kept(), {})
        stats = self.done("stats", "--json").json
        self.assertEqual(stats["evicted_bytes"], {"size": done["freed_bytes"]})
        self.assertEqual(stats["evicted_entries"], 3)
        self.assertIsNone(stats["longest_idle_seconds"])

    def test_prune_asks(self):
        refused = self.larder("prune", "--max-size", "1B")
        self.assertEqual(refused.code, 2, refused)
        self.assertEqual(len(self.kept()), 3)
        # If nothing is removed, the program does not ask.
        self.assertIn("nothing to remove", self.done("prune").out)
        self.refused(2, "prune", "--max-size", "0", says=("no limit", "larder clear"))
        self.assertEqual(len(self.kept()), 3)

    def test_clear_removes_everything_that_is_not_pinned(self):
        self.done("pin", self.models / "dense.xml")
        self.assertEqual(self.larder("clear").code, 2)
        self.assertIn("2 entries", self.done("clear", "-n").out)
        self.assertEqual(len(self.kept()), 3)
        self.assertIn("removed 2 entries", self.done("clear", "-f").out)
        self.assertEqual(set(self.kept()), {"dense"})
        listed = self.done("ls", "--filter", "pinned=yes").out
        self.assertIn("(pinned)", listed)
        self.assertIn("pinned", self.done("show", self.models / "dense.xml").out)
        self.assertEqual(self.done("ls", "--filter", "pinned=no", "-q").out, "")
        self.done("unpin", self.models / "dense.xml")
        self.done("clear", "-y")
        self.assertEqual(self.done("clear").out, "nothing to remove: 0 B kept\n")

    def test_what_is_pinned_stays(self):
        model = self.models / "dense.xml"
        key = self.kept()["dense"]["key"]
        self.assertEqual(self.done("pin", model, "--json").json["pinned"], [key])
        self.assertTrue(self.kept()["dense"]["pinned"])
        self.done("prune", "--max-size", "1B", "--yes")
        self.assertEqual(set(self.kept()), {"dense"})
        refused = self.larder("rm", key, "--yes")
        self.assertEqual(refused.code, 2, refused)
        self.assertIn("pinned", refused.error)
        self.done("unpin", key)
        self.done("rm", key, "--yes")
        self.assertEqual(self.kept(), {})

    def test_the_limit_evicts_and_what_is_too_large_is_not_kept(self):
        # Room for one entry and no more.
        limit = max(entry["bytes"] for entry in self.kept().values()) + 3 * 4096
        environment = {"LARDER_MAX_SIZE": f"{limit}B"}
        self.done("prune", "--yes", environment=environment)
        self.assertLessEqual(self.total(), limit)
        listing = self.done("ls", "--json", environment=environment).json
        self.assertEqual(listing["max_size_bytes"], limit)
        for name in ("dense", "other", "convolution"):
            # It may warn about evicted entries.
            run = self.larder("compile", self.models / f"{name}.xml", environment=environment)
            self.assertEqual(run.code, 0, run)
            self.assertLessEqual(self.total(), limit)
        self.assertEqual(len(self.kept()), 1)
        self.done("prune", "--max-size", "1B", "--yes")
        run = self.larder(
            "compile", self.models / "dense.xml", "--json",
            environment={"LARDER_MAX_SIZE": "100B"})
        self.assertEqual(run.code, 3, run)
        self.assertEqual(run.json["outcome"], "bypassed")
        self.assertIn("larger than the limit", run.json["reason"])
        self.assertEqual(run.error.count("larger than the limit"), 1, run)
        self.assertEqual(self.kept(), {})

    def test_a_limit_that_cannot_be_read_is_named(self):
        for value in ("20", "10 percent", "-1GB", "101%"):
            run = self.larder("ls", environment={"LARDER_MAX_SIZE": value})
            self.assertEqual(run.code, 2, run)
            self.assertIn("LARDER_MAX_SIZE", run.error)

    def test_where_there_is_no_larder_there_is_nothing_to_do(self):
        empty = self.root / "empty"
        empty.mkdir()
        for directory in (self.root / "absent", empty):
            for verb in (["prune", "--stale", "--yes"], ["repair"]):
                run = self.run_bare(*verb, "--dir", directory)
                self.assertEqual((run.code, run.error), (0, ""), run)
        self.assertFalse((self.root / "absent").exists())
        self.assertEqual(list(empty.iterdir()), [])

    def test_prune_refuses_what_is_no_larder(self):
        other = self.root / "other"
        other.mkdir()
        (other / "file").write_text("mine")
        run = self.run_bare("prune", "--dir", other, "--yes")
        self.assertEqual(run.code, 2, run)
        self.assertEqual((other / "file").read_text(), "mine")


if __name__ == "__main__":
    harness.main()
