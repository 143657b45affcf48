"""Goal: with every fault of the shared files, and every obstacle to sharing, each program computes
the same as without sharing.
"""

import os
import pathlib
import random
import signal
import stat
import time

import harness
import sharing
from sharing import EXACT, MIB, SHARED_BYTES_MIN, WIDE_BYTES
from unable import unable


def change_middle(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle:middle + 100] = bytes(byte ^ 255 for byte in content[middle:middle + 100])
    path.write_bytes(content)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def replace(path):
    other = path.with_name("other")
    other.write_bytes(random.Random(1).randbytes(path.stat().st_size))
    other.rename(path)


class DamageTest(sharing.KeptTest):
    def check_damage(self, damage):
        for path in self.unpacked_files()[:2]:
            path.chmod(0o644)
            damage(path)
        for _ in range(2):
            worker = self.loaded()
            self.assertEqual(self.outputs(worker), self.plain)
            outcome = worker.end()
            self.assertEqual(outcome.code, 0, outcome)
        # This load or the next one repairs it.
        self.assertIn(self.verb("verify").code, (0, 1))
        self.assertEqual(self.facts("on")[0], self.plain)
        self.until_kept()
        self.check_shares()
        self.check_whole()

    def test_bytes_in_the_middle(self):
        self.check_damage(change_middle)

    def test_half_a_file(self):
        self.check_damage(truncate)

    def test_an_empty_file(self):
        self.check_damage(empty)

    def test_a_missing_file(self):
        self.check_damage(pathlib.Path.unlink)

    def test_another_file(self):
        self.check_damage(replace)

    def test_verify_finds_what_is_damaged(self):
        path = self.unpacked_files()[0]
        path.chmod(0o644)
        change_middle(path)
        found = self.verb("verify", "--json")
        self.assertEqual(found.code, 1, found)
        [finding] = found.json["findings"]
        self.assertEqual(finding["damage"], "damaged")
        self.until_kept()
        self.check_whole()
        self.check_shares()

    def test_files_that_go_while_they_are_mapped(self):
        worker = self.loaded()
        for number, path in enumerate(self.unpacked_files()):
            (replace if number % 2 else pathlib.Path.unlink)(path)
        for _ in range(3):
            self.assertEqual(self.outputs(worker), self.plain)
        self.assertGreaterEqual(worker.ask("report")["mapped"], SHARED_BYTES_MIN)
        self.finished(worker)


class KilledTest(sharing.KeptTest):
    def test_a_keeper_that_is_killed(self):
        moments = random.Random(5)
        for _ in range(10):
            for entry in self.unpacked():
                self.done(self.verb("rm", entry["key"], "--yes"))
            worker = self.start("on")
            worker.ask("report")  # it has started
            worker.tell("load", "model", self.wide, EXACT)
            time.sleep(moments.uniform(0, 0.6))
            worker.end(signal.SIGKILL)
        self.until_kept()
        self.check_shares("on")
        self.check_whole()
        self.assertEqual(list((self.dir / "tmp").iterdir()), [])


class ReadOnlyTest(sharing.KeptTest):
    def test_what_is_there_is_shared(self):
        self.check_shares("on", environment={"LARDER_MODE": "read-only"})

    def test_nothing_is_kept(self):
        [entry] = self.unpacked()
        self.done(self.verb("rm", entry["key"], "--yes"))
        workers = [self.loaded("on", environment={"LARDER_MODE": "read-only"}) for _ in range(2)]
        for worker in workers:
            self.assertEqual(self.outputs(worker), self.plain)
            self.assertEqual(worker.ask("report")["mapped"], 0)
        for worker in workers:
            self.finished(worker)
        self.assertEqual(self.unpacked(), [])

    def test_a_directory_that_others_own(self):
        for path in [self.dir, *self.dir.rglob("*")]:
            mode = path.stat().st_mode
            path.chmod(mode & ~0o222 | 0o444 | (0o111 if path.is_dir() else 0))
            self.addCleanup(path.chmod, mode)
        before = sorted(self.dir.rglob("*"))
        who = {}
        state = self.folder("state")
        if os.getuid() == 0:
            # Root may write everywhere, and other users may not start a program of root.
            if not os.stat("/").st_mode & stat.S_IXOTH:
                unable(self, "another user would not pass the root directory")
            for folder in (self.root, self.models):
                folder.chmod(0o755)
            os.chown(state, 65534, 65534)
            who = {"user": 65534, "group": 65534, "extra_groups": []}
        found = self.done(self.run_bare(
            harness.PROGRAM, "compile", self.wide, "--dir", self.dir, "--json",
            *(f"--property={name}={value}" for name, value in EXACT.items()),
            environment={"LARDER_SHARE": "on", "LARDER_STATE_DIR": str(state)}, **who))
        self.assertEqual(found.json["outcome"], "loaded")
        self.assertGreaterEqual(found.json["sharing"]["shared_bytes"], SHARED_BYTES_MIN)
        self.assertEqual(sorted(self.dir.rglob("*")), before)


class NoRoomTest(sharing.SharingTest):
    def test_nothing_goes_for_it(self):
        plain, _ = self.facts(None)
        self.facts("off")
        [entry] = self.entries()
        environment = {"LARDER_MAX_SIZE": f"{entry['bytes'] // MIB + 20}MiB", "LARDER_LOG": "info"}
        workers = [self.loaded(environment=environment) for _ in range(2)]
        for worker in workers:
            self.assertEqual(self.outputs(worker), plain)
            self.assertEqual(worker.ask("report")["mapped"], 0)
        said = [worker.end() for worker in workers]
        self.assertEqual([outcome.code for outcome in said], [0, 0])
        self.assertIn("no room for", said[1].error)
        self.assertEqual([kept["key"] for kept in self.entries()], [entry["key"]])


class OtherAllocatorTest(sharing.KeptTest):
    def test_a_program_with_an_allocator_of_its_own_works_as_before(self):
        preload = {"LD_PRELOAD": os.environ["LARDER_OTHER_ALLOCATOR"]}
        outputs, report = self.facts("on", environment=preload)
        self.assertEqual(outputs, self.plain)
        self.assertEqual(report["mapped"], 0)
        said = self.done(self.verb("doctor", "--json", environment=preload)).json["sharing"]
        self.assertIn("another allocator", said["obstacle"])
        without = self.done(self.verb("doctor", "--json")).json["sharing"]
        self.assertIsNone(without["obstacle"])
        self.assertGreaterEqual(without["unpacked_bytes"], WIDE_BYTES * 8 // 10)


class CrashTest(sharing.KeptTest):
    def crashed(self, step, *before):
        worker = self.start()
        for one in before:
            worker.ask(one)
        worker.ask("load", "model", self.wide, EXACT)
        self.assertGreaterEqual(worker.ask("report")["mapped"], SHARED_BYTES_MIN)
        worker.tell(step)
        outcome = worker.end()
        self.assertEqual(outcome.code, -signal.SIGSEGV, outcome)
        return outcome.error

    def test_a_stray_pointer(self):
        self.assertNotIn("Segmentation fault", self.crashed("crash"))

    def test_a_signal_that_somebody_sends(self):
        self.crashed("segv")

    def test_a_traceback_of_its_own(self):
        self.assertIn("step_crash", self.crashed("crash", "faulthandler"))


if __name__ == "__main__":
    harness.main()
