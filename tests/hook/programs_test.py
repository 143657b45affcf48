"""Goal: programs in C and C++ that are not linked to larder are served; programs that larder cannot
serve run as without it.
"""

import os
import pathlib
import re
import shutil
import stat
import subprocess

import harness
from unable import unable

# The program's own messages, for every cache setting.
UNTOUCHED = {"context"}


def rows(outcome):
    """By name: the outcome of the call, and its outputs or its error."""
    found = {}
    for line in re.split(r"\n(?=\w+ (?:loaded|compiled|failed) )", outcome.out.strip()):
        name, ended, text = line.split(" ", 2)
        found[name] = (ended, text)
    return found


class ProgramTest(harness.HookTest):
    def program(self, name):
        return str(harness.BUILT / name)

    def compare(self, command, calls):
        plain = rows(self.unserved(*command))
        cold = rows(self.served(*command))
        warm = rows(self.served(*command))
        self.assertEqual(len(plain), calls)
        for name, (ended, text) in plain.items():
            with self.subTest(name):
                self.assertEqual(cold[name][1], text)
                self.assertEqual(warm[name][1], text)
                if ended == "failed":
                    self.assertEqual((cold[name][0], warm[name][0]), ("failed", "failed"))
                elif name not in UNTOUCHED:
                    self.assertEqual(warm[name][0], "loaded")
        return plain, cold, warm

    def test_cpp_through_every_overload(self):
        _, cold, _ = self.compare([self.program("overloads"), self.dense], 13)
        # By path and by model are different keys; what the device is called is in them, too.
        compiled = {name for name, row in cold.items() if row[0] == "compiled"}
        # On a device, a request by path finds the entry of the graph.
        self.assertEqual(compiled, {"model_device", "model", "path"})

    def test_c(self):
        plain, _, _ = self.compare([self.program("c_client"), self.dense], 3)
        self.assertEqual(plain["missing"][0], "failed")

    def test_what_a_shell_starts_is_served(self):
        program = self.program("c_client")
        script = f'"{program}" "$1" >/dev/null && "{program}" "$1"'
        found = rows(self.served("sh", "-c", script, "-", self.dense))
        self.assertEqual(found["file"][0], "loaded")

    def test_a_program_linked_to_larder_is_served_once(self):
        compiled = self.served(harness.PROGRAM, "compile", self.dense, "--json").json
        self.assertEqual(compiled["outcome"], "compiled")
        self.assertEqual(len(self.larder("ls")["entries"]), 1)

    def test_two_openvinos_in_a_process(self):
        command = [self.program("two_openvinos"), self.dense,
                   self.program("libfake_plugin.so"), self.program("libreal_plugin.so")]
        fake, real = self.unserved(*command).lines[:2]
        self.assertEqual(real, "compiled")
        for order in (command, [*command[:2], command[3], command[2]]):
            cold, warm = self.run_larder(command=order), self.run_larder(command=order)
            for run in (cold, warm):
                self.warned(run, "libopenvino.so.9999")
                self.assertEqual(run.lines.count(fake), 2)
                self.assertEqual(run.lines[-1], "the preload does not")
            self.assertEqual(warm.lines.count("loaded"), 2)
        known = self.served(*command[:2], command[3])
        self.assertEqual(known.lines, ["loaded", "loaded", "the preload serves"])

    def test_a_setting_that_is_misspelt(self):
        environment = {"LARDER_" + name: "1" for name in ("MAXSIZE", "MODES", "PORT")}
        outcome = self.warned(self.run_larder(command=[self.program("c_client"), self.dense],
                                              environment=environment),
                              "did you mean LARDER_MAX_SIZE?", "did you mean LARDER_MODE?")
        self.assertNotIn("LARDER_PORT", outcome.error)
        self.assertNotEqual(self.larder("ls")["entries"], [])

    def test_what_a_program_used_is_no_crash(self):
        self.served(self.program("c_client"), self.dense)
        self.served(self.program("c_client"), self.dense)
        left = [path.name for path in (self.dir / "trials").rglob("*") if path.is_file()]
        self.assertEqual(set(left), {"proven"})


