"""Goal: a name stands for the right model: relative to the directory of the program, and for links
in a model hub.

Method: programs and verbs name models relative to their working directory; a hub's layout of links.
"""

import hashlib
import json
import os
import shutil

import harness

COMPILE = "import openvino as ov; ov.Core().compile_model('model.xml', 'CPU')"


class NamedTest(harness.HookTest):
    def copy(self, name, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for end in ("xml", "bin"):
            shutil.copy(self.models / f"{name}.{end}", folder / f"model.{end}")
        return folder

    def larder_in(self, folder, verb, *words):
        outcome = self.run_bare(harness.PROGRAM, verb, *words, "--dir", self.dir, "--json",
                                cwd=folder)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome.json

    def models_kept(self):
        return sorted(entry["model"] for entry in self.larder("ls")["entries"])

    def serve_in(self, folder):
        self.done(self.run_larder(command=[harness.PYTHON[0], "-c", COMPILE], cwd=folder))


class NamesTest(NamedTest):
    """Names relative to the working directory of a program or a verb."""

    def test_relative_names_in_two_directories(self):
        a, b = self.copy("dense", self.root / "a"), self.copy("other", self.root / "b")
        for folder in (a, b):
            self.serve_in(folder)
        self.assertEqual(self.models_kept(), [f"{a}/model.xml", f"{b}/model.xml"])
        pinned = self.larder_in(a, "pin", "model.xml")["pinned"]
        self.assertEqual(len(pinned), 1)
        self.larder_in(a, "unpin", *pinned)
        removed = self.larder_in(a, "rm", "model.xml", "--yes")["entries"]
        self.assertEqual([entry["model"] for entry in removed], [f"{a}/model.xml"])
        self.assertEqual(self.models_kept(), [f"{b}/model.xml"])

    def test_one_model_by_every_name(self):
        a = self.copy("dense", self.root / "a")
        self.serve_in(a)
        for folder, name in ((self.root, "a/model.xml"), (a, "./model.xml"),
                             (a, "../a/model.xml"), (self.root, f"{a}/model.xml")):
            with self.subTest(name):
                self.assertTrue(self.larder_in(folder, "why", name)["would_hit"])
                self.assertEqual(self.larder_in(folder, "compile", name)["outcome"], "loaded")
        self.assertEqual(list(self.larder("stats")["by_model"]), [f"{a}/model.xml"])

    def test_a_name_that_goes_up_behind_a_link(self):
        """Through a link, `over/../model.xml` is not `model.xml`."""
        there = self.copy("other", self.root / "there")
        self.copy("dense", self.root / "here")
        (there / "deep").mkdir()
        (self.root / "here/over").symlink_to(there / "deep")
        key = self.larder_in(self.root / "here", "compile", "over/../model.xml")["key"]
        self.assertEqual(self.larder_in(there, "compile", "model.xml")["key"], key)
        self.assertNotEqual(self.larder_in(self.root / "here", "compile", "model.xml")["key"], key)

    def test_a_model_named_from_elsewhere_is_repaired(self):
        a = self.copy("dense", self.root / "a")
        self.serve_in(a)
        [entry] = self.larder("ls")["entries"]
        objects = [path for path in (self.dir / "objects").rglob("*") if path.stat().st_size > 4096]
        for path in objects:
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"?")
        elsewhere = self.folder("elsewhere")
        [repair] = self.larder_in(elsewhere, "repair")["repairs"]
        self.assertEqual((repair["key"], repair["outcome"]), (entry["key"], "recompiled"))


class HubTest(NamedTest):
    """Revisions are folders of links to files that are named by their content."""

    def revision(self, name, scale):
        hub = self.root / "hub"
        folder = hub / "snapshots" / name
        folder.mkdir(parents=True)
        (hub / "blobs").mkdir(exist_ok=True)
        for end in ("xml", "bin"):
            data = (self.models / f"dense.{end}").read_bytes()
            if end == "bin":
                data = bytes([scale]) + data[1:]
            blob = hub / "blobs" / hashlib.sha256(data).hexdigest()
            blob.write_bytes(data)
            os.symlink(f"../../blobs/{blob.name}", folder / f"model.{end}")
        return folder

    def setUp(self):
        super().setUp()
        self.one, self.two = self.revision("one", 1), self.revision("two", 2)
        for folder in (self.one, self.two):
            self.larder_in(folder, "compile", "model.xml")

    def stale(self):
        return {entry["model"]: (entry["stale"] or {}).get("reason")
                for entry in self.larder("ls")["entries"]}

    def test_revisions_that_share_their_graph(self):
        one, two = f"{self.one}/model.xml", f"{self.two}/model.xml"
        self.assertTrue(os.path.samefile(one, two))
        self.assertEqual(self.models_kept(), [one, two])
        removed = self.larder_in(self.root, "rm", one, "--yes")["entries"]
        self.assertEqual([entry["model"] for entry in removed], [one])
        self.assertEqual(self.larder_in(self.two, "compile", "model.xml")["outcome"], "loaded")

    def test_a_deleted_revision_is_gone(self):
        one, two = f"{self.one}/model.xml", f"{self.two}/model.xml"
        self.assertEqual(self.stale(), {one: None, two: None})
        shutil.rmtree(self.one)  # its files are still there, under names that nobody asks for
        self.assertEqual(self.stale(), {one: "gone", two: None})
        removed = self.larder_in(self.root, "prune", "--stale", "--yes")["entries"]
        self.assertEqual([entry["model"] for entry in removed], [one])

    def test_revisions_of_one_content_are_one_entry(self):
        three = self.revision("three", 1)
        self.assertEqual(self.larder_in(three, "compile", "model.xml")["outcome"], "loaded")
        shutil.rmtree(self.one)
        self.assertEqual(set(self.stale().values()), {None})
        removed = self.larder_in(three, "rm", "model.xml", "--yes")["entries"]
        self.assertEqual([entry["model"] for entry in removed], [f"{self.one}/model.xml"])

    def test_the_file_itself_stands_for_all_that_is_made_of_it(self):
        graph = os.path.realpath(self.one / "model.xml")
        planned = self.larder_in(self.root, "rm", graph, "--dry-run")["entries"]
        self.assertEqual(len(planned), 2, json.dumps(planned))

    def test_a_folder_that_is_a_link(self):
        (self.root / "current").symlink_to(self.one)
        for name in ("current/model.xml", "current"):
            planned = self.larder_in(self.root, "rm", name, "--dry-run")["entries"]
            self.assertEqual([entry["model"] for entry in planned], [f"{self.one}/model.xml"])


if __name__ == "__main__":
    harness.main()
