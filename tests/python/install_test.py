"""Goal: with `larder.install`, larder serves the process until the installation ends, or an error
says why it cannot; and the package contains the program.

Method: each scenario of clients/installing.py is a process of its own.
"""

import os
import pathlib
import shutil
import sys
import time

import harness
from unable import unable

BIN = pathlib.Path(sys.executable).parent
PACKAGE = pathlib.Path(harness.larder.__file__).parent
COMPILE = ("import sys, openvino; compiled = openvino.Core().compile_model(sys.argv[1], 'CPU'); "
           "print(compiled.get_property('LOADED_FROM_CACHE'))")

ON_A_MACHINE = """
import sys
import larder
model, node, storage = sys.argv[1:]
larder.install(dir=f"{node}/larder", state_dir=f"{node}/state", remote=[storage],
               remote_timeout=240)
import openvino
compiled = openvino.Core().compile_model(model, "CPU")
print(compiled.get_property("LOADED_FROM_CACHE"))
"""
PATIENCE_S = 240  # against a hang, not against a slow machine


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

    def test_a_second_machine_loads_from_a_shared_storage(self):
        shared = self.root / "shared"

        def start_on(node):
            outcome = self.done(self.run_command(
                sys.executable, "-c", ON_A_MACHINE, self.dense, node, f"file://{shared}?unsigned"))
            return outcome.out.strip()

        self.assertEqual(start_on(self.one), "False")
        end = time.monotonic() + PATIENCE_S
        while not any(path.is_file() for path in (shared / "entries").rglob("*")):
            self.assertLess(time.monotonic(), end, "the entry is sent")
            time.sleep(0.05)
        self.assertEqual(start_on(self.two), "True")

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

    def test_workers_that_know_nothing_of_larder(self):
        for method, expected in (("spawn", [False, True, False]), ("forkserver", [False, True]),
                                 ("program", [False, True, False])):
            with self.subTest(method):
                outcome = self.run_client("workers.py", method, self.dense, self.root / method)
                self.assertEqual(self.done(outcome).json, expected)

    def test_what_the_loader_preloads_besides_stays(self):
        self.assertEqual(self.scenario("other_preloads"), [
            ["liblarder_preload.so"], ["liblarder_preload.so", "libother.so"], ["libother.so"]])

    def test_what_an_installation_says_of_itself(self):
        found = self.scenario("asked")
        one, two = str(self.one), str(self.two)
        self.assertEqual(found["alone"], [one, "on", True, True])
        self.assertEqual(found["behind"], [one, "on", True, False])
        self.assertEqual(found["off"], [two, "off", True, False])
        self.assertEqual(found["ended"], [two, "off", False, False])
        self.assertEqual(found["again"], [one, "on", True, True])
        self.assertFalse(found["closed"])
        self.assertEqual(found["unreadable"], [None, None, True, False])
        self.assertEqual(found["texts"], [
            f"<larder.Installation in '{one}': mode on>",
            f"<larder.Installation in '{one}': mode on, behind another>",
            f"<larder.Installation in '{two}': mode off, not serving>",
            f"<larder.Installation in '{two}': ended>"])

    def test_values_of_python(self):
        self.assertEqual(self.scenario("values"), ["21474836480B", "10s", "90s", "on",
                                                   str(self.two)])

    def test_a_traceback_has_no_innards(self):
        found = self.scenario("traceback")
        self.assertNotIn("_program.py", found)
        self.assertNotIn("another exception", found)
        self.assertIn("UsageError: max_size='lots': cannot read 'lots'", found)

    def test_openvino_was_first(self):
        message, hint, loaded, in_environment = self.scenario("too_late")
        self.assertIn("openvino was imported before larder", message)
        self.assertIn("import larder before openvino (in a notebook: restart the kernel)", hint)
        self.assertIn("larder run", hint)
        self.assertEqual((loaded, in_environment), (False, False))

    def test_while_another_thread_loads_libraries(self):
        self.assertEqual(self.scenario("while_another_thread_loads_libraries"), 1)

    def test_settings_that_cannot_be_read(self):
        message, loaded, in_environment = self.scenario("unreadable")
        self.assertTrue(message.startswith("max_size='lots': cannot read 'lots'"), message)
        self.assertEqual((loaded, in_environment), (False, False))
        self.assertFalse(self.one.exists())

    def test_a_program_that_larder_started(self):
        command = [BIN / "larder", "run", "--dir", self.one, "--"]
        found = self.scenario("started_by_run", before=command)
        self.assertEqual(found, [False, True, False, True])

    def test_the_program(self):
        version = self.done(self.run_command(BIN / "larder", "--version")).out
        self.assertRegex(version, r"^larder \d+\.\d+\.\d+\n$")
        self.assertEqual(version, f"larder {harness.larder.__version__}\n")
        text = self.done(self.run_command(sys.executable, "-m", "larder", "--help")).out
        self.assertIn("larder VERB --help", text)
        outcome = self.run_command(sys.executable, "-m", "larder", "nonsense")
        self.assertEqual((outcome.code, outcome.out), (2, ""), outcome)
        os.environ["LARDER_DIR"] = str(self.one)
        outcome = self.run_command(BIN / "larder", "run", "--", "sh", "-c", "kill -9 $$")
        self.assertEqual(outcome.code, -9, outcome)

    def test_an_operator_switches_off_whatever_a_program_sets(self):
        found = self.scenario("operator_is_off")
        self.assertEqual(found, [False, False, "bypassed", "off"])
        self.assertFalse(self.one.exists())

    def test_a_setting_of_the_environment_that_cannot_be_read(self):
        outcome = self.run_client("installing.py", "operator_is_wrong", self.dense, self.root)
        self.assertEqual((outcome.code, outcome.json), (0, False), outcome)
        self.assertEqual(len(outcome.warnings), 1, outcome)
        self.assertIn("LARDER_VERIFY: cannot read 'sometimes'", outcome.warnings[0])

    def test_a_setting_of_the_environment_that_is_misspelt(self):
        os.environ["LARDER_" + "MAXSIZE"] = "1GiB"
        outcome = self.run_client("installing.py", "before", self.dense, self.root)
        self.assertEqual((outcome.code, outcome.json), (0, False), outcome)
        self.assertEqual(len(outcome.error.splitlines()), 1, outcome)
        self.assertIn("did you mean LARDER_MAX_SIZE?", outcome.warnings[0])

    def test_installations_that_end_in_the_order_they_began(self):
        self.assertEqual(self.scenario("ended_in_order"), [False, True, False, False])
        self.assertFalse(self.one.exists())