class StandsAsideTest(harness.HookTest):
    """With every kind of fault, the program gets its model, and one warning says why."""

    def setUp(self):
        super().setUp()
        self.command = [str(harness.BUILT / "c_client"), self.dense]
        self.plain = self.unserved(*self.command).out

    def kept(self):
        return sorted(path.name for path in self.root.rglob("larder.json"))

    def test_an_unknown_version(self):
        command = [harness.BUILT / "two_openvinos", "m", harness.BUILT / "libfake_plugin.so"]
        plain = self.unserved(*command)
        outcome = self.warned(self.preloaded(*command), "libopenvino.so.9999", "without larder",
                              "larder is built for OpenVINO 20")
        self.assertEqual(outcome.lines[:-1], plain.lines[:-1])
        for silent in ({"LARDER_MODE": "off"}, {"LARDER_LOG": "error"}):
            outcome = self.done(self.preloaded(*command, environment=silent))
            self.assertEqual(outcome.lines[:-1], plain.lines[:-1])

    def test_a_preload_without_its_hook(self):
        alone = self.folder("alone") / "liblarder_preload.so"
        shutil.copy(harness.PRELOAD, alone)
        outcome = self.warned(self.preloaded(*self.command, preload=alone), "liblarder_hook.so")
        self.assertEqual(outcome.out, self.plain)

    def test_a_hook_of_another_version(self):
        folder = self.folder("other")
        shutil.copy(harness.PRELOAD, folder)
        shutil.copy(harness.BUILT / "libreal_plugin.so", folder / "liblarder_hook.so")
        preload = folder / "liblarder_preload.so"
        outcome = self.warned(self.preloaded(*self.command, preload=preload), "another version")
        self.assertEqual(outcome.out, self.plain)

    def test_settings_that_cannot_be_read(self):
        outcome = self.preloaded(*self.command, environment={"LARDER_LOCK_TIMEOUT": "soon"})
        self.warned(outcome, "LARDER_LOCK_TIMEOUT: cannot read 'soon'")
        self.assertEqual(outcome.out, self.plain)

    def test_switched_off(self):
        outcome = self.done(self.run_larder("--mode", "off", command=self.command))
        self.assertEqual(outcome.out, self.plain)
        config = self.folder(".config") / "larder"
        config.mkdir()
        (config / "config.toml").write_text('mode = "off"\n')
        self.assertEqual(self.served(*self.command).out, self.plain)
        self.assertEqual(self.kept(), [])

    def test_a_larder_that_is_only_read(self):
        reading = self.done(self.run_larder("--mode", "read-only", command=self.command))
        self.assertEqual(reading.out, self.plain)
        self.assertEqual(self.kept(), [])
        self.served(*self.command)
        reading = self.done(self.run_larder("--mode", "read-only", command=self.command))
        self.assertEqual(rows(reading)["file"][0], "loaded")

    def test_a_larder_that_cannot_be_used(self):
        self.dir.write_text("not a directory\n")
        outcome = self.warned(self.run_larder(command=self.command), "larder")
        self.assertEqual(outcome.out, self.plain)


