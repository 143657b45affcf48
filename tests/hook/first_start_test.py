#!/usr/bin/env python3
"""Publishing behind a program: whatever the program does meanwhile, and however it ends, it works
as without larder, and the larder has the whole entry or nothing."""

import shutil
import signal
import sys

import harness

CLIENT = [sys.executable, str(harness.CLIENTS / "first_start.py")]
# The entry is there for the next start, however this one ends.
FIRST = {"LARDER_PUBLISH": "first"}


class FirstStartTest(harness.HookTest):
    def start(self, how, code=0, **settings):
        run = self.run_larder(command=[*CLIENT, how],
                              environment={"LARDER_PUBLISH": "behind", **settings})
        self.assertEqual(run.code, code, run)
        return run.lines

    def left_over(self):
        return [path for path in self.dir.glob("tmp/**/*") if path.is_file()]

    def check_whole(self):
        """An entry loads; the files of a dead process are gone after one start."""
        self.assertIn(self.start("end")[0], ("compiled", "loaded"))
        self.assertEqual(self.start("end", **FIRST)[0], "loaded")
        self.assertEqual(self.left_over(), [])
        self.done(self.run_bare(harness.PROGRAM, "verify", "--dir", self.dir))

    def test_a_program_that_ends_at_once(self):
        self.assertEqual(self.start("end"), ["compiled"])
        self.assertEqual(self.start("end"), ["loaded"])

    def test_one_that_ends_without_a_word(self):
        for how, code in (("exit_hard", 0), ("killed", -signal.SIGKILL),
                          ("terminated", -signal.SIGTERM)):
            with self.subTest(how):
                self.assertIn(self.start(how, code)[0], ("compiled", "loaded"))
                self.check_whole()
                shutil.rmtree(self.dir)

    def test_a_model_is_used_meanwhile(self):
        plain = self.run_bare(*CLIENT, "use").lines
        first = self.start("use")
        self.assertEqual(first, ["compiled", plain[1]])
        self.assertEqual(self.start("use"), ["loaded", plain[1]])

    def test_a_model_is_freed_meanwhile(self):
        self.assertEqual(self.start("free")[0], "compiled")
        self.assertEqual(self.start("free")[0], "loaded")

    def test_a_child_is_forked_meanwhile(self):
        self.assertEqual(self.start("fork"), ["compiled", "child", "0"])
        self.assertEqual(self.start("end"), ["loaded"])

    def test_another_program_takes_its_place(self):
        self.assertEqual(self.start("execute")[1], "executed")
        self.check_whole()

    def test_its_model_file_is_emptied_meanwhile(self):
        self.assertEqual(self.start("overwrite"), ["compiled"])
        self.assertEqual(self.start("overwrite"), ["loaded"])

    def test_another_thread_than_the_main_compiles(self):
        self.assertEqual(self.start("thread"), ["compiled"])
        self.assertEqual(self.start("thread"), ["loaded"])

    def test_the_same_model_once_more(self):
        self.assertEqual(self.start("again"), ["compiled", "loaded", "True"])

    def test_it_is_reported(self):
        run = self.run_larder("--report", command=[*CLIENT, "end"],
                              environment={"LARDER_PUBLISH": "behind"})
        self.assertIn("1 model: 1 compiled", run.error)


if __name__ == "__main__":
    harness.main()
