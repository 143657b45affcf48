"""Goal: `larder.install` has larder serve the process, as long as it is to, or says why it cannot;
and the package brings the program.

Method: each scenario of clients/installing.py is a process of its own.
"""

import os
import pathlib
import shutil
import sys

import harness

BIN = pathlib.Path(sys.executable).parent


class InstallTest(harness.PackageTest):
    def setUp(self):
        super().setUp()
        self.one, self.two = self.root / "one", self.root / "two"

    def scenario(self, name, before=()):
        outcome = self.run_client("installing.py", name, self.dense, self.root, before=before)
        return self.done(outcome).json

    def test_the_second_process_loads(self):
        self.assertEqual([self.scenario("before"), self.scenario("before")], [False, True])
        self.assertEqual(self.counts(self.one),
                         {"compiled": 1, "loaded": 1, "waited": 0, "bypassed": 0})

    def test_the_settings_of_the_environment(self):
        self.assertEqual([self.scenario("environment"), self.scenario("environment")],
                         [False, True])

    def test_as_long_as_it_is_installed(self):
        self.assertEqual(self.scenario("scopes"), [
            False,  # before
            False, True,
            False,  # between
            False,
            True, True, True,
            False, False])  # after
        self.assertEqual(self.counts(self.one),
                         {"compiled": 1, "loaded": 3, "waited": 0, "bypassed": 0})
        self.assertEqual(self.counts(self.two),
                         {"compiled": 1, "loaded": 1, "waited": 0, "bypassed": 0})

    def test_what_was_off_can_be_switched_on(self):
        self.assertEqual(self.scenario("switched_off"), [False, False, False, True])

    def test_a_child_made_by_fork(self):
        self.assertEqual(self.scenario("fork"), [0, True])

    def test_openvino_was_first(self):
        message, hint, loaded, in_environment = self.scenario("too_late")
        self.assertIn("openvino was imported before larder", message)
        self.assertIn("import larder before openvino", hint)
        self.assertIn("larder run", hint)
        self.assertEqual((loaded, in_environment), (False, False))

    def test_settings_that_cannot_be_read(self):
        message, loaded, in_environment = self.scenario("unreadable")
        self.assertIn("LARDER_MAX_SIZE: cannot read 'lots'", message)
        self.assertEqual((loaded, in_environment), (False, False))
        self.assertFalse(self.one.exists())

    def test_a_program_that_larder_started(self):
        command = [BIN / "larder", "run", "--dir", self.one, "--"]
        found = self.scenario("started_by_run", before=command)
        self.assertEqual(found, [False, True, False, True])

    def test_the_program(self):
        version = self.done(self.run_command(BIN / "larder", "--version")).out
        self.assertRegex(version, r"^larder \d+\.\d+\.\d+\n$")
        text = self.done(self.run_command(sys.executable, "-m", "larder", "--help")).out
        self.assertIn("larder VERB --help", text)
        outcome = self.run_command(sys.executable, "-m", "larder", "nonsense")
        self.assertEqual((outcome.code, outcome.out), (2, ""), outcome)
        os.environ["LARDER_DIR"] = str(self.one)
        outcome = self.run_command(BIN / "larder", "run", "--", "sh", "-c", "kill -9 $$")
        self.assertEqual(outcome.code, -9, outcome)

    def test_openvino_is_elsewhere(self):
        package = pathlib.Path(harness.larder.__file__).parent
        shutil.copytree(package, self.root / "alone/larder")
        os.environ["PYTHONPATH"] = str(self.root / "alone")
        outcome = self.run_command(sys.executable, "-m", "larder", "--help")
        self.assertEqual((outcome.code, outcome.out), (1, ""), outcome)
        self.assertIn("larder: OpenVINO is not installed beside larder", outcome.error)
        self.assertIn("pip install", outcome.error)


if __name__ == "__main__":
    harness.main()
