"""Goal: help, settings with their origins, and the diagnosis of problems are correct.

Method: the real program with settings from every origin, and with faults that doctor must find.
"""

import os
import pathlib
import pwd
import re

import harness
from harness import ProgramTest
from unable import unable

ROOT = pathlib.Path(__file__).resolve().parents[2]

VERBS = (
    "scan", "compile", "compress", "decompress", "ls", "show", "why", "verify", "rm", "stats",
    "config", "doctor")


class SurroundingsTest(ProgramTest):
    def test_help_has_examples(self):
        run = self.run_bare("--help")
        self.assertEqual((run.code, run.error), (0, ""), run)
        for verb in VERBS:
            self.assertIn(verb, run.out)
            of_verb = self.run_bare(verb, "--help")
            self.assertEqual((of_verb.code, of_verb.error), (0, ""), of_verb)
            self.assertIn(f"  larder {verb}", of_verb.out)
            for flag in ("--dir", "--format", "--json", "--help"):
                self.assertIn(flag, of_verb.out)
            self.assertEqual(self.run_bare("help", verb).out, of_verb.out)
        version = self.run_bare("--version").out
        self.assertRegex(version, r"^larder \d+\.\d+\.\d+$")
        for words in (["-V"], ["version"]):
            self.assertEqual(self.run_bare(*words).out, version)
        for words in (["help"], ["help", "help"], ["help", "version"], ["version", "--help"]):
            self.assertEqual(self.run_bare(*words).out, run.out)
        self.assertIn("3 a model could not be stored", " ".join(run.out.split()))

    def test_verbs_of_other_programs_are_understood(self):
        for word, verb in (("list", "ls"), ("inspect", "show"), ("comple", "compile")):
            self.check_message(self.run_bare(word), 2, (f"'{word}' is not a verb", verb))

    def test_the_directory(self):
        self.assertEqual(self.done("dir").out, f"{self.dir}\n")
        self.assertEqual(self.done("dir", "--json").json,
                         {"schema_version": 1, "directory": str(self.dir)})

    def test_a_user_without_HOME_has_a_home(self):
        home = pwd.getpwuid(os.getuid()).pw_dir
        for environment in {}, {"HOME": ""}:
            run = self.run_bare("dir", environment=environment)
            self.assertEqual((run.code, run.out), (0, f"{home}/.cache/larder\n"), run)

    def test_a_user_without_a_home_is_told(self):
        if os.getuid() != 0:
            unable(self, "only root can be another user")
        nobody = {"user": 54321, "group": 54321, "extra_groups": [], "cwd": "/"}
        try:
            run = self.run_bare("dir", **nobody)
        except PermissionError:
            unable(self, "another user may not run the program")
        self.check_message(run, 1, ["no home directory", "LARDER_DIR"])
        self.assertEqual(run.out, "")
        self.check_message(self.run_bare("ls", **nobody), 1, ["no home directory", "LARDER_DIR"])

    def test_settings_are_got_and_set(self):
        home = {"HOME": str(self.root)}
        file = self.root / ".config/larder/config.toml"
        run = self.run_bare("config", "set", "max_size", "2GiB", environment=home)
        self.assertEqual((run.code, run.out), (0, f"max_size = 2GiB, in {file}\n"), run)
        file.write_text('# mine\n max_size="1GiB" # too little\nmode = "on"\n')
        self.run_bare("config", "set", "max_size", "3GiB", environment=home)
        self.run_bare("config", "set", "LARDER_VERIFY", "always", environment=home)
        self.assertEqual(
            file.read_text(),
            '# mine\nmax_size = "3GiB"\nmode = "on"\nverify = "always"\n')
        self.assertEqual(self.run_bare("config", "get", "max_size", environment=home).out, "3GiB\n")
        told = self.run_bare("config", "set", "max_size", "4GiB",
                             environment={**home, "LARDER_MAX_SIZE": "5GiB"}).out
        self.assertIn("the value in force is 5GiB, from LARDER_MAX_SIZE", told)
        self.assertEqual(list(file.parent.iterdir()), [file])
        before = file.read_text()
        self.refused(2, "config", "set", "max_size", "lots", says="cannot read 'lots'")
        self.refused(2, "config", "set", "maxsize", "1GB", says=("'maxsize'", "max_size"))
        self.refused(2, "config", "get", "max_size", "1GB", says="takes one name")
        self.refused(2, "config", "max_size", says="larder config get max_size")
        self.refused(2, "config", "set", "max_size", says="the value is missing")
        self.assertEqual(file.read_text(), before)

    def test_flags_may_come_before_the_verb(self):
        home = {"HOME": str(self.root)}
        run = self.run_bare("--dir", self.dir, "--json", "ls", environment=home)
        self.assertEqual((run.code, run.json["entries"]), (0, []), run)
        run = self.run_bare("--dir", self.dir, "config", "--json", environment=home)
        self.assertIn(str(self.dir), [s["value"] for s in run.json["settings"]])

    def test_variables_that_are_nearly_settings(self):
        for wrong, right in (("MAXSIZE", "MAX_SIZE"), ("MODES", "MODE"), ("DIRECTORY", "DIR"),
                             ("LOG_LEVEL", "LOG"), ("CACHE_DIR", "DIR"), ("SIZE", "MAX_SIZE"),
                             ("TIMEOUT", "LOCK_TIMEOUT"), ("RELEASE_MEMORIES", "RELEASE_MEMORY")):
            with self.subTest(wrong):
                environment = {"LARDER_" + wrong: "1"}
                said = f"LARDER_{wrong} is not a setting of larder: did you mean LARDER_{right}?"
                run = self.larder("config", environment=environment)
                self.assertEqual((run.code, run.warnings), (0, [f"larder: warning: {said}"]), run)
                doctor = self.larder("doctor", "--json", environment=environment)
                self.assertEqual(doctor.warnings, [])
                self.assertIn(("warning", "settings", said), [
                    (finding["severity"], finding["subject"], finding["finding"])
                    for finding in doctor.json["findings"]])

    def test_variables_of_others(self):
        """A scheduler sets such variables for a service named larder; so do larder's own tools."""
        names = {"LARDER_" + name for name in (
            "PORT", "SERVICE_HOST", "SERVICE_PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR", "VERSION",
            "HOME", "USER", "IMAGE")}
        for folder in ("tests", "bench", "scripts", "examples", "models", "tools", "fuzz"):
            for path in (ROOT / folder).rglob("*"):
                if path.suffix in (".py", ".txt", ".cpp", ".cmake", "") and path.is_file():
                    text = path.read_text(errors="replace")
                    names |= set(re.findall(r"\bLARDER_[A-Z][A-Z_0-9]*[A-Z0-9]\b", text))
        names -= {setting["variable"] for setting in self.settings().values()}
        self.assertIn("LARDER_NO_SKIPS", names)
        environment = dict.fromkeys(names, "1")
        self.done("config", environment=environment)
        [finding] = [finding for finding in self.done("doctor", "--json", environment=environment)
                     .json["findings"] if finding["subject"] == "settings"]
        self.assertEqual(finding["severity"], "info")
        self.assertIn("LARDER_SERVICE_HOST", finding["finding"])

    def test_an_empty_larder(self):
        listing = self.done("ls", "--json").json
        self.assertEqual((listing["entries"], listing["total_bytes"]), ([], 0))
        self.assertEqual(self.done("ls").out, f"there is no larder in {self.dir} yet\n")
        self.assertEqual(self.done("verify", "--json").json["entries"], 0)
        self.assertEqual(self.done("stats", "--json").json["compiled"], 0)
        said = self.done("why", self.models / "dense.xml", "--json").json
        self.assertEqual((said["would_hit"], said["reason"]),
                         (False, "no entry was compiled from this content"))
        self.done("doctor")
        self.assertFalse(self.dir.exists())

    def settings(self, *words, **options):
        listed = self.done("config", "--json", *words, **options).json
        self.assertEqual(listed["schema_version"], 1)
        for setting in listed["settings"]:
            fields = {"name", "variable", "value", "origin", "meaning"}
            self.assertEqual(set(setting), fields)
        return {setting["name"]: setting for setting in listed["settings"]}

    def test_the_origin_of_each_setting(self):
        settings = self.settings()
        self.assertEqual(settings["directory"]["value"], str(self.dir))
        self.assertEqual(settings["directory"]["origin"], "command line")
        self.assertEqual(settings["mode"]["value"], "on")
        self.assertEqual(settings["mode"]["origin"], "default")

        self.dir.mkdir()
        (self.dir / "larder.toml").write_text('mode = "refresh"\nlock_timeout = "3m"\n')
        for_all = self.root / ".config/larder"
        for_all.mkdir(parents=True)
        (for_all / "config.toml").write_text('lock_timeout = "4m"\nverify = "always"\n')
        settings = self.settings()
        self.assertEqual(settings["mode"]["origin"], str(self.dir / "larder.toml"))
        self.assertEqual(settings["lock_timeout"]["value"], "3m")
        self.assertEqual(settings["verify"]["origin"], str(for_all / "config.toml"))

        environment = {"LARDER_MODE": "read-only"}
        mode = self.settings(environment=environment)["mode"]
        self.assertEqual((mode["value"], mode["origin"]), ("read-only", "environment"))
        mode = self.settings("--mode", "off", environment=environment)["mode"]
        self.assertEqual((mode["value"], mode["origin"]), ("off", "command line"))
        log = self.settings("-v")["log_level"]
        self.assertEqual((log["value"], log["origin"]), ("info", "command line"))

        self.assertEqual(settings["release_memory"]["value"], "auto")
        environment = {"LARDER_RELEASE_MEMORY": "off"}
        release = self.settings(environment=environment)["release_memory"]
        self.assertEqual((release["value"], release["origin"]), ("off", "environment"))
        self.refused(
            2, "config", environment={"LARDER_RELEASE_MEMORY": "yes"}, says="LARDER_RELEASE_MEMORY"
        )

        table = self.done("config").out
        self.assertIn("LARDER_LOCK_TIMEOUT", table)
        self.assertIn("mode", self.done("config", "-q").out.split())

    def test_a_larder_that_everybody_can_write_to_is_refused(self):
        model = self.models / "dense.xml"
        self.compile(model)
        self.dir.chmod(0o777)
        says = ("every user can write", "LARDER_ALLOW_WORLD_WRITABLE")
        self.refused(1, "ls", says=says)
        run = self.larder("compile", model, "--json")
        self.assertEqual((run.code, run.json["outcome"]), (3, "bypassed"), run)
        self.assertIn("every user can write", run.error)
        self.assertIn("every user can write", self.larder("doctor", "--json").out)
        allowed = {"LARDER_ALLOW_WORLD_WRITABLE": "on"}
        self.assertEqual(self.compile(model, environment=allowed)["outcome"], "loaded")
        # A user who can write to the larder must not be able to set that.
        (self.dir / "larder.toml").write_text('allow_world_writable = "on"\n')
        self.refused(2, "ls", says="larder.toml")

    def test_the_larder_of_the_environment(self):
        other = self.root / "other"
        run = self.run_bare(
            "config", "--json", environment={"HOME": str(self.root), "LARDER_DIR": str(other)}
        )
        [directory] = [s for s in run.json["settings"] if s["name"] == "directory"]
        self.assertEqual((directory["value"], directory["origin"]), (str(other), "environment"))

    def test_doctor(self):
        self.done("compile", self.models / "dense.xml")
        report = self.done("doctor", "--json").json
        self.assertEqual(report["schema_version"], 1)
        self.assertEqual(report["directory"], str(self.dir))
        self.assertIn("2", report["openvino"])
        [cpu] = [device for device in report["devices"] if device["name"] == "CPU"]
        self.assertIs(cpu["export_import"], True)
        self.assertNotEqual(cpu["full_name"], "")
        self.assertIn(report["transparent_huge_pages"], ("always", "madvise", "never", None))
        for finding in report["findings"]:
            self.assertEqual(set(finding), {"severity", "subject", "finding", "remedy"})
            self.assertIn(finding["severity"], ("info", "warning", "error"))
        self.assertIn("OpenVINO", self.done("doctor").out)
        self.assertEqual(self.done("doctor", "-q").out, "")

    def test_doctor_says_in_words_what_is_so(self):
        said = self.done("doctor").out
        release = r"20\d\d\.\d\.\d"
        self.assertRegex(said, rf"larder run +ready for OpenVINO {release}"
                               rf"((, {release})*| to {release} \(\d+ releases\))\n")
        self.assertRegex(said, r"huge pages +(used where they are quicker|all memory has them|"
                               r"switched off|unknown)\n")
        self.assertNotIn(" ms in ", said)
        self.assertIn("liblarder_preload.so", self.done("doctor", "-v").out)

    def test_doctor_sees_entries_without_their_blobs(self):
        self.done("compile", self.models / "dense.xml")
        for path in self.dir.glob("objects/*/*"):
            path.unlink()
        [finding] = [f for f in self.done("doctor", "--json").json["findings"]
                     if f["subject"] == "entries"]
        self.assertIn("1 entry has lost its blob", finding["finding"])
        self.assertIn("larder repair", finding["remedy"])
        # Only problems, nothing else.
        self.assertRegex(self.done("doctor", "-q").out, r"^warning: entries: .+\n$")
        self.done("repair")
        self.assertEqual(self.done("doctor", "-q").out, "")

    def test_a_verb_by_its_earlier_name(self):
        said = self.larder("adopt", self.models)
        self.assertEqual(said.code, 0, said)
        self.assertIn("'adopt' is called 'scan' now", said.error)

    def test_doctor_sees_a_setting_that_cannot_be_read(self):
        run = self.larder("doctor", "--json", environment={"LARDER_LOCK_TIMEOUT": "soon"})
        self.assertEqual(run.code, 1, run)
        [finding] = [f for f in run.json["findings"] if f["subject"] == "settings"]
        self.assertEqual(finding["severity"], "error")
        self.assertIn("LARDER_LOCK_TIMEOUT", finding["finding"])

    def test_doctor_says_nothing_of_what_it_cannot_know(self):
        said = self.run_bare("doctor", environment={"HOME": str(self.root),
                                                    "LARDER_LOCK_TIMEOUT": "soon"})
        self.assertEqual(said.code, 1, said)
        self.assertRegex(said.out, r"^larder +\d+\.\d+\.\d+\n")
        self.assertNotRegex(said.out, r"(?m)^kept ")

    def test_doctor_sees_a_place_where_no_directory_can_be_made(self):
        # /proc does not say in advance that it takes none.
        said = self.run_bare("doctor", "--json", environment={"HOME": "/proc"})
        self.assertEqual(said.code, 1, said)
        [finding] = [f for f in said.json["findings"] if f["subject"] == "directory"]
        self.assertEqual(finding["severity"], "error")
        self.assertIn("'/proc/.cache/larder' cannot be made: ", finding["finding"])
        self.assertEqual(finding["remedy"], "set LARDER_DIR to a directory on another disk")

    def test_doctor_leaves_nothing_behind(self):
        empty = self.root / "empty"
        empty.mkdir()
        self.run_bare("doctor", environment={"HOME": str(empty)})
        self.assertEqual([path.name for path in empty.iterdir()
                          if path.name not in (".local", ".config")], [])

    def test_the_state_database_is_named_if_it_cannot_be_used(self):
        state = self.root / ".local/state/larder"
        self.done("compile", self.models / "dense.xml")
        [database] = state.glob("*.db")
        database.write_bytes(b"nonsense" * 1000)
        said = self.larder("compile", self.models / "dense.xml")
        self.assertEqual(said.code, 0, said)
        damaged = f"{database}.damaged"
        self.assertEqual(said.error, "larder: warning: the state database was damaged: statistics "
                                     f"start again; it is now '{damaged}'\n")
        self.assertTrue(os.path.exists(damaged))
        self.done("compile", self.models / "dense.xml")
        for path in state.glob("state*"):
            path.unlink()
        database.mkdir()
        said = self.larder("compile", self.models / "dense.xml")
        self.assertEqual((said.code, said.error.count("larder: warning: ")), (0, 1), said)
        said = self.larder("ls")
        self.assertEqual(said.code, 0, said)
        self.assertIn("model files are read again, and nothing is counted: ", said.error)
        self.assertIn(f"'{database}'", said.error)

    def test_a_larder_without_its_larder_json_is_still_one(self):
        self.compile(self.models / "dense.xml")
        info = self.dir / "larder.json"
        info.unlink()
        said = self.larder("ls", "--mode", "read-only")
        self.assertEqual((said.code, said.error), (0, ""), said)
        self.assertIn("1 entry", said.out)
        self.assertFalse(info.exists())
        said = self.larder("ls")
        self.assertIn("1 entry", said.out)
        self.assertIn(f"'{info}' was missing and is written again: entries are kept", said.error)
        self.assertTrue(info.exists())
        self.assertEqual(len(self.entries()), 1)
        self.assertEqual(self.compile(self.models / "dense.xml")["outcome"], "loaded")

    def test_a_directory_that_was_never_a_larder_is_none(self):
        # As a program leaves it that could not finish creating one.
        (self.dir / "entries").mkdir(parents=True)
        for _ in range(2):
            self.assertEqual(self.done("ls").out, f"there is no larder in {self.dir} yet\n")
        self.assertEqual(self.done("stats", "--zero").out,
                         f"there is no larder in {self.dir} yet\n")

    def test_a_setting_that_cannot_be_read_is_mended_by_config_set(self):
        file = self.root / ".config/larder/config.toml"
        file.parent.mkdir(parents=True)
        file.write_text("mode = 'never'\n")
        self.refused(2, "ls", says=[str(file), "'never'"])
        self.refused(2, "config", "set", "mode", "ever", says=["'ever'", "read-only"])
        self.refused(2, "config", "set", "mood", "on", says="'mood'")
        said = self.done("config", "set", "mode", "read-only").out
        self.assertEqual(said, f"mode = read-only, in {file}\n")
        self.assertEqual(self.done("config", "get", "mode").out, "read-only\n")
        # Another fault in the file is told; what was asked for is done.
        file.write_text("verify = 'rarely'\n")
        said = self.larder("config", "set", "mode", "on")
        self.assertEqual((said.code, said.out), (2, f"mode = on, in {file}\n"))
        self.assertIn("'rarely'", said.error)
        self.assertIn('mode = "on"', file.read_text())

    def test_config_says_what_settings_mean(self):
        said = self.done("config", "-v").out
        self.assertIn("max_size = 10%\n  from: default\n  variable: LARDER_MAX_SIZE\n"
                      "  the maximum size of the larder", said)
        self.assertIn("  variable: LARDER_MODE\n", self.done("config", "get", "mode", "-v").out)

    def test_usage_lines_name_all_arguments(self):
        for verb, usage in (("run", "larder run [OPTIONS] COMMAND [ARG]..."),
                            ("compile", "larder compile [OPTIONS] MODEL..."),
                            ("key", "larder key [OPTIONS] generate|show FILE")):
            said = self.done(verb, "--help").out
            self.assertIn(f"Usage: {usage}\n", said)
            self.assertNotIn("TEXT", said)
        said = self.done("compile", "--help").out
        self.assertRegex(said, r"--device NAME +The device to compile for \(default: CPU\)\n")

    def test_doctor_sees_a_directory_that_is_no_larder(self):
        self.dir.mkdir()
        (self.dir / "letter.txt").write_text("dear reader")
        run = self.larder("doctor", "--json")
        self.assertEqual(run.code, 1, run)
        self.assertIn("error", [finding["severity"] for finding in run.json["findings"]])


if __name__ == "__main__":
    harness.main()