class StartsAnywayTest(harness.HookTest):
    """`larder run` starts the program with every fault of larder, and reports it once."""

    def setUp(self):
        super().setUp()
        self.command = [str(harness.BUILT / "c_client"), self.dense]
        self.plain = self.unserved(*self.command).out

    def started(self, outcome, *texts):
        self.assertEqual(self.warned(outcome, "without larder", *texts).out, self.plain)

    def test_a_variable_that_cannot_be_read(self):
        wrong = {"LARDER_VERIFY": "sometimes"}
        self.started(self.run_larder(command=self.command, environment=wrong),
                     "LARDER_VERIFY: cannot read 'sometimes'", "it must be one of")

    def test_files_that_cannot_be_read(self):
        self.folder("larder")
        config = self.folder(".config") / "larder"
        config.mkdir()
        for file in (self.dir / "larder.toml", config / "config.toml"):
            for text in ('mode = "of"\n', "mode = off\n", 'modes = "off"\n'):
                file.write_text(text)
                self.started(self.run_larder(command=self.command), str(file))
            file.unlink()

    def test_what_a_program_starts_does_not_say_it_again(self):
        wrong = {"LARDER_VERIFY": "sometimes"}
        twice = ["sh", "-c", '"$@" && "$@"', "-", *self.command]
        outcome = self.warned(self.run_larder(command=twice, environment=wrong), "LARDER_VERIFY")
        self.assertEqual(outcome.out, 2 * self.plain)

    def test_a_run_within_another(self):
        within = [harness.PROGRAM, "run", "--", *self.command]
        outcome = self.run_larder(command=["env", "LARDER_VERIFY=sometimes", *within])
        self.started(outcome, "LARDER_VERIFY")

    def test_who_wants_no_warnings_gets_none(self):
        wrong = {"LARDER_VERIFY": "sometimes", "LARDER_LOG": "error"}
        outcome = self.done(self.run_larder(command=self.command, environment=wrong))
        self.assertEqual(outcome.out, self.plain)

    def test_a_directory_that_is_no_larder(self):
        (self.folder("larder") / "letter.txt").write_text("dear reader")
        self.started(self.run_larder(command=self.command), "not empty and not a larder")


class UnreadableTest(harness.HookTest):
    """An unreadable larder, home or settings file causes a warning."""

    def setUp(self):
        super().setUp()
        self.who = {}
        if os.getuid() == 0:
            if not os.stat("/").st_mode & stat.S_IXOTH:
                unable(self, "another user would not pass the root directory")
            self.who = {"user": 65534, "group": 65534, "extra_groups": []}
        for folder in (self.root, self.models):
            folder.chmod(0o755)
        self.home = self.folder("home")
        self.environment = {"HOME": str(self.home)}
        if self.who:
            os.chown(self.home, self.who["user"], self.who["group"])

    def close(self, path):
        """Unreadable for the user of the tests below: root's file, or a file whose owner removed
        the permission."""
        mode = path.stat().st_mode
        if self.who:
            os.chown(path, 0, 0)
        path.chmod(0o700 if self.who else 0)
        self.addCleanup(path.chmod, mode)

    def run_as_other(self, verb, *words, **options):
        return self.run_bare(harness.PROGRAM, verb, "--dir", self.dir, *words,
                             environment=self.environment, **self.who, **options)

    def test_a_larder(self):
        self.larder("ls")
        self.served(str(harness.BUILT / "c_client"), self.dense)
        self.close(self.dir)
        says = f"this user may not read the larder '{self.dir}' (owner "
        outcome = self.warned(self.run_as_other("run", "--", "echo", "started"), says, ", mode ")
        self.assertEqual(outcome.out, "started\n")
        outcome = self.warned(self.run_as_other("compile", self.dense, "--json",
                                                "--best-effort"), says)
        self.assertEqual(outcome.json["outcome"], "bypassed")
        for verb in ("ls", "stats", "doctor"):
            outcome = self.run_as_other(verb)
            self.assertEqual(outcome.code, 1, outcome)
            self.assertIn(says, outcome.out + outcome.error)

    def test_a_home(self):
        self.close(self.home)
        self.dir.mkdir(mode=0o755)
        if self.who:
            os.chown(self.dir, self.who["user"], self.who["group"])
        outcome = self.run_as_other("run", "--", "echo", "started")
        self.assertEqual((outcome.code, outcome.out), (0, "started\n"), outcome)
        outcome = self.run_as_other("compile", self.dense, "--json")
        self.assertEqual((outcome.code, outcome.json["outcome"]), (0, "compiled"), outcome)
        named = [line for line in outcome.warnings if f"'{self.home}' is closed" in line]
        self.assertEqual(len(named), 1, outcome)
        command = [str(harness.BUILT / "c_client"), self.dense]
        outcome = self.run_as_other("run", "--", *command)
        self.warned(outcome, f"'{self.home}' is closed")
        self.assertIn("file loaded", outcome.out)

    def test_a_larder_that_cannot_be_made(self):
        self.root.chmod(0o555)
        self.addCleanup(self.root.chmod, 0o755)
        outcome = self.run_as_other("doctor", "--json")
        self.assertEqual(outcome.code, 1, outcome)
        [found] = [f for f in outcome.json["findings"] if f["subject"] == "directory"]
        self.assertIn(f"'{self.dir}' cannot be made", found["finding"])

    def test_the_rules_of_a_larder(self):
        """A user who may not read the settings stores nothing, and loads existing entries."""
        self.served(str(harness.BUILT / "c_client"), self.dense)
        rules = self.dir / "larder.toml"
        rules.write_text('max_size = "1GiB"\n')
        if self.who:
            for path in [self.dir, *self.dir.rglob("*")]:
                os.chown(path, self.who["user"], self.who["group"])
        self.close(rules)
        outcome = self.run_as_other("compile", self.dense, self.models / "other.xml", "--json",
                                    "--best-effort")
        self.assertEqual([line["outcome"] for line in outcome.json_lines], ["loaded", "bypassed"])
        self.warned(outcome, f"may not read the configuration file '{rules}'")


