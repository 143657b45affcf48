"""Goal: running compiles are shown, with the process and the start time.

Method: the test holds a compile lock, like a process that compiles, for any time.
"""

import os
import time

import harness
from harness import ProgramTest


class CompilingTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.models / "dense.xml"
        # Makes the larder.
        self.compile(self.models / "other.xml")
        self.key = self.done("why", self.model, "--json").json["key"]

    def compiling(self, seconds):
        return self.compiling_elsewhere(self.key, self.model, seconds)

    def test_verbs_tell_of_it(self):
        with self.compiling(72):
            for verb in ("ls", "stats", "doctor"):
                said = self.larder(verb)
                self.assertIn(f"compiling now: {self.model} on CPU, by process {os.getpid()} of "
                              "another machine for 1 m", said.out)
                [found] = self.larder(verb, "--json").json["compiling"]
                self.assertEqual((found["key"], found["process"], found["is_here"]),
                                 (self.key, os.getpid(), False))
                self.assertRegex(found["since"], harness.TIME)
            reason = self.done("why", self.model, "--json").json["reason"]
            self.assertRegex(reason, rf"process {os.getpid()} .*has been compiling it for 1 m 1")
        for verb in ("ls", "stats", "doctor"):
            self.assertNotIn("compiling now", self.larder(verb).out)
            self.assertEqual(self.larder(verb, "--json").json["compiling"], [])

    def test_who_waits_says_for_whom(self):
        with self.compiling(72):
            waited = self.larder("compile", self.model, "-v",
                                 environment={"LARDER_LOCK_TIMEOUT": "1s"})
        self.assertEqual(waited.code, 0, waited)
        self.assertRegex(waited.error, rf"{self.model} on CPU: waiting: process {os.getpid()} ")
        self.assertIn("has been compiling it for 1 m 1", waited.error)

    def test_who_died_compiles_nothing(self):
        with self.compiling(72):
            path = self.dir / "locks" / self.key[:2] / self.key
            left = path.read_bytes()
        path.write_bytes(left)
        self.assertEqual(self.done("ls", "--json").json["compiling"], [])
        self.assertEqual(self.compile(self.model)["outcome"], "compiled")
        self.assertFalse(path.exists())

    def test_another_device_is_no_other_content(self):
        self.compile(self.model)
        found = self.compile(self.model, "--device", "HETERO:CPU")
        self.assertEqual((found["outcome"], found["reason"]), ("compiled", "it is not kept yet"))

    def test_each_stage_is_a_line(self):
        said = self.larder("compile", self.model, "-v")
        self.assertEqual(said.code, 0, said)
        self.assertNotIn("debug", said.error)
        for stage in ("compiling, because it is not kept yet", "publishing"):
            self.assertEqual(said.error.count(f"{self.model} on CPU: {stage}"), 1, said)
        said = self.larder("compile", self.model, "-v")
        for stage in ("verifying", "loading"):
            self.assertEqual(said.error.count(f"{self.model} on CPU: {stage}"), 1, said)
        self.assertEqual(self.done("compile", self.model).error, "")


if __name__ == "__main__":
    harness.main()
