"""Goal: files of OpenVINO's own cache in a CACHE_DIR are classified by their use, and only useless
files are removed.

Method: caches of the real runtime, on CPU, HETERO and AUTO; then single bytes of them are changed.
"""

import os
import re
import shutil

import harness
from harness import ProgramTest

HOUR = 3600


class ScanTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.cache = self.root / "cache"

    def fill(self, *devices):
        for device in devices:
            words = ("--device", device, "--property", f"CACHE_DIR={self.cache}")
            self.compile(self.models / "dense.xml", *words, "--mode", "off")

    def blobs(self):
        return sorted(self.cache.glob("*.blob"))

    def change(self, blob, old, new):
        content = blob.read_bytes()
        self.assertTrue(old in content)
        blob.chmod(0o644)
        blob.write_bytes(content.replace(old, new))

    def worth(self):
        files = self.done("scan", self.cache, "--json").json["files"]
        return {file["path"]: (file["worth"], file["reason"]) for file in files}

    def test_what_the_runtime_here_wrote_is_usable(self):
        self.fill("CPU", "HETERO:CPU", "AUTO:CPU", "BATCH:CPU")
        blobs = self.blobs()
        self.assertGreaterEqual(len(blobs), 2)
        self.assertEqual(self.worth(), {str(blob): ("usable", None) for blob in blobs})
        report = self.done("scan", self.cache, "--json").json
        self.assertEqual(report["schema_version"], 1)
        self.assertNotIn("freed_bytes", report)
        for file in report["files"]:
            self.assertEqual(file["kind"], "blob")
            self.assertGreater(file["bytes"], 0)
            self.assertRegex(file["openvino"], r"^20\d\d\.\d")
        self.assertIn("usable", self.done("scan", self.cache).out)
        self.assertIn(blobs[0].name, self.done("scan", self.cache, "-v").out)

    def test_stale_ones_are_told_and_removed(self):
        self.fill("CPU", "HETERO:CPU")
        [one, two] = self.blobs()
        version = re.search(rb'ie_version="([^"]*)"', one.read_bytes()).group(1)
        copies = {name: self.cache / f"{name}.blob" for name in ("11", "12", "13", "14")}
        cpu = next(blob for blob in (one, two) if b'"/>\nRR_UPCVO' in blob.read_bytes())
        for copy in copies.values():
            shutil.copy(cpu, copy)
        self.change(copies["11"], b'ie_version="20', b'ie_version="19')
        self.change(copies["12"], b"{OV_VERSION:20", b"{OV_VERSION:19")
        self.change(copies["13"], b";ov=20", b";ov=19")
        copies["14"].chmod(0o644)
        os.truncate(copies["14"], copies["14"].stat().st_size - 1)
        stranger = self.cache / "notes.txt"
        stranger.write_text("mine")
        kernels = self.cache / "15.cl_cache"
        kernels.write_text("kernels")
        for path in self.cache.iterdir():
            os.utime(path, (path.stat().st_mtime - HOUR,) * 2)
        self.assertEqual(
            self.worth(),
            {
                str(one): ("usable", None),
                str(two): ("usable", None),
                str(copies["11"]): ("stale", "version"),
                str(copies["12"]): ("stale", "device"),
                str(copies["13"]): ("stale", "device"),
                str(copies["14"]): ("stale", "damaged"),
                str(kernels): ("unknown", None),
            },
        )
        self.assertIn(version.decode(), self.done("scan", self.cache, "-v").out)
        stale = sorted(map(str, copies.values()))
        self.assertEqual(self.done("scan", self.cache, "-q").out.split(), stale)
        words = ("scan", self.cache, "--remove-stale")
        dry = self.done(*words, "--dry-run", "--json").json
        for copy in copies.values():
            self.assertTrue(copy.exists())
        self.refused(2, *words, says="--yes")
        real = self.done(*words, "--yes", "--json").json
        self.assertEqual((dry["files"], dry["freed_bytes"]), (real["files"], real["freed_bytes"]))
        self.assertIs(dry["dry_run"], True)
        self.assertIs(real["dry_run"], False)
        left = sorted(self.cache.iterdir())
        self.assertEqual(left, sorted([one, two, stranger, kernels]))
        again = self.done(*words, "--yes").out
        self.assertIn("removed 0 files", again)

    def test_what_is_no_cache_is_refused(self):
        self.refused(1, "scan", self.root / "none", says="none")
        self.compile(self.models / "dense.xml")
        self.refused(2, "scan", self.dir, says="a larder")
        self.refused(2, "scan", self.models / "dense.xml", says="not a directory")
        self.refused(2, "scan", self.root, "--yes", says="--remove-stale")
        self.assertEqual(self.done("scan", self.models, "--json").json["files"], [])

    def test_models_asked_for_once_come_from_the_larder(self):
        self.fill("CPU")
        model, words = self.models / "dense.xml", ("--property", f"CACHE_DIR={self.cache}")
        before = {blob: blob.stat().st_mtime_ns for blob in self.blobs()}
        self.assertEqual(self.compile(model, *words)["outcome"], "compiled")
        self.assertEqual(self.compile(model, *words)["outcome"], "loaded")
        self.assertEqual(self.compile(model)["outcome"], "loaded")
        # larder creates no second cache.
        self.assertEqual({blob: blob.stat().st_mtime_ns for blob in self.blobs()}, before)


if __name__ == "__main__":
    harness.main()