class PreloadTest(harness.HookTest):
    """The cost for every program, and the required properties of the file itself."""

    def test_a_program_without_openvino_loads_nothing_but_the_preload(self):
        maps = self.served("cat", "/proc/self/maps").out
        self.assertIn("liblarder_preload.so", maps)
        for absent in ("liblarder_hook", "liblarder.so", "openvino", "libstdc++"):
            self.assertNotIn(absent, maps)

    def test_it_needs_no_library_and_no_version_of_one(self):
        said = subprocess.run(["readelf", "-dVW", harness.PRELOAD], capture_output=True, text=True,
                              check=True).stdout
        self.assertIn("NODELETE", said)
        self.assertNotIn("(NEEDED)", said)
        self.assertNotIn("GLIBC", said)

    def test_it_leaves_the_stack_not_executable(self):
        said = subprocess.run(["readelf", "-lW", harness.PRELOAD], capture_output=True, text=True,
                              check=True).stdout
        self.assertRegex(said, r"GNU_STACK\s.* RW ")

    def test_it_knows_every_overload(self):
        def overloads(path):
            names = subprocess.run(["nm", "-D", "--defined-only", path], capture_output=True,
                                   text=True, check=True).stdout
            found = re.findall(r"_ZNK?2ov4Core\d+(?:compile|read)_model\w+", names)
            # A model that is read from memory has no file.
            return {name for name in found if not ("read_model" in name and "Tensor" in name)}

        stood_in_for = overloads(harness.PRELOAD)
        older = {name for name in stood_in_for if "__cxx11" not in name}
        self.assertEqual(stood_in_for - older, overloads(harness.OPENVINO))
        # All but those that take a std::filesystem::path, which the older releases lack.
        self.assertEqual(len(older), len(stood_in_for - older) - 3)