class AloneTest(harness.PackageTest):
    """The package without the OpenVINO for which it was built."""

    def setUp(self):
        super().setUp()
        self.site = self.root / "alone"
        shutil.copytree(PACKAGE, self.site / "larder")
        libraries = PACKAGE.parent / "larder_openvino.libs"
        shutil.copytree(libraries, self.site / libraries.name)
        os.environ["PYTHONPATH"] = str(self.site)
        os.environ["LARDER_DIR"] = str(self.dir)

    def larder(self, *words):
        return self.run_command(sys.executable, "-m", "larder", *words)

    def check_that_all_but_openvino_works(self, finding):
        self.assertEqual(self.done(self.larder("run", "--", "echo", "ran")).out, "ran\n")
        for verb in ("ls", "stats", "config", "verify"):
            self.done(self.larder(verb, "--json"))
        self.done(self.larder("prune", "--older-than", "30d", "--yes"))
        doctor = self.larder("doctor", "--json")
        [found] = [f for f in doctor.json["findings"] if f["subject"] == "openvino"]
        compiled = self.larder("compile", self.dense)
        self.assertEqual((doctor.code, compiled.code, compiled.out), (1, 1, ""), compiled)
        for text in (found["finding"], compiled.error):
            self.assertIn("larder is built for OpenVINO 20", text)
            self.assertIn(finding, text)
        for text in (found["remedy"], compiled.error):
            self.assertRegex(text, r"python -m pip install openvino==20\d\d\.\d+\.\d+\b")

    def test_no_openvino(self):
        self.check_that_all_but_openvino_works("finds none")

    def test_another_openvino(self):
        # Older than every hook.
        other = self.site / "openvino/libs/libopenvino.so.2230"
        other.parent.mkdir(parents=True)
        [own] = (PACKAGE.parent / "openvino/libs").glob("libopenvino.so.*")
        content = own.read_bytes().replace(own.name.encode() + b"\0", other.name.encode() + b"\0")
        other.write_bytes(content)
        self.check_that_all_but_openvino_works(f"finds OpenVINO 2022.3.0 ('{other}')")

    def test_an_openvino_that_programs_alone_have(self):
        site = self.root / "program"
        site.mkdir()
        for each in PACKAGE.parent.iterdir():
            if not each.name.startswith("larder"):
                (site / each.name).symlink_to(each)
        program = ["env", f"PYTHONPATH={site}", sys.executable, "-c", COMPILE, self.dense]
        served = [self.done(self.larder("run", "--", *program)).out for _ in range(2)]
        self.assertEqual(served, ["False\n", "True\n"])
        doctor = self.larder("doctor", "--json")
        [found] = [f for f in doctor.json["findings"] if f["subject"] == "openvino"]
        self.assertEqual((doctor.code, found["severity"]), (0, "info"), doctor)
        self.assertIn("use their own", found["finding"])
        self.assertRegex(self.done(self.larder("doctor")).out,
                         r"OpenVINO +none here; programs use 20\d\d\.\d+\.\d+\n")


