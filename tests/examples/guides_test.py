"""Goal: the commands of the guides work, and print what the guides say.

Method: each guide runs in an empty home with small models. Its ```sh blocks are executed in order,
by one shell; its blocks with a title become files; a ```text block is compared with the output of
the ```sh block before it. Times, sizes, keys and widths of columns may differ, and `…` means any
text, or, alone on its line, any lines. Commands in ```console blocks are not run: another test
checks them.
"""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import harness

GUIDES = harness.ROOT / "docs/guides"
# Guides whose commands need more than a small model -> the tests that check what they say.
CHECKED_ELSEWHERE = {
    # openvino_genai, and models of its own format
    "genai.md": ["tests/clients/genai_test.py", "tests/clients/genai_paged_test.py",
                 "tests/clients/genai_gpu_test.py"],
    # networks of a diffusion pipeline; PyTorch, which takes 5 GB
    "pictures.md": ["tests/examples/pictures_test.py", "tests/clients/diffusion_test.py",
                    "tests/clients/torch_compile_test.py"],
    # a backend that is built from source; a C++ program that is built against an installed larder
    "llama.md": ["tests/clients/llama_test.py", "tests/install/install_test.cmake"],
}
BLOCK = re.compile(r'^```(\w+)(?: title="([\w.]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
MODELS = {"dense": "model", "other": "other", "convolution": "convolution"}
SECONDS_MAX = 120

# The parts of an output that differ from run to run, and their name in messages.
VARYING = [
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s|min|m|h|d)\b"), "TIME"),
    (re.compile(r"no time saved|TIME saved"), "TIME-saved"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:B|kB|MB|GB|TB)\b"), "SIZE"),
    (re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b"), "KEY"),
    (re.compile(r"\b(?:f32|bf16)\b"), "PRECISION"),  # the default, by the processor
]


def plain(line):
    """A line without the parts that may differ."""
    for pattern, name in VARYING:
        line = pattern.sub(name, line)
    return " ".join(line.split())


def pattern_of(expected):
    """A regular expression for all lines of an output."""
    lines = []
    for line in expected.splitlines():
        words = re.escape(plain(line)).replace("…", "[^\n]*")
        lines.append(r"(?:[^\n]*\n)*?" if line.strip() == "…" else words + "\n")
    return "".join(lines)


class Guide:
    """A guide as a script, with a mark before each block that has an output to compare."""

    def __init__(self, path, port):
        self.expected = {}
        script = ["exec 2>&1", "set -eu"]
        last = None
        self.commands = 0
        for number, (kind, title, body) in enumerate(BLOCK.findall(path.read_text())):
            body = body.replace("8000", str(port))
            if title:
                script.append(f"cat >{title} <<'END OF FILE'\n{body}END OF FILE")
            elif kind == "sh":
                script.append(f"echo '@@ {number}'\n{body}")
                last = number
                self.commands += 1
            elif kind == "text":
                assert last is not None, f"{path}: an output without a command"
                self.expected[last] = body
        self.script = "\n".join([*script, "echo '@@ end'"])

    def faults(self, output):
        """The blocks whose output differs from the guide's."""
        parts = re.split(r"(?m)^@@ (\w+)\n", output)
        printed = dict(zip(parts[1::2], parts[2::2]))
        if "end" not in printed:
            yield f"a command failed:\n{output}"
            return
        for number, expected in self.expected.items():
            found = "".join(plain(line) + "\n" for line in printed[str(number)].splitlines())
            if not re.fullmatch(pattern_of(expected), found):
                yield f"the guide says\n{expected}\nand this was printed\n{printed[str(number)]}"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def run(path, models):
    """The number of blocks of a guide that were run, and what was wrong."""
    guide = Guide(path, free_port())
    with tempfile.TemporaryDirectory(prefix="larder-guide-") as home:
        for model in models.iterdir():
            shutil.copy(model, pathlib.Path(home) / model.name)
        # In a session of its own, so that nothing that a guide started outlives it.
        shell = subprocess.Popen(
            ["bash", "-c", guide.script], cwd=home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, start_new_session=True,
            env={"HOME": home, "PATH": f"{harness.BIN}:/usr/bin:/bin"})
        try:
            output, _ = shell.communicate(timeout=SECONDS_MAX)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        return guide.commands, list(guide.faults(output.replace(home, "/home/me")))


class GuidesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = pathlib.Path(tempfile.mkdtemp(prefix="larder-guide-models-"))
        cls.addClassCleanup(shutil.rmtree, cls.models, ignore_errors=True)
        subprocess.run([os.environ["LARDER_WRITE_MODELS"], cls.models], check=True, timeout=60)
        for path in list(cls.models.iterdir()):
            path.rename(path.with_stem(MODELS[path.stem]))

    def test_commands_print_what_the_guides_say(self):
        # The longest first.
        guides = sorted(GUIDES.glob("*.md"), key=lambda path: path.name != "workers.md")
        if sys.argv[1:2] == ["--only"]:
            guides = [GUIDES / name for name in sys.argv[2:]]
        # Two at once: a guide is mostly the start of one program after another.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = {path: pool.submit(run, path, self.models) for path in guides}
        for path, done in runs.items():
            with self.subTest(guide=path.name):
                commands, faults = done.result()
                for fault in faults:
                    self.fail(fault)
                is_run = path.name not in CHECKED_ELSEWHERE and path.name != "README.md"
                self.assertEqual(commands > 0, is_run, "add it to CHECKED_ELSEWHERE, or remove it")

    def test_guides_name_the_tests_that_check_them(self):
        for name, tests in CHECKED_ELSEWHERE.items():
            text = (GUIDES / name).read_text()
            for test in tests:
                with self.subTest(guide=name, test=test):
                    self.assertTrue((harness.ROOT / test).exists())
                    self.assertIn(f"`{test}`", text)

    def test_the_table_has_every_guide(self):
        table = (GUIDES / "README.md").read_text()
        for path in GUIDES.glob("*.md"):
            if path.name != "README.md":
                self.assertIn(f"({path.name})", table)


class ComparisonTest(unittest.TestCase):
    def test_finds_another_output(self):
        said = "KEY  SIZE\n82160ded0146   56.5 kB\n…\nlast, …\n"
        for printed, is_same in {
                "KEY SIZE\nKEY SIZE\nlast, one\n": True,
                "KEY SIZE\nKEY SIZE\nand\nmore\nlast, one\n": True,
                "KEY SIZE\nKEY TIME\nlast, one\n": False,
                "KEY SIZE\nKEY SIZE\nlast, one\nmore\n": False}.items():
            with self.subTest(printed=printed):
                self.assertEqual(bool(re.fullmatch(pattern_of(said), printed)), is_same)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
