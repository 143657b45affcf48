"""Goal: bad input gives a message that says what is wrong and what to do, and exit code 1 or 2.

Method: every kind of bad input once. No message may contain a position in the sources.
"""

import struct

import harness
from harness import ProgramTest


class BadModelTest(ProgramTest):
    def refused_model(self, code, *words, says):
        for verb in ("compile", "why"):
            self.refused(code, verb, *words, says=says)

    def test_a_missing_model(self):
        self.refused_model(1, self.root / "none.xml", says="none.xml")
        self.refused_model(1, self.root / "none.gguf", says="none.gguf")

    def test_an_xml_without_its_bin(self):
        lonely = self.root / "lonely.xml"
        lonely.write_bytes((self.models / "dense.xml").read_bytes())
        self.refused_model(1, lonely, says="lonely.bin")

    def test_an_xml_that_is_none(self):
        (self.root / "broken.xml").write_text("<net")
        (self.root / "broken.bin").write_bytes(b"")
        self.refused(1, "compile", self.root / "broken.xml", says="broken.xml")

    def test_a_truncated_gguf(self):
        # One tensor and one key are announced; the file ends in the middle of the key.
        whole = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 20) + b"general.archi"
        for size in (len(whole), 12, 5):
            (self.root / "short.gguf").write_bytes(whole[:size])
            self.refused_model(1, self.root / "short.gguf", says="short.gguf")

    def test_a_directory_without_a_model(self):
        (self.root / "empty").mkdir()
        self.refused(1, "compile", self.root / "empty", says="empty")

    def test_weights_and_folders_lead_to_the_model(self):
        self.refused(1, "compile", self.models / "dense.bin",
                     says=["holds weights", f"the model is {self.models / 'dense.xml'}"])
        for verb in ("compile", "why"):
            self.refused(1, verb, self.models,
                         says=["is a folder without a SavedModel", f"{self.models / 'dense.xml'}"])

    def test_a_bad_property_does_not_blame_what_is_kept(self):
        model = self.models / "dense.xml"
        self.done("compile", model)
        for verb in "compile", "why":
            said = self.refused(2, verb, model, "--property", "NUM_STREAMS=abc", says="abc")
            self.assertNotIn("not accepted", said.error)

    def test_a_file_that_is_no_model(self):
        (self.root / "notes.txt").write_text("hello")
        self.refused(1, "compile", self.root / "notes.txt", says="notes.txt")

    def test_an_unknown_device(self):
        model = self.models / "dense.xml"
        for device in ("FOO", "FOO.1", "AUTO:FOO", "HETERO:FOO", ""):
            self.refused_model(2, model, "--device", device, says=["device", "CPU"])

    def test_an_unknown_property(self):
        model = self.models / "dense.xml"
        self.refused_model(2, model, "--property", "NO_SUCH_THING=1", says="NO_SUCH_THING")
        near = ["NUM_STREAM", "did you mean NUM_STREAMS?"]
        self.refused_model(2, model, "--property", "NUM_STREAM=1", says=near)

    def test_a_value_that_a_property_cannot_have(self):
        model = self.models / "dense.xml"
        # OpenVINO's own message, whose text is not larder's.
        for text in "PERFORMANCE_HINT=FAST", "INFERENCE_PRECISION_HINT=zz", "NUM_STREAMS=abc":
            good = ("--property", "KEY_CACHE_GROUP_SIZE=32")
            self.refused_model(2, model, *good, "--property", text, says=f"'{text}': ")

    def test_what_is_no_property(self):
        for text in ("NUM_STREAMS", "=1", ""):
            self.refused_model(2, self.models / "dense.xml", "--property", text, says="NAME=VALUE")
        twice = ("--property", "NUM_STREAMS=1", "--property", "NUM_STREAMS=2")
        self.refused_model(2, self.models / "dense.xml", *twice, says="twice")

    def test_what_is_no_shape(self):
        model = self.models / "dense.xml"
        for text in ("1,3,224,224", "[1,2", "x[1,a]", "[1,2][3]", "[1,2],"):
            self.refused(2, "compile", model, "--shape", text, says="shape")
        self.refused(2, "compile", model, "--shape", "nobody[1,64]", says=["nobody", "inputs"])
        self.refused(2, "compile", model, "--shape", "[1,65]", says="shape")


