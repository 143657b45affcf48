"""Goal: `larder.Cache` works like the program, returns answers of its declared types, and reports
errors correctly.

Method: the installed package on its own larders.
"""

import array
import datetime
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import typing

import harness
import larder
import openvino
from larder import reports
from openvino import properties

# So slow that it is interrupted before anything is done.
SLOW = "1kB"


class CacheTest(harness.PackageTest):
    def answer(self, method, *arguments, **options):
        """The answer has the declared type of the method."""
        value = method(*arguments, **options)
        self.check_type(value, typing.get_type_hints(method)["return"])
        return value

    def damage(self, key):
        [entry] = self.cache.show(key)
        digest = entry["objects"][0]["digest"]
        path = self.dir / "objects" / digest[:2] / digest
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(content)

    def nothing_is_left_running(self):
        with self.assertRaises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    def test_what_is_compiled_is_kept(self):
        told = []
        first = self.answer(self.cache.compile, self.dense, str(self.other),
                            progress=lambda done, total: told.append((done, total)))
        self.assertEqual([report["outcome"] for report in first], ["compiled", "compiled"])
        self.assertEqual(told, [(1, 2), (2, 2)])
        [again] = self.cache.compile(self.dense)
        self.assertEqual((again["outcome"], again["key"]), ("loaded", first[0]["key"]))
        listing = self.answer(self.cache.ls, "model~dense", sort="size:desc", limit=5)
        [entry] = listing["entries"]
        self.assertEqual((entry["key"], entry["model"]), (first[0]["key"], str(self.dense)))
        [entry] = self.answer(self.cache.show, first[0]["key"][:12])
        self.assertEqual(entry["key_inputs"]["device.name"], "CPU")
        both = self.cache.show(self.dense, first[1]["key"])
        # In the order of their keys, which depend on the machine.
        self.assertEqual([entry["key"] for entry in both], sorted(each["key"] for each in first))
        self.assertEqual(self.answer(self.cache.stats)["loaded"], 1)
        self.assertEqual(self.cache.stats(since="1h")["compiled"], 2)
        [wider] = self.cache.compile(self.models / "convolution.xml", shape="[2,3,32,32]")
        self.assertEqual(wider["outcome"], "compiled")

    def test_why(self):
        properties = {"KEY_CACHE_GROUP_SIZE": 7, "CPU_DENORMALS_OPTIMIZATION": True}
        self.cache.compile(self.dense, properties=properties)
        self.assertTrue(self.answer(self.cache.why, self.dense, properties=properties)["would_hit"])
        miss = self.answer(self.cache.why, self.dense)
        self.assertFalse(miss["would_hit"])
        self.assertEqual({difference["input"] for difference in miss["differences"]},
                         {f"property.{name}" for name in properties})

        wide = {"shape": "[2,3,32,32]"}
        self.cache.compile(self.models / "convolution.xml", **wide)
        self.assertTrue(self.cache.why(self.models / "convolution.xml", **wide)["would_hit"])
        self.assertFalse(self.cache.why(self.models / "convolution.xml")["would_hit"])

    def test_properties_of_openvino(self):
        [report] = self.cache.compile(self.dense, properties={
            properties.hint.performance_mode: properties.hint.PerformanceMode.LATENCY,
            properties.hint.execution_mode: properties.hint.ExecutionMode.ACCURACY,
            properties.hint.inference_precision: openvino.Type.f32,
            properties.num_streams: properties.streams.Num(2),
        })
        again = {"PERFORMANCE_HINT": "LATENCY", "EXECUTION_MODE_HINT": "ACCURACY",
                 "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 2}
        self.assertEqual(self.cache.compile(self.dense, properties=again)[0]["key"], report["key"])
        with self.assertRaises(larder.UsageError) as raised:
            self.cache.why(self.dense, properties={"PERFORMANCE_HINT": "FAST"})
        self.assertIn("PERFORMANCE_HINT=FAST", raised.exception.message)
        self.assertNotIn("--property", raised.exception.hint)

    def test_entries_for_other_machines(self):
        signing, other = self.root / "team.key", larder.Cache(self.root / "other")
        key = self.answer(self.cache.generate_key, signing)
        self.assertEqual(self.answer(self.cache.show_key, key["file"])["public_key"],
                         key["public_key"])
        self.cache.compile(self.dense, self.other)
        url = f"file://{self.root / 'shared'}"
        with self.assertRaisesRegex(larder.UsageError, "no signing key"):
            self.cache.push(url)
        planned = self.answer(self.cache.push, url, self.dense, sign=signing, dry_run=True)
        self.assertEqual(len(planned["entries"]), 1)
        with self.assertRaisesRegex(larder.Error, "shared"):
            other.pull(url, trust=[key["file"]])
        told = []
        self.cache.push(url, self.dense, sign=signing, progress=lambda *bytes: told.append(bytes))
        self.assertNotEqual(told, [])
        moved = self.answer(other.pull, url, trust=[key["file"]])
        self.assertEqual([entry["state"] for entry in moved["entries"]], ["moved"])
        self.assertEqual(other.compile(self.dense)[0]["outcome"], "loaded")
        theirs = other.generate_key(self.root / "theirs.key")["file"]
        skipped = self.answer(other.pull, url, trust=[theirs])
        self.assertEqual([entry["state"] for entry in skipped["entries"]], ["skipped"])

    def test_everything_is_removed(self):
        [report, _] = self.cache.compile(self.dense, self.other)
        self.damage(report["key"])
        self.cache.verify(self.dense)
        planned = self.cache.prune(quarantine=True, dry_run=True)
        self.assertEqual(planned["entries"], [])
        self.assertGreater(planned["set_aside_files"], 0)
        self.assertEqual(len(self.answer(self.cache.clear, dry_run=True)["entries"]), 1)
        self.assertEqual(self.cache.clear()["set_aside_files"], planned["set_aside_files"])
        self.assertEqual(self.cache.ls()["entries"], [])
        self.assertEqual(self.cache.prune(quarantine=True, dry_run=True)["set_aside_files"], 0)

    def test_removal(self):
        [report] = self.cache.compile(self.dense)
        key = report["key"]
        self.assertEqual(self.answer(self.cache.pin, key)["pinned"], [key])
        with self.assertRaisesRegex(larder.Error, "pinned"):
            self.cache.rm(key)
        self.assertEqual(self.answer(self.cache.unpin, self.dense)["unpinned"], [key])
        self.assertTrue(self.answer(self.cache.rm, self.dense, dry_run=True)["dry_run"])
        pruned = self.answer(self.cache.prune, max_size="1B", dry_run=True)
        self.assertEqual([entry["reason"] for entry in pruned["entries"]], ["size"])
        self.assertEqual(self.answer(self.cache.prune, stale=True, older_than="1h")["entries"], [])
        self.assertEqual(len(self.cache.ls()["entries"]), 1)
        self.assertEqual([entry["key"] for entry in self.cache.rm(key)["entries"]], [key])
        self.assertEqual(self.cache.ls()["entries"], [])

    def test_what_openvino_itself_has_kept(self):
        folder = self.root / "openvino"
        self.done(self.run_client("own_cache.py", self.dense, folder))
        report = self.answer(self.cache.scan, folder)
        self.assertEqual([file["worth"] for file in report["files"]], ["usable"])
        with open(report["files"][0]["path"], "r+b") as blob:
            blob.truncate(100)
        # A file that was just written may be unfinished.
        os.utime(report["files"][0]["path"], (0, 0))
        cleaned = self.answer(self.cache.scan, folder, remove_stale=True)
        self.assertEqual([file["reason"] for file in cleaned["files"]], ["damaged"])
        self.assertGreater(cleaned["freed_bytes"], 0)
        self.assertEqual(list(folder.iterdir()), [])

    def test_verify_and_repair(self):
        keys = [report["key"] for report in self.cache.compile(self.dense, self.other)]
        told = []
        report = self.answer(self.cache.verify, progress=lambda *bytes: told.append(bytes))
        self.assertEqual((report["complete"], report["findings"]), (True, []))
        self.assertEqual({total for _, total in told}, {report["bytes"]})
        self.assertEqual([done for done, _ in told], sorted(done for done, _ in told))
        for key in keys:
            self.damage(key)
        report = self.answer(self.cache.repair, keys[0], progress=lambda *bytes: None)
        self.assertEqual([repair["outcome"] for repair in report["repairs"]], ["recompiled"])
        [finding] = self.answer(self.cache.verify)["findings"]
        self.assertEqual((finding["damage"], finding["key"]), ("damaged", keys[1]))

    def test_less_room(self):
        # Floats that came from 16 bits.
        halves = self.root / "halves.xml"
        shutil.copy(self.dense, halves)
        words = array.array("I", self.dense.with_suffix(".bin").read_bytes())
        halves.with_suffix(".bin").write_bytes(
            array.array("I", (word & ~0x1FFF for word in words)).tobytes())
        keys = [report["key"] for report in self.cache.compile(self.dense, halves)]
        told = []
        planned = self.answer(self.cache.compress, *keys, dry_run=True)
        done = self.answer(self.cache.compress, older_than="0",
                           progress=lambda *bytes: told.append(bytes))
        self.assertEqual([entry["key"] for entry in planned["entries"]], keys[1:])
        self.assertEqual([entry["key"] for entry in done["entries"]], keys[1:])
        self.assertEqual([entry["key"] for entry in done["unchanged"]], keys[:1])
        self.assertEqual([done for done, _ in told], sorted(done for done, _ in told))
        self.assertNotEqual(told, [])
        self.assertEqual(len(self.cache.ls("encoding=compressed")["entries"]), 1)
        self.assertEqual(len(self.answer(self.cache.decompress, keys[1])["entries"]), 1)
        self.assertEqual(self.cache.ls("encoding=compressed")["entries"], [])

    def test_surroundings(self):
        cache = larder.Cache(self.dir, max_size="3GiB", allow_world_writable=False, log="error")
        settings = {setting["variable"]: setting["value"]
                    for setting in self.answer(cache.config)["settings"]}
        self.assertEqual((settings["LARDER_MAX_SIZE"], settings["LARDER_LOG"]), ("3GiB", "error"))
        self.assertEqual(settings["LARDER_ALLOW_WORLD_WRITABLE"], "off")
        # Every setting of the program exists here.
        names = ["dir", *larder.Settings.__annotations__]
        self.assertEqual(set(settings), {f"LARDER_{name.upper()}" for name in names})
        report = self.answer(self.cache.doctor)
        self.assertEqual(report["directory"], str(self.dir))
        self.assertEqual([advice for advice in report["findings"]
                          if advice["severity"] == "error"], [])
        self.assertTrue(pathlib.Path(report["preload"]).is_file())
        # With an invalid setting there is an answer, too.
        wrong = larder.Cache(self.dir, lock_timeout="soon").doctor()
        self.assertEqual([advice["subject"] for advice in wrong["findings"]
                          if advice["severity"] == "error"], ["settings"])

    def test_values_of_python(self):
        cache = larder.Cache(self.dir, max_size=3 * 2**30, min_free=0, lock_timeout=0.2)
        settings = {setting["variable"]: setting["value"] for setting in cache.config()["settings"]}
        self.assertEqual([settings[f"LARDER_{name}"] for name in (
            "MAX_SIZE", "MIN_FREE", "LOCK_TIMEOUT")], ["3221225472B", "0B", "1s"])
        cache.compile(self.dense)
        self.assertEqual(cache.prune(older_than=datetime.timedelta(days=1), dry_run=True)
                         ["entries"], [])
        self.assertEqual(len(cache.prune(max_size=1, dry_run=True)["entries"]), 1)
        self.assertEqual(cache.stats(since=datetime.timedelta(hours=1))["compiled"], 1)
        self.assertTrue(cache.verify(max_rate=1e9)["complete"])

    def test_it_says_what_it_is(self):
        self.assertEqual(repr(larder.Cache()), "larder.Cache()")
        self.assertEqual(repr(larder.Cache(self.dir, max_size="3GiB")),
                         f"larder.Cache(dir='{self.dir}', max_size='3GiB')")

    def test_an_empty_text_is_no_setting(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.root)
        for given in "", None:
            cache = larder.Cache(given, max_size="", state_dir="")
            self.assertEqual(cache.dir(), self.root / ".cache/larder")
            self.assertEqual(repr(cache), "larder.Cache()")

    def test_a_directory_stays_where_it_was(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.root)
        cache = larder.Cache("here")
        os.chdir(tempfile.gettempdir())
        cache.compile(self.dense)
        self.assertTrue((self.root / "here/larder.json").is_file())

    def test_models_that_fail(self):
        missing = self.models / "missing.xml"
        with self.assertRaises(larder.CompileError) as raised, self.assertNoLogs("larder"):
            self.cache.compile(missing, self.dense)
        error = raised.exception
        self.assertIn("missing.xml", error.message)
        self.assertNotEqual(error.hint, "")
        self.assertEqual(error.exit_code, 1)
        self.check_type(error.reports[0], reports.FailedCompile)
        self.assertEqual(error.reports[1]["outcome"], "compiled")
        self.assertEqual(pickle.loads(pickle.dumps(error)).reports, error.reports)

    def test_errors(self):
        with self.assertRaisesRegex(larder.UsageError, "XPU") as raised:
            self.cache.compile(self.dense, device="XPU")
        self.assertEqual(raised.exception.exit_code, 2)
        self.assertIn("CPU", raised.exception.hint)
        with self.assertRaisesRegex(larder.UsageError, "^max_size='lots': .*'lots'") as raised:
            larder.Cache(self.dir, max_size="lots").ls()
        self.assertIn("size", str(raised.exception))
        self.assertTrue(raised.exception.__suppress_context__)
        for wrong in (-1, 1.5, True, float("nan")):
            with self.assertRaisesRegex(larder.UsageError, f"^max_size={wrong!r}: ") as raised:
                larder.Cache(self.dir, max_size=wrong).ls()
            self.assertIn("a number counts bytes", raised.exception.hint)
        with self.assertRaisesRegex(larder.UsageError, "^lock_timeout=-1: ") as raised:
            larder.Cache(self.dir, lock_timeout=-1).ls()
        self.assertIn("a number counts seconds", raised.exception.hint)
        with self.assertRaises(larder.Error) as raised:
            self.cache.show("ffff")
        self.assertEqual((type(raised.exception), raised.exception.exit_code), (larder.Error, 1))
        self.assertEqual(pickle.loads(pickle.dumps(raised.exception)).message,
                         raised.exception.message)
        # No argument is taken for a flag.
        with self.assertRaisesRegex(larder.Error, "'--yes'"):
            self.cache.rm("--yes")
        with self.assertRaisesRegex(TypeError, "max_sise.*max_size"):
            larder.Cache(self.dir, max_sise="1GiB")

    def test_counts_are_set_to_zero(self):
        self.cache.compile(self.dense)
        self.assertEqual(self.cache.stats(zero=True)["compiled"], 1)
        self.assertEqual(self.cache.stats()["compiled"], 0)

    def test_warnings_are_logged(self):
        self.dir.mkdir()
        (self.dir / "letter.txt").write_text("dear reader")
        with self.assertLogs("larder", "WARNING") as logged:
            [report] = self.cache.compile(self.dense)
        self.assertEqual(report["outcome"], "bypassed")
        self.assertIn("larder: warning: ", logged.output[0])

    def test_a_time_limit(self):
        self.cache.compile(self.dense, self.other)
        with self.assertRaisesRegex(larder.TimeLimitError, "'larder verify' took longer than 1 s"):
            larder.Cache(self.dir, timeout_seconds=1).verify(max_rate=SLOW)
        self.nothing_is_left_running()
        report = self.cache.verify()
        self.assertEqual((report["complete"], report["objects"] + report["objects_before"]),
                         (True, 2))

    def test_what_a_callback_raises(self):
        self.cache.compile(self.dense)
        with self.assertRaises(ZeroDivisionError):
            self.cache.verify(max_rate=SLOW, progress=lambda done, total: 1 // 0)
        self.nothing_is_left_running()

    def test_ctrl_c(self):
        self.cache.compile(self.dense)
        client = subprocess.Popen([sys.executable, harness.CLIENTS / "slow_check.py", self.dir],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(client.kill)
        self.assertEqual(client.stdout.readline(), b"begun\n")
        client.send_signal(signal.SIGINT)
        out, error = client.communicate(timeout=harness.SECONDS_MAX)
        self.assertEqual(out, b"the check has ended\n", error)
        self.assertTrue(self.cache.verify()["complete"])


if __name__ == "__main__":
    harness.main()
