"""Goal: stale entries are recognised, with the reason; and `why` names exactly the inputs that
differ.

Method: real models that are deleted, edited and moved; fabricated entries of other builds beside
real ones. Models on a disk that is not mounted: tests/cache/model_search_test.cpp.
"""

import os
import pathlib
import shutil
import subprocess

import harness
from harness import ProgramTest

OLD_BUILD = "runtime.openvino=2020.1.0-1-old"


class KeptTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.place = self.root / "models"
        shutil.copytree(self.models, self.place)

    def keep(self, name, *words):
        return self.compile(self.place / f"{name}.xml", *words)["key"]

    def manifest(self, key):
        return self.dir / "entries" / key[:2] / f"{key}.json"

    def similar(self, key, days, *inputs):
        run = subprocess.run(
            [os.environ["LARDER_SIMILAR_ENTRY"], self.manifest(key), str(days), *inputs],
            check=True, capture_output=True, text=True,
        )
        return run.stdout.strip()

    def delete(self, name, place=None):
        for end in ("xml", "bin"):
            ((place or self.place) / f"{name}.{end}").unlink()

    def stale(self):
        """Reasons by key; in capitals if they are certain."""
        stale = {entry["key"]: entry["stale"] for entry in self.entries()}
        return {
            key: s and (s["reason"].upper() if s["certain"] else s["reason"])
            for key, s in stale.items()
        }


class StaleTest(KeptTest):
    def test_a_deleted_model_is_gone(self):
        key, other = self.keep("dense"), self.keep("other")
        self.assertEqual(self.stale(), {key: None, other: None})
        self.delete("dense")
        self.assertEqual(self.stale(), {key: "GONE", other: None})
        self.assertIn("(gone)", self.done("ls").out)
        self.assertEqual(self.done("ls", "-q", "--filter", "stale=gone").out.split(), [key])
        self.assertEqual(self.done("ls", "-q", "--filter", "stale!=gone").out.split(), [other])
        detail = f"'{self.place}/dense.xml' is gone"
        self.assertEqual(self.done("show", key, "--json").json["stale"]["detail"], detail)
        self.assertIn(detail, self.done("show", key).out)

    def test_a_model_that_this_machine_never_saw_is_not_gone(self):
        key = self.keep("dense")
        self.delete("dense")
        shutil.rmtree(self.root / ".local")  # what it remembers
        self.assertEqual(self.stale(), {key: None})

    def test_a_moved_model_is_not_stale(self):
        key = self.keep("dense")
        moved = self.root / "moved"
        self.place.rename(moved)
        self.assertEqual(self.stale(), {key: "GONE"})
        self.assertEqual(self.compile(moved / "dense.xml")["outcome"], "loaded")
        self.assertEqual(self.stale(), {key: None})

    def test_an_edited_model_is_changed(self):
        key = self.keep("dense")
        shutil.copy(self.place / "other.bin", self.place / "dense.bin")
        self.assertEqual(self.stale(), {key: "CHANGED"})
        new = self.keep("dense")
        self.assertEqual(self.stale(), {key: "CHANGED", new: None})
        shutil.copy(self.models / "dense.bin", self.place / "dense.bin")
        self.assertEqual(self.stale(), {key: None, new: "CHANGED"})

    def test_another_build_is_incompatible(self):
        key = self.keep("dense")
        fresh = self.similar(key, 2, OLD_BUILD, "model.fingerprint=memory:1")
        old = self.similar(key, 20, OLD_BUILD, "model.fingerprint=memory:2")
        here = self.similar(key, 20, "model.fingerprint=memory:3")
        other_device = ("device.name=GPU", "model.fingerprint=memory:4")
        other_device = self.similar(key, 20, OLD_BUILD, *other_device)
        self.assertEqual(
            self.stale(),
            {key: None, fresh: "incompatible", old: "INCOMPATIBLE", here: None, other_device: None},
        )
        detail = self.done("show", old, "--json").json["stale"]["detail"]
        self.assertRegex(detail, r"^runtime.openvino was '2020.1.0-1-old', is '20\d\d\..*'$")

    def test_what_is_kept_anew_is_superseded(self):
        key = self.keep("dense")
        old = self.similar(key, 20, OLD_BUILD)
        recent = self.similar(key, 2, OLD_BUILD, "runtime.plugin.CPU=old")
        other = self.similar(key, 20, OLD_BUILD, "property.INFERENCE_PRECISION_HINT=f16")
        self.assertEqual(
            self.stale(),
            {key: None, old: "SUPERSEDED", recent: "superseded", other: "INCOMPATIBLE"},
        )
        self.delete("dense")
        self.assertEqual(set(self.stale().values()), {"GONE"})

    def test_stats_add_up_what_is_stale(self):
        key, other = self.keep("dense"), self.keep("other")
        self.similar(key, 1, OLD_BUILD)
        self.delete("other")
        sizes = {entry["key"]: entry["bytes"] for entry in self.entries()}
        stale = self.done("stats", "--json").json["stale"]
        nothing = {"entries": 0, "bytes": 0}
        self.assertEqual(
            stale,
            {
                "changed": nothing,
                "gone": {"entries": 1, "bytes": sizes[other]},
                "incompatible": nothing,
                "superseded": {"entries": 1, "bytes": sizes[key]},
            },
        )
        self.assertIn("superseded", self.done("stats").out)

    def test_prune_takes_what_is_certain_and_more_only_when_told(self):
        key, other = self.keep("dense"), self.keep("other")
        old = self.similar(key, 20, OLD_BUILD)
        recent = self.similar(key, 2, OLD_BUILD, "runtime.plugin.CPU=old")
        self.delete("other")
        dry = self.done("prune", "--stale", "--dry-run", "--json").json
        self.assertEqual({entry["key"] for entry in dry["entries"]}, {other, old})
        self.assertEqual(set(self.stale()), {key, other, old, recent})
        real = self.done("prune", "--stale", "--yes", "--json").json
        self.assertEqual(real["freed_bytes"], dry["freed_bytes"])
        self.assertEqual(set(self.stale()), {key, recent})
        self.done("prune", "--incompatible", "--yes")
        self.assertEqual(set(self.stale()), {key})
        self.assertEqual(self.compile(self.place / "dense.xml")["outcome"], "loaded")

    def test_prune_takes_what_was_edited(self):
        key = self.keep("dense")
        shutil.copy(self.place / "other.bin", self.place / "dense.bin")
        self.done("prune", "--stale", "--yes")
        self.assertNotIn(key, self.stale())


