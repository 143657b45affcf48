"""Goal: the manual page, the completions and docs/cli.md contain every verb and flag of the
program, and man and the shells accept them.

Method: the output of `--help` is searched in each; bash completes as on a terminal; man, zsh and
fish read their own documents if this machine has them.
"""

import pathlib
import re
import shutil
import subprocess

import harness
from harness import ProgramTest

CLI = pathlib.Path(__file__).resolve().parents[2] / "docs/cli.md"
FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
ASK_BASH = """
compopt() { :; }  # of bash alone, while it completes
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_larder
printf '%s\\n' "${COMPREPLY[@]}"
"""


class DocumentsTest(ProgramTest):
    def document(self, name):
        return self.done_bare("--document", name).out

    def done_bare(self, *words):
        run = self.run_bare(*words, environment={"HOME": str(self.root)})
        self.assertEqual((run.code, run.error), (0, ""), run)
        return run

    def saved(self, name):
        path = self.root / name
        path.write_text(self.document(name))
        return path

    def verbs(self):
        text = self.done_bare("--help").out.split("Verbs:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in text.splitlines()]

    def flags(self, *verb):
        """By the text at the beginning of a line of --help."""
        options = self.done_bare(*verb, "--help").out.split("Options:\n")[1]
        heads = re.findall(r"(?m)^  (-\S+)", options)
        return [flag for head in heads for flag in head.split(",")]

    def test_each_verb_and_flag_is_in_them(self):
        man = self.document("man").replace("\\-", "-")
        zsh, fish = self.document("zsh"), self.document("fish")
        sections = dict(re.findall(r"(?ms)^\.SS larder (\S+) (.*?)(?=^\.S[SH])", man))
        every = self.flags()
        self.assertGreater(len(self.verbs()), 15)
        for verb in self.verbs():
            self.assertIn(f"'{verb}:", zsh)
            [zsh_line] = [line for line in zsh.replace(" \\\n", " ").splitlines()
                          if line.strip().startswith(f"{verb}) ")]
            flags = self.flags(verb)
            self.assertGreater(len(flags), 2, verb)
            for flag in flags:
                with self.subTest(verb=verb, flag=flag):
                    if flag not in every:
                        self.assertRegex(sections[verb], rf"(?m)^\.B (-.*, )?{flag}\b")
                    self.assertRegex(zsh_line, rf"'\*?{flag}[=\[]")
                    name = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
                    self.assertRegex(fish, rf"from {verb}'.* {name} ")
        for flag in every:
            self.assertRegex(man.split(".SH VERBS")[0], rf"(?m)^\.B .*{flag}\b")

    def test_each_setting_is_in_the_manual(self):
        settings = self.done("config", "--json").json["settings"]
        man = self.document("man")
        for setting in settings:
            self.assertIn(f".B {setting['variable']}\n", man)
        self.assertNotIn(str(self.root), man)

    def test_each_verb_and_flag_is_in_the_reference(self):
        begin, *parts = re.split(r"(?m)^## (.*)\n", CLI.read_text())
        sections = dict(zip(parts[::2], parts[1::2]))
        begin = begin.split("### ")[0]
        every = self.flags()
        for verb in self.verbs():
            self.assertRegex(begin, rf"`[^`\n]*\b{verb}\b")
            # A verb without a section is described by the beginning, or beside its opposite.
            text = begin + "".join(
                section for name, section in sections.items()
                if name == verb or re.search(rf"(?m)^(?:`.*)?`larder {verb}\b", section))
            for flag in self.flags(verb):
                if flag not in every:
                    with self.subTest(verb=verb, flag=flag):
                        self.assertRegex(text, rf"`[^`\n]*(?<![\w-]){flag}(?![\w-])[^`]*`")
        for flag in every:
            with self.subTest(flag=flag):
                self.assertRegex(begin, rf"`[^`\n]*(?<![\w-]){flag}(?![\w-])[^`\n]*`")

    def test_each_setting_is_in_the_reference(self):
        reference = CLI.read_text().split("## config\n")[1].split("\n## ")[0]
        for setting in self.done("config", "--json").json["settings"]:
            with self.subTest(setting=setting["name"]):
                self.assertRegex(reference, rf"(?m)^{setting['name']} .* {setting['variable']} ")

    def completions(self, *words):
        run = subprocess.run(["bash", "-c", ASK_BASH, "-", self.saved("bash"), "larder", *words],
                             cwd=self.models, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, timeout=60, check=True)
        self.assertEqual(run.stderr, "")
        return set(run.stdout.split())

    def test_bash_completes(self):
        self.assertEqual(self.completions(""), {*self.verbs(), *self.flags()})
        self.assertEqual(self.completions("ver"), {"verify"})
        for verb in self.verbs():
            self.assertEqual(self.completions(verb, "-"), set(self.flags(verb)), verb)
        self.assertEqual(self.completions("--dir", "x", "prune", "--sta"), {"--stale"})
        self.assertEqual(self.completions("--mode", "re"), {"read-only", "refresh"})
        # As bash takes --mode=re apart.
        self.assertEqual(self.completions("ls", "--mode", "=", "re"), {"read-only", "refresh"})
        self.assertEqual(self.completions("--mode", "=", "off", "ver"), {"verify"})
        self.assertEqual(self.completions("ls", "--format", ""), {"table", "json"})
        # bash itself completes file names, and arguments behind `run --` are not larder's.
        self.assertEqual(self.completions("compile", "den"), set())
        self.assertEqual(self.completions("run", "--", "python", "-"), set())
        (self.models / "a folder").mkdir()
        self.assertEqual(self.completions("--dir", "a"), {"a", "folder"})

    def test_what_reads_them_accepts_them(self):
        man = self.saved("man")
        readers = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}
        for shell, command in readers.items():
            if shutil.which(shell):
                subprocess.run([*command, self.saved(shell)], check=True, timeout=60)
        if shutil.which("groff"):
            run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", man], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, timeout=60, check=True)
            self.assertEqual(run.stderr, "")
            self.assertIn("compile each OpenVINO model once", run.stdout)

    def test_another_document(self):
        run = self.run_bare("--document", "html")
        self.assertEqual((run.code, run.out), (2, ""))
        self.assertIn("man, bash, zsh and fish", run.error)


if __name__ == "__main__":
    harness.main()
