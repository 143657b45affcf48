"""Goal: users and scripts can list, show, verify and remove entries.

Method: a larder with a few entries of the program itself; every verb's JSON is parsed and compared
with the others.
"""

import os
import pathlib
import pty
import shutil
import signal
import stat
import subprocess
import time

import harness
from harness import KEY, TIME, ProgramTest
from unable import unable


class KeepingTest(ProgramTest):
    def setUp(self):
        super().setUp()
        names = ("dense", "other", "convolution")
        run = self.done("compile", *(self.models / f"{name}.xml" for name in names), "--json")
        self.reports = dict(zip(names, run.json_lines))

    def test_ls(self):
        listing = self.done("ls", "--json").json
        self.assertEqual(listing["schema_version"], 1)
        self.assertGreater(listing["max_size_bytes"], listing["total_bytes"])
        self.assertGreater(listing["total_bytes"], sum(e["bytes"] for e in listing["entries"]))
        self.assertEqual(len(listing["entries"]), 3)
        for entry in listing["entries"]:
            report = self.reports[pathlib.Path(entry["model"]).stem]
            self.assertEqual(entry["key"], report["key"])
            self.assertEqual(entry["bytes"], report["object"]["bytes"])
            self.assertEqual(entry["unique_bytes"], entry["bytes"])
            self.assertEqual((entry["device"], entry["kind"]), ("CPU", "ir"))
            self.assertRegex(entry["created_at"], TIME)
            self.assertEqual(entry["hits"], 0)
            self.assertGreater(entry["compile_ms"], 0)
            self.assertIsNone(entry["stale"])
            self.assertIs(entry["pinned"], False)

    def test_hits_are_counted(self):
        self.compile(self.models / "dense.xml")
        self.compile(self.models / "dense.xml")
        by_model = {pathlib.Path(e["model"]).stem: e for e in self.entries()}
        self.assertEqual(by_model["dense"]["hits"], 2)
        self.assertRegex(by_model["dense"]["last_used_at"], TIME)
        self.assertEqual(by_model["other"]["hits"], 0)

    def test_a_use_by_another_machine_shows(self):
        entry = next(e for e in self.entries() if "dense" in e["model"])
        self.assertLess(entry["last_used_at"], "2096")
        marked = 4_000_000_000  # in 2096, as another user of the larder might set it
        os.utime(self.dir / "entries" / entry["key"][:2] / f"{entry['key']}.json", (marked, marked))
        entry = next(e for e in self.entries() if "dense" in e["model"])
        self.assertEqual(entry["last_used_at"], "2096-10-02T07:06:40Z")

    def chosen(self, *words):
        listing = self.done("ls", "--json", *words).json
        return [pathlib.Path(entry["model"]).stem for entry in listing["entries"]]

    def test_ls_chooses_and_sorts(self):
        self.assertEqual(self.chosen("--filter", "model~conv"), ["convolution"])
        self.assertEqual(self.chosen("--filter", "size>1GiB"), [])
        self.assertEqual(len(self.chosen("--filter", "size>0", "--filter", "age<1h")), 3)
        self.assertEqual(self.chosen("--filter", "age > 1d"), [])
        self.assertEqual(self.chosen("--filter", "kind=onnx"), [])
        self.assertEqual(len(self.chosen("--filter", "device!=GPU", "--filter", "hits<=0")), 3)
        ascending = self.chosen("--sort", "size")
        self.assertEqual(ascending, self.chosen("--sort", "size:desc")[::-1])
        self.assertEqual(self.chosen("--sort", "model"), ["convolution", "dense", "other"])
        self.assertEqual(self.chosen("--sort", "model:desc", "--limit", "1"), ["other"])
        self.assertEqual(self.chosen("--limit", "0"), [])
        for sort in ("age", "compile", "created", "device", "hits", "key", "kind", "last_used"):
            self.assertEqual(len(self.chosen("--sort", sort)), 3)

    def test_ls_for_people_and_pipes(self):
        table = self.done("ls").out
        self.assertIn("dense.xml", table)
        self.assertIn("3 entries", table)
        self.assertNotIn("\x1b", table)
        self.assertIn("1 of 3 entries", self.done("ls", "--limit", "1").out)
        keys = self.done("ls", "-q").out.split()
        self.assertEqual(sorted(keys), sorted(r["key"] for r in self.reports.values()))
        json_flag = self.done("ls", "--format", "json").json
        self.assertEqual(json_flag, self.done("ls", "--json").json)

    def test_show(self):
        report = self.reports["dense"]
        entry = self.done("show", report["key"][:16], "--json").json
        self.assertEqual(entry["schema_version"], 1)
        self.assertEqual(entry["key"], report["key"])
        [part] = entry["objects"]
        self.assertEqual(part["digest"], report["object"]["digest"])
        self.assertEqual(part["bytes"], report["object"]["bytes"])
        self.assertEqual({file["role"] for file in entry["model_files"]}, {"xml", "bin"})
        for file in entry["model_files"]:
            self.assertRegex(file["digest"], KEY)
        self.assertIn("model.fingerprint", entry["key_inputs"])
        self.assertIn("device.name", entry["key_inputs"])
        self.assertIs(entry["without_weights"], False)
        for name in ("requirements", "created_at", "unique_bytes", "stale", "pinned"):
            self.assertIn(name, entry)
        table = self.done("show", report["key"][:16]).out
        self.assertIn(report["key"], table)
        self.assertIn("model.fingerprint", table)

    def test_why(self):
        model = self.models / "dense.xml"
        hit = self.done("why", model, "--json").json
        self.assertEqual(hit["schema_version"], 1)
        self.assertIs(hit["would_hit"], True)
        self.assertEqual(hit["key"], self.reports["dense"]["key"])
        self.assertEqual(hit["differences"], [])
        self.assertIn("hit", self.done("why", model).out)

        asked = ("--property", "INFERENCE_PRECISION_HINT=f16")
        miss = self.done("why", model, *asked, "--json").json
        self.assertIs(miss["would_hit"], False)
        self.assertEqual(miss["nearest_key"], self.reports["dense"]["key"])
        [difference] = [d for d in miss["differences"] if "INFERENCE_PRECISION" in d["input"]]
        self.assertEqual(difference["asked"], "f16")
        self.assertNotEqual(miss["key"], miss["nearest_key"])
        self.assertIn("INFERENCE_PRECISION_HINT", self.done("why", model, *asked).out)
        self.assertEqual(self.compile(model, *asked)["key"], miss["key"])

    def object_file(self, name):
        digest = self.reports[name]["object"]["digest"]
        return self.dir / "objects" / digest[:2] / digest

    def test_verify_finds_nothing_wrong(self):
        report = self.done("verify", "--json").json
        self.assertEqual(report["schema_version"], 1)
        self.assertEqual((report["entries"], report["objects"]), (3, 3))
        self.assertEqual(report["bytes"], sum(e["bytes"] for e in self.entries()))
        self.assertEqual(report["findings"], [])
        one = self.done("verify", self.reports["dense"]["key"][:20], "--json").json
        self.assertEqual((one["entries"], one["objects"]), (1, 1))
        self.assertIn("all whole", self.done("verify").out)
        self.assertEqual(self.done("verify", "-q").out, "")

    def test_verify_says_what_is_damaged(self):
        path = self.object_file("dense")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(content)
        # For people, a file is named once, and by its place in the larder.
        title, row, *_ = self.larder("verify", environment={"LARDER_MODE": "read-only"}) \
            .out.splitlines()
        self.assertIn(f"  objects/{path.parent.name}/{path.name}  ", row)
        self.assertEqual(row.count(path.name), 1, row)
        run = self.larder("verify", "--json")
        self.assertEqual(run.code, 1, run)
        [finding] = run.json["findings"]
        self.assertEqual(finding["damage"], "damaged")
        self.assertEqual(finding["key"], self.reports["dense"]["key"])
        self.assertTrue(finding["path"].endswith(self.reports["dense"]["object"]["digest"]))
        self.assertNotEqual(finding["what"], "")
        self.assertFalse(path.exists())
        self.assertEqual(self.compile(self.models / "dense.xml")["outcome"], "compiled")
        self.assertEqual(self.larder("verify").code, 0)

    def test_verify_says_what_it_cannot_read(self):
        self.object_file("other").chmod(0)
        self.root.chmod(0o755)
        # Root may read everything, so another user runs the program.
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        if who and not os.stat("/").st_mode & stat.S_IXOTH:
            unable(self, "another user would not pass the root directory")
        run = self.larder("verify", "--json", **who)
        self.assertEqual(run.code, 4, run)
        [finding] = run.json["findings"]
        self.assertEqual(finding["damage"], "unreadable")
        self.assertEqual(finding["key"], self.reports["other"]["key"])

    def make_foreign(self, name):
        """As if another version of the program had stored it."""
        [manifest] = (self.dir / "entries").glob(f"*/{self.reports[name]['key']}.json")
        manifest.chmod(0o644)
        subprocess.run([os.environ["LARDER_FUTURE_MANIFEST"], manifest], check=True)
        return manifest

    def test_verify_says_what_it_does_not_trust(self):
        manifest = self.make_foreign("other")
        run = self.larder("verify", "--json")
        self.assertEqual(run.code, 2, run)
        [finding] = run.json["findings"]
        self.assertEqual(finding["damage"], "untrusted")
        self.assertTrue(manifest.exists())

    def test_a_larder_that_cannot_be_read(self):
        (self.dir / "larder.json").write_text("{}")
        run = self.larder("verify")
        self.check_message(run, 4, "larder.json")
        self.check_message(self.larder("ls"), 1, "larder.json")

    def test_verify_adds_up_what_it_finds(self):
        truncated = self.object_file("dense")
        truncated.chmod(0o644)
        truncated.write_bytes(b"")
        self.make_foreign("other")
        run = self.larder("verify", "--json")
        self.assertEqual(len(run.json["findings"]), 2, run)
        self.assertEqual(run.code, 1 | 2, run)

    def test_rm_does_what_its_dry_run_said(self):
        key = self.reports["dense"]["key"]
        before = self.done("ls", "--json").json
        dry = self.done("rm", key[:16], self.models / "convolution.xml", "--dry-run", "--json").json
        self.assertIs(dry["dry_run"], True)
        self.assertEqual(len(dry["entries"]), 2)
        self.assertEqual(self.done("ls", "--json").json, before)
        real = self.done("rm", key[:16], self.models / "convolution.xml", "--yes", "--json").json
        self.assertIs(real["dry_run"], False)
        self.assertEqual(real["entries"], dry["entries"])
        self.assertEqual(real["freed_bytes"], dry["freed_bytes"])
        after = self.done("ls", "--json").json
        self.assertEqual(before["total_bytes"] - after["total_bytes"], real["freed_bytes"])
        self.assertEqual([e["key"] for e in after["entries"]], [self.reports["other"]["key"]])

    def test_rm_says_the_same_to_people(self):
        model = self.models / "dense.xml"
        dry = self.done("rm", model, "--dry-run").out
        real = self.done("rm", model, "--yes").out
        dry = dry.replace("would remove", "removed").replace("would free", "freed")
        self.assertEqual(dry, real)
        self.assertIn("freed", real)
        keys = self.done("rm", self.models / "other.xml", "--yes", "-q").out
        self.assertEqual(keys.strip(), self.reports["other"]["key"])

    def test_rm_of_a_relative_path(self):
        self.done("rm", "dense.xml", "--yes", cwd=self.models)
        self.assertEqual(len(self.entries()), 2)

    def test_rm_asks_on_a_terminal(self):
        for answer, code, left in ((b"n\n", 1, 3), (b"y\n", 0, 2)):
            ours, theirs = pty.openpty()
            process = subprocess.Popen(
                [harness.PROGRAM, "rm", str(self.models / "dense.xml"), "--dir", str(self.dir)],
                env={**harness.SANITIZERS, "HOME": str(self.root)},
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=theirs,
            )
            os.close(theirs)
            shown = b""
            while b"[y/N]" not in shown:
                shown += os.read(ours, 4096)
            os.write(ours, answer)
            process.communicate(timeout=60)
            os.close(ours)
            self.assertEqual(process.returncode, code)
            self.assertEqual(len(self.entries()), left)

    def test_stats(self):
        for _ in range(2):
            self.compile(self.models / "dense.xml")
        self.compile(self.models / "dense.xml", "--mode", "off")
        stats = self.done("stats", "--json").json
        self.assertEqual(stats["schema_version"], 1)
        self.assertRegex(stats["since"], TIME)
        self.assertEqual((stats["compiled"], stats["loaded"], stats["waited"]), (3, 2, 0))
        self.assertIsInstance(stats["saved_ms"], int)  # below 0 where loads took longer
        self.assertEqual(sum(stats["miss_reasons"].values()), 3)
        self.assertGreaterEqual(stats["bytes_written"], sum(e["bytes"] for e in self.entries()))
        self.assertEqual(stats["by_model"][str(self.models / "dense.xml")]["loaded"], 2)
        self.assertEqual(stats["by_device"]["CPU"]["compiled"], 3)
        self.assertIn("bypass_reasons", stats)

    def test_reasons_name_no_temporary_file(self):
        shutil.rmtree(self.dir / "tmp")
        (self.dir / "tmp").write_text("no directory")
        for _ in range(2):
            run = self.larder("compile", self.models / "dense.xml", "--json",
                              "--property", "KEY_CACHE_GROUP_SIZE=9")
            self.assertEqual((run.code, run.json["outcome"]), (3, "bypassed"), run)
            self.assertIn(str(self.dir), run.json["reason"])
        reasons = self.done("stats", "--json").json["bypass_reasons"]
        self.assertEqual(list(reasons.values()), [2], reasons)
        self.assertNotIn(str(self.dir), str(reasons))
        time.sleep(1.1)
        self.assertEqual(self.done("stats", "--since", "1s", "--json").json["loaded"], 0)
        self.assertIn("dense.xml", self.done("stats").out)

    def test_a_closed_pipe_ends_it_quietly(self):
        process = subprocess.Popen(
            [harness.PROGRAM, "ls", "--dir", str(self.dir)],
            env={**harness.SANITIZERS, "HOME": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN),
        )
        process.stdout.close()
        error = process.stderr.read()
        process.stderr.close()
        process.wait(timeout=60)
        self.assertEqual(error, b"")


class ColourTest(ProgramTest):
    def shown_on_a_terminal(self, **environment):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [harness.PROGRAM, "config", "--dir", str(self.dir)],
            env={**harness.SANITIZERS, "HOME": str(self.root), "TERM": "xterm", **environment},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        os.close(ours)
        self.assertEqual(process.wait(timeout=60), 0)
        return shown

    def test_colours_are_for_terminals_that_want_them(self):
        self.assertIn(b"\x1b[", self.shown_on_a_terminal())
        self.assertNotIn(b"\x1b[", self.shown_on_a_terminal(NO_COLOR="1"))
        self.assertNotIn(b"\x1b[", self.shown_on_a_terminal(TERM="dumb"))


if __name__ == "__main__":
    harness.main()