class RemoveModelTest(KeptTest):
    def left(self):
        return {entry["key"] for entry in self.entries()}

    def test_a_deleted_model_is_removed_by_its_path(self):
        key = self.keep("dense")
        accurate = self.keep("dense", "--property", "EXECUTION_MODE_HINT=ACCURACY")
        other = self.keep("other")
        self.delete("dense")
        dry = self.done("rm", "dense.xml", "--dry-run", "--json", cwd=self.place).json
        self.assertEqual({entry["key"] for entry in dry["entries"]}, {key, accurate})
        real = self.done("rm", "dense.xml", "--yes", "--json", cwd=self.place).json
        for what in ("entries", "freed_bytes"):
            self.assertEqual(real[what], dry[what])
        self.assertEqual(self.left(), {other})
        self.refused(1, "rm", self.place / "dense.xml", "--yes", says="no entry matches")

    def test_what_a_path_held_before_goes_too(self):
        first = self.keep("dense")
        shutil.copy(self.place / "other.bin", self.place / "dense.bin")
        second = self.keep("dense")
        self.assertNotEqual(first, second)
        self.done("rm", self.place / "dense.xml", "--yes")
        self.assertEqual(self.left(), set())

    def test_links_lead_to_the_model(self):
        link = self.root / "link"
        link.symlink_to(self.place)
        key = self.compile(link / "dense.xml")["key"]
        other = self.keep("other")
        self.delete("dense")
        # By the requested path, and by the path to which it leads.
        for path in (link / "dense.xml", self.place / "dense.xml"):
            dry = self.done("rm", path, "--dry-run", "--json").json
            self.assertEqual([entry["key"] for entry in dry["entries"]], [key])
        self.done("rm", link / "other.xml", "--yes")
        self.assertEqual(self.left(), {key})
        self.assertNotEqual(key, other)

    def test_a_moved_model_is_removed_by_where_it_is(self):
        self.keep("dense")
        moved = self.root / "moved"
        shutil.copytree(self.place, moved)
        self.compile(moved / "dense.xml")
        self.done("rm", moved / "dense.xml", "--yes")
        self.assertEqual(self.left(), set())

    def test_a_directory_stands_for_its_models(self):
        self.keep("dense")
        self.keep("convolution")
        elsewhere = self.compile(self.models / "other.xml")["key"]
        shutil.rmtree(self.place)
        self.done("rm", self.place, "--yes")
        self.assertEqual(self.left(), {elsewhere})