class RunTest(harness.HookTest):
    """`larder run` itself."""

    def variables(self, *words, environment=None):
        out = self.done(self.run_larder(*words, command=["env"], environment=environment)).out
        return dict(line.split("=", 1) for line in out.splitlines())

    def refused(self, code, *words, says, **options):
        outcome = self.run_bare(harness.PROGRAM, "run", *words, **options)
        self.assertEqual((outcome.code, outcome.out), (code, ""), outcome)
        self.assertIn(says, outcome.error)
        self.assertGreaterEqual(len(outcome.error.splitlines()), 2, outcome)

    def test_the_program_takes_its_place(self):
        shell = ["sh", "-c", 'read x; echo "$x:$0:$1:$$"; exit 7', "a b", "--json"]
        with subprocess.Popen([harness.PROGRAM, "run", "--", *shell], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]}) as process:
            out = process.communicate(b"in\n")[0].decode()
        self.assertEqual(out, f"in:a b:--json:{process.pid}\n")
        self.assertEqual(process.returncode, 7)
        self.assertEqual(self.run_larder(command=["sh", "-c", "kill -TERM $$"]).code, -15)

    def test_signals_are_as_whoever_started_it_left_them(self):
        for ignored in ("", "trap '' PIPE; "):
            script = ignored + 'exec "$@"'
            mask = ["grep", "SigIgn", "/proc/self/status"]
            plain = self.unserved("sh", "-c", script, "-", *mask).out
            served = self.unserved("sh", "-c", script, "-", harness.PROGRAM, "run", "--", *mask).out
            self.assertEqual(served, plain)

    def test_settings_are_passed_on(self):
        self.folder("elsewhere")
        set_before = {"LARDER_VERIFY": "always", "LARDER_STATE_DIR": "state", "LD_PRELOAD": ""}
        found = self.variables("--mode", "read-only", "-v", environment=set_before)
        self.assertEqual(found["LARDER_DIR"], str(self.dir))
        self.assertEqual(found["LARDER_STATE_DIR"], str(self.root / "state"))
        self.assertEqual(found["LARDER_MODE"], "read-only")
        self.assertEqual(found["LARDER_VERIFY"], "always")
        self.assertEqual(found["LARDER_LOG"], "info")
        self.assertEqual(found["LD_PRELOAD"], harness.PRELOAD)
        self.assertNotIn("LARDER_LOCK_TIMEOUT", found)

    def test_other_preloads_stay(self):
        other = self.root / "other.so"
        shutil.copy(harness.PRELOAD, other)
        found = self.variables(environment={"LD_PRELOAD": str(other)})
        self.assertEqual(found["LD_PRELOAD"], f"{harness.PRELOAD}:{other}")
        again = self.run_larder(command=[harness.PROGRAM, "run", "--", "env"])
        self.assertIn(f"LD_PRELOAD={harness.PRELOAD}\n", self.done(again).out)

    def test_huge_pages_for_all_memory_are_asked_for_on_request(self):
        with open("/sys/kernel/mm/transparent_hugepage/enabled") as file:
            asked = "[madvise]" in file.read()
        ours = "glibc.malloc.hugetlb=1"
        theirs = "glibc.malloc.hugetlb=2:glibc.malloc.check=0"
        other = "glibc.malloc.check=0"
        name = "GLIBC_TUNABLES"
        flag = "--huge-pages"
        self.assertIsNone(self.variables().get(name))
        self.assertEqual(self.variables(flag).get(name), ours if asked else None)
        self.assertEqual(self.variables(flag, environment={name: theirs})[name], theirs)
        self.assertEqual(self.variables(flag, environment={name: other})[name],
                         f"{other}:{ours}" if asked else other)

    def test_what_cannot_be_run(self):
        plain = self.root / "file"
        plain.write_text("text\n")
        self.refused(127, "--", "no-such-program", says="cannot run 'no-such-program'")
        self.refused(127, "--", self.root / "none", says="No such file")
        self.refused(126, "--", plain, says="Permission denied")
        self.refused(126, "--", self.root, says="Permission denied")
        self.refused(2, says="the command to run is missing")
        self.refused(2, "--", says="the command to run is missing")
        self.refused(2, "--nonsense", "true", says="--nonsense")
        self.refused(2, "--mode", "sometimes", "--", "true", says="'mode' on the command line")

    def test_a_command_begins_with_the_first_word_that_is_no_flag(self):
        for words in (["echo", "-v", "--dir"], ["--mode", "off", "echo", "-v", "--dir"],
                      ["-v", f"--dir={self.dir}", "--", "echo", "-v", "--dir"]):
            outcome = self.run_bare(harness.PROGRAM, "run", *words)
            self.assertEqual((outcome.code, outcome.out), (0, "-v --dir\n"), outcome)

    def test_a_script_without_an_interpreter_line_runs(self):
        script = self.root / "script"
        script.write_text("echo ran\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.assertEqual(self.served(script).out, "ran\n")

    def test_doctor_says_where_the_preload_is(self):
        found = self.run_bare(harness.PROGRAM, "doctor", "--dir", self.dir, "--json").json
        self.assertTrue(pathlib.Path(found["preload"]).samefile(harness.PRELOAD))


if __name__ == "__main__":
    harness.main()