class PlacesTest(harness.PackageTest):
    """With the package in any folder."""

    def copy_to(self, site):
        shutil.copytree(PACKAGE, site / "larder")
        for other in PACKAGE.parent.iterdir():
            if other.name not in (PACKAGE.name, "__pycache__"):
                (site / other.name).symlink_to(other)
        os.environ["PYTHONPATH"] = str(site)

    def run_twice(self, *before):
        command = [sys.executable, "-c", COMPILE, self.dense]
        run = [*before, sys.executable, "-m", "larder", "run", "--dir", self.dir, "--", *command]
        return [self.done(self.run_command(*run)).out for _ in range(2)]

    def test_a_path_with_blanks(self):
        self.copy_to(self.root / "my own place")
        os.environ["XDG_STATE_HOME"] = str(self.root / "state")
        self.assertEqual(self.run_twice(), ["False\n", "True\n"])
        [link] = (self.root / "state/larder/preload").iterdir()
        self.assertTrue(link.is_symlink())
        # Not in a folder in which other users could place a library that every program loads.
        link.parent.chmod(0o777)
        env = self.run_command(sys.executable, "-m", "larder", "run", "--", "env").lines
        [preload] = [line[11:] for line in env if line.startswith("LD_PRELOAD=")]
        self.addCleanup(pathlib.Path(preload).parent.unlink)
        self.assertTrue(preload.startswith("/tmp/larder-"), preload)
        # The workers of a program that calls larder.install are served, too.
        outcome = self.run_client("workers.py", "program", self.dense, self.root / "workers")
        self.assertEqual(self.done(outcome).json, [False, True, False])

    def test_no_proc(self):
        if os.getuid() != 0:
            unable(self, "hiding /proc needs root")
        hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "-"]
        if self.run_command(*hidden, "true").code != 0:
            unable(self, "nothing can be mounted")
        install = "import larder; larder.install()"
        self.done(self.run_command(*hidden, sys.executable, "-c", install))
        out = self.done(self.run_command(*hidden, sys.executable, "-m", "larder", "run", "--",
                                         "sh", "-c", "echo ran $LD_ORIGIN_PATH")).out
        self.assertEqual(out, "ran\n")
        self.assertEqual(self.run_twice(*hidden), ["False\n", "True\n"])


if __name__ == "__main__":
    harness.main()