class BadUsageTest(ProgramTest):
    def test_usage(self):
        model = self.models / "dense.xml"
        self.refused(2, "lss", says="did you mean ls?")
        self.refused(2, "fetch", says="verbs")
        self.refused(2, "compile", says="MODEL")
        self.refused(2, "show", says="KEY")
        self.refused(2, "ls", "--nonsense", says="--nonsense")
        self.refused(2, "ls", "--format", "yaml", says="yaml")
        self.refused(2, "ls", "--json", "-q", says="-q")
        self.refused(2, "compile", model, "--mode", "sometimes", says="sometimes")
        bare = self.run_bare()
        self.check_message(bare, 2, "compile, run, ls")
        self.check_message(self.run_bare("--json"), 2, ["a verb is missing", "larder --help"])

    def test_a_misspelt_flag_leads_to_the_one_that_was_meant(self):
        for words, says in (
            (("compile", "m.xml", "--devise", "GPU"), ["'--devise'", "did you mean --device?"]),
            (("ls", "--sorted", "size"), ["'--sorted'", "did you mean --sort?"]),
            (("prune", "--dry"), ["'--dry'", "did you mean --dry-run?"]),
            (("stats", "--sine=7d"), ["'--sine'", "did you mean --since?"]),
            (("run", "--reprot", "true"), ["'--reprot'", "did you mean --report?"]),
        ):
            said = self.refused(2, *words, says=[f"'larder {words[0]}' has no flag", *says])
            self.assertEqual(said.error.count("\n"), 2, said)
        # Flags of other verbs, and words that resemble none, lead to the help.
        for words in ("ls", "--dry-run"), ("ls", "-x"), ("stats", "--nonsense"):
            said = self.refused(2, *words, says=f"'larder {words[0]} --help' explains it")
            self.assertNotIn("did you mean", said.error)
        self.refused(2, "ls", "model.xml", says="'larder ls' does not take 'model.xml'")
        self.check_message(self.run_bare("compile", "--device"), 2, "--device needs a value")

    def test_values_that_a_flag_cannot_have(self):
        for port in "99999", "-1", "http", "80x":
            self.refused(2, "serve", f"--port={port}", says=[f"'{port}' is not a port", "65535"])
        self.refused(2, "ls", "--format", "yaml", says="'yaml' is neither table nor json")
        self.refused(2, "key", "make", "x", says="'make' is neither generate nor show")
        self.refused(2, "compile", self.models / "dense.xml", "--device", "NAME=CPU",
                     says=["no device 'NAME=CPU'", "--device CPU"])

    def test_filters_and_orders(self):
        for text in ("size>1", "size>1XB", "size>-1kB", "size>", "age<3", "age<3y", "hits>many"):
            self.refused(2, "ls", "--filter", text, says=text[text.find(">") + 1 :].lstrip("age<"))
        for text in ("colour=red", "size", "device>CPU", "size~1", "=3", ""):
            self.refused(2, "ls", "--filter", text, says="filter" if text in ("size", "") else "'")
        for text in ("weight", "size:up", ""):
            if text:
                self.refused(2, "ls", "--sort", text, says=text)
        self.refused(2, "ls", "--limit", "many", says="many")
        self.refused(2, "ls", "--limit", "-1", says="'-1' is not a number of entries")
        self.refused(2, "stats", "--since", "7", says="'7'")

    def test_keys(self):
        prefix = self.two_keys_that_begin_alike()
        count = len(self.entries())
        for words in (("show",), ("verify",), ("rm", "--yes")):
            run = self.refused(2, *words, prefix, says="begins")
            self.assertGreaterEqual(run.error.count("\n  " + prefix), 2, run)
            # A word of three characters is more likely a mistake.
            code = 1 if words != ("verify",) else 2
            self.refused(code, *words, prefix[:3], says=[f"'{prefix[:3]}'", "four characters"])
        absent = "0" * 64
        self.refused(1, "show", absent, says=absent)
        self.refused(1, "rm", absent, "--yes", says=absent)
        self.refused(1, "rm", self.root / "none.xml", "--yes", says="none.xml")
        self.refused(2, "verify", absent, says=absent)
        self.refused(2, "rm", self.models / "dense.xml", says=["--yes", "--dry-run"])
        self.assertEqual(len(self.entries()), count)

    def test_unreadable_settings(self):
        model = self.models / "dense.xml"
        for variable, value in (
            ("LARDER_MODE", "maybe"),
            ("LARDER_LOCK_TIMEOUT", "soon"),
            ("LARDER_LOCK_TIMEOUT", "10"),
            ("LARDER_VERIFY", "rarely"),
            ("LARDER_LOG", "loud"),
        ):
            for words in (("compile", model), ("ls",), ("config",)):
                says = [variable, value]
                self.refused(2, *words, environment={variable: value}, says=says)
        self.dir.mkdir()
        (self.dir / "larder.toml").write_text("lock_timeout = 'soon'\n")
        self.refused(2, "compile", model, says=["larder.toml", "lock_timeout"])
        for key, meant in (("max_sise", "max_size"), ("size", "max_size"),
                           ("LARDER_MODE", "mode"), ("lock-timeout", "lock_timeout")):
            (self.dir / "larder.toml").write_text(f"'{key}' = '1'\n")
            self.refused(2, "ls", says=["larder.toml", f"'{key}'", f"did you mean {meant}?"])
        (self.dir / "larder.toml").write_text("colour = 'red'\n")
        self.refused(2, "ls", says=["'colour'", "known are directory, mode, max_size"])
        (self.dir / "larder.toml").write_text("lock_timeout = \n")
        self.refused(2, "compile", model, says="larder.toml")

    def test_a_larder_that_is_none(self):
        self.dir.mkdir()
        (self.dir / "letter.txt").write_text("dear reader")
        run = self.larder("ls")
        self.assertIn(run.code, (1, 2))
        self.check_message(run, run.code, str(self.dir))
        self.dir = self.root / "file"
        self.dir.write_text("a file")
        run = self.larder("ls")
        self.assertIn(run.code, (1, 2))
        self.check_message(run, run.code, str(self.dir))


if __name__ == "__main__":
    harness.main()