class WhyTest(KeptTest):
    """Several entries are similar; `why` names all differences from the nearest one."""

    def why(self, name, *words):
        return self.done("why", self.place / f"{name}.xml", "--json", *words).json

    def check(self, found, nearest, *inputs):
        self.assertIs(found["would_hit"], False)
        self.assertEqual(found["nearest_key"], nearest)
        self.assertEqual([d["input"] for d in found["differences"]], list(inputs))
        kept = self.done("show", nearest, "--json").json["key_inputs"]
        for difference in found["differences"]:
            self.assertEqual(difference["kept"], kept.get(difference["input"]))
            self.assertNotEqual(difference["kept"], difference["asked"])

    def test_a_property(self):
        self.keep("dense")
        near = self.keep("dense", "--property", "EXECUTION_MODE_HINT=ACCURACY")
        asked = ("EXECUTION_MODE_HINT=ACCURACY", "KV_CACHE_PRECISION=f32")
        found = self.why("dense", *(word for each in asked for word in ("--property", each)))
        self.check(found, near, "property.KV_CACHE_PRECISION")

    def test_the_request_of_an_entry(self):
        for words in ((), ("--property", "EXECUTION_MODE_HINT=ACCURACY"), ("--device", "AUTO:CPU")):
            key = self.keep("dense", *words)
            found = self.done("why", key[:12], "--json").json
            self.assertEqual((found["would_hit"], found["key"]), (True, key))
            self.assertEqual(found["model"], str(self.place / "dense.xml"))
        refused = self.larder("why", key, "--property", "NUM_STREAMS=1")
        self.assertEqual(refused.code, 2)
        self.assertIn("has properties of its own", refused.error)
        shutil.copy(self.place / "other.bin", self.place / "dense.bin")
        found = self.done("why", key, "--json").json
        self.check(found, key, "model.fingerprint")

    def test_a_device(self):
        near = self.keep("dense")
        found = self.why("dense", "--device", "HETERO:CPU")
        self.assertEqual(found["nearest_key"], near)
        self.assertIn("device.name", {d["input"] for d in found["differences"]})
        self.assertEqual(found["reason"], "it is kept for CPU, and asked for HETERO:CPU")
        told = self.done("why", self.place / "dense.xml", "--device", "HETERO:CPU").out
        self.assertNotIn("runtime.", told)
        told = self.done("why", self.place / "dense.xml", "--device", "HETERO:CPU", "-v").out
        self.assertIn("runtime.", told)

    def test_weights(self):
        near = self.keep("dense")
        self.keep("other")
        shutil.copy(self.place / "other.bin", self.place / "dense.bin")
        found = self.why("dense")
        self.check(found, near, "model.fingerprint")
        self.assertEqual(found["reason"], "of the model's files, bin changed since it was "
                                          "compiled, and xml did not")
        for suffix in ("xml", "bin"):
            shutil.copy(self.models / f"convolution.{suffix}", self.place / f"dense.{suffix}")
        self.assertEqual(self.why("dense")["reason"], "the model has changed since it was compiled")

    def test_the_object_is_looked_at(self):
        self.keep("dense")
        [path] = [path for path in (self.dir / "objects").glob("*/*") if path.suffix != ".chunks"]
        path.chmod(0o644)
        whole = path.read_bytes()
        for text, data in (("its bytes have changed", whole[:100] + b"!" + whole[101:]),
                           ("objects", None)):
            self.keep("dense")
            if data is None:
                path.unlink()
            else:
                path.chmod(0o644)
                path.write_bytes(data)
            # Both may warn of it.
            found = self.larder("why", self.place / "dense.xml", "--json").json
            self.assertFalse(found["would_hit"], found)
            self.assertIn(text, found["reason"])
            again = self.larder("compile", self.place / "dense.xml", "--json")
            self.assertEqual((again.code, again.json["outcome"]), (0, "compiled"), again)
        self.assertTrue(self.why("dense")["would_hit"])

    def test_a_content_that_was_never_compiled(self):
        found = self.why("dense")
        self.assertEqual((found["would_hit"], found["nearest_key"]), (False, None))
        self.assertIn("no entry was compiled", found["reason"])

    def test_another_build(self):
        key = self.keep("dense")
        near = self.similar(key, 1, OLD_BUILD)
        self.similar(key, 1, OLD_BUILD, "runtime.plugin.CPU=old")
        self.done("rm", key, "--yes")
        self.check(self.why("dense"), near, "runtime.openvino")

    def test_the_device_of_another_machine(self):
        key = self.keep("dense")
        near = self.similar(key, 1, "device.INSTRUCTION_SETS=sse3")
        self.done("rm", key, "--yes")
        self.check(self.why("dense"), near, "device.INSTRUCTION_SETS")

    def test_an_input_that_is_empty_is_not_one_that_is_absent(self):
        key = self.keep("dense")
        near = self.similar(key, 1, "property.NEW=")
        self.done("rm", key, "--yes")
        found = self.why("dense")
        self.check(found, near, "property.NEW")
        self.assertEqual(found["differences"][0]["kept"], "")
        self.assertIsNone(found["differences"][0]["asked"])

    def test_the_same_content_is_nearer_than_the_same_path(self):
        # An older content of the path differs in one input, the current content in two.
        first = self.keep("dense")
        shutil.copy(self.place / "other.bin", self.place / "dense.bin")
        second = self.keep("dense")
        near = self.similar(second, 1, OLD_BUILD, "runtime.plugin.CPU=old")
        self.done("rm", second, "--yes")
        self.check(self.why("dense"), near, "runtime.openvino", "runtime.plugin.CPU")
        self.assertIn(first, [entry["key"] for entry in self.entries()])


if __name__ == "__main__":
    harness.main()
