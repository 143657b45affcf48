"""Goal: people before a terminal see what is being done, how far it is, and what happens now.

Method: the program on a pseudo terminal of a given size. Work takes long only because
the test itself delays it: by a lock, or by a rate.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness
from harness import ProgramTest

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, command, environment, columns, rows):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(command, env=environment, stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True, close_fds=True)
        self.slave = slave
        self.text = ""

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.text += os.read(self.master, 65536).decode(errors="replace")

    def wait_for(self, pattern, seconds=60):
        end = time.monotonic() + seconds
        while not re.search(pattern, COLOUR.sub("", self.text)):
            if time.monotonic() > end:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            self.read(0.1)
        return self.text

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self, seconds=60):
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.1)
        self.read(0)
        if self.process.poll() is None:
            self.process.kill()
            raise AssertionError(f"it does not end: {self.text!r}")
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class TerminalTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.models / "dense.xml"

    def environment(self, **more):
        return {**harness.SANITIZERS, "HOME": str(self.root), "LARDER_DIR": str(self.dir),
                "TERM": "xterm", **more}

    def on_terminal(self, *words, columns=100, rows=30, **more):
        terminal = Terminal([harness.PROGRAM, *map(str, words)], self.environment(**more), columns,
                            rows)
        self.addCleanup(terminal.close)
        return terminal

    def key(self):
        """Of a model that is not kept, in a larder that is there."""
        if not self.dir.exists():
            self.compile(self.models / "other.xml")
        return self.done("why", self.model, "--json").json["key"]

    def compiling(self, seconds):
        return self.compiling_elsewhere(self.key(), self.model, seconds)

    def test_a_wait_says_for_whom_and_for_how_long(self):
        with self.compiling(72):
            waiting = self.on_terminal("compile", self.model, columns=200)
            waiting.wait_for(rf"waiting: process {os.getpid()} of another machine has been "
                             r"compiling it for 1 m[^\r]*: [2-9] s")
        self.assertEqual(waiting.end(), 0)
        self.assertIn("compiling, because", waiting.text)
        # Of all that, what was asked for is left.
        left = [line.split("\x1b[K")[-1] for line in waiting.text.split("\r")]
        self.assertTrue(any(COLOUR.sub("", line).startswith("MODEL") for line in left), left)
        self.assertIn("compiled", COLOUR.sub("", waiting.text.splitlines()[-1]))

    def test_stages_fit_a_narrow_terminal(self):
        with self.compiling(72):
            waiting = self.on_terminal("compile", self.model, columns=50)
            waiting.wait_for(r": [2-9] s")
            for line in re.split(r"\r|\n", waiting.text):
                self.assertLessEqual(len(COLOUR.sub("", line.replace("\x1b[K", ""))), 50, line)
        self.assertEqual(waiting.end(), 0)

    def test_an_interrupted_stage_leaves_no_line(self):
        for number in signal.SIGINT, signal.SIGTERM:
            with self.subTest(number), self.compiling(72):
                waiting = self.on_terminal("compile", self.model, columns=200)
                waiting.wait_for(r"waiting: ")
                waiting.process.send_signal(number)
                self.assertEqual(waiting.end(), -number)
                self.assertTrue(waiting.text.endswith("\r\x1b[K"), waiting.text)

    def test_an_ignored_signal_stays_ignored(self):
        with self.compiling(72):
            ignoring = ["env", "--ignore-signal=INT", harness.PROGRAM]
            waiting = Terminal([*ignoring, "compile", str(self.model)], {
                **self.environment(), "PATH": os.environ["PATH"]}, 200, 30)
            self.addCleanup(waiting.close)
            waiting.wait_for(r"waiting: ")
            waiting.process.send_signal(signal.SIGINT)
            waiting.wait_for(r"waiting: [^\r]*: [2-9] s")
        self.assertEqual(waiting.end(), 0)

    def test_with_v_each_stage_stays(self):
        terminal = self.on_terminal("compile", self.model, "-v", columns=200)
        self.assertEqual(terminal.end(), 0)
        for stage in ("compiling, because it is not kept yet", "publishing"):
            self.assertIn(f"larder: {self.model} on CPU: {stage}\r\n", terminal.text)
        self.assertNotIn("debug", terminal.text)

    def test_verify_says_how_fast_and_how_long(self):
        self.compile(self.models / "dense.xml")
        self.compile(self.models / "other.xml")
        total = sum(entry["bytes"] for entry in self.entries())
        verifying = self.on_terminal("verify", "--max-rate", f"{max(total // 6, 1)}B")
        verifying.wait_for(r"\[#* *\] +\d+ %  .+ of .+, .+/s, \d+ s left")
        self.assertEqual(verifying.end(), 0)
        self.assertRegex(verifying.text, r"\r\x1b\[K2 entries, .*all whole")
        narrow = self.on_terminal("verify", "--max-rate", f"{max(total // 6, 1)}B", columns=40)
        narrow.wait_for(r"\d+ %")
        for line in re.split(r"\r|\n", narrow.text):
            self.assertLessEqual(len(line.replace("\x1b[K", "")), 40, line)

    def test_top_shows_who_compiles_and_who_waits(self):
        with self.compiling(72):
            top = self.on_terminal("top")
            top.wait_for(rf"{os.getpid()}  .*compiles elsewhere.*  1 m  .*dense.xml on CPU")
            waiting = self.on_terminal("compile", self.model)
            top.wait_for(rf"{waiting.process.pid}  .*waits for {os.getpid()}.*  ≤ \d+ s  larder")
            said = self.larder("ls")
            # The test itself has the lock open, too, and says that it is elsewhere.
            self.assertRegex(said.out, rf"wait for it: .*\b{waiting.process.pid}\b")
            [found] = self.larder("top", "--json").json["compiling"]
            self.assertIn((waiting.process.pid, "larder"),
                          [(each["process"], each["program"]) for each in found["waiting"]])
        self.assertEqual(waiting.end(), 0)
        top.text = ""
        top.wait_for(r"no model is being compiled")
        top.wait_for(r"last hour +2 requests: 0 from the larder \(0 %\), no time saved")
        top.press("q")
        self.assertEqual(top.end(), 0)
        # The terminal is as it was.
        self.assertTrue(top.text.endswith("\x1b[?25h\x1b[?1049l"), top.text)
        self.assertEqual(termios.tcgetattr(top.slave), top.before)

    def test_top_ends_with_control_c(self):
        self.key()
        top = self.on_terminal("top")
        top.wait_for("q ends it")
        os.killpg(top.process.pid, 2)
        self.assertEqual(top.end(), 0)
        self.assertTrue(top.text.endswith("\x1b[?1049l"), top.text)
        self.assertEqual(termios.tcgetattr(top.slave), top.before)

    def test_top_is_one_look_without_a_terminal(self):
        self.assertIn("no requests", self.done("top").out)
        self.key()
        said = self.done("top").out
        self.assertNotIn("\x1b", said)
        for text in (str(self.dir), "1 request: 0 from the larder", "no model is being compiled",
                     "other.xml"):
            self.assertIn(text, said)
        self.assertEqual(self.done("top", "-q").out, "")

    def test_lines_fit_a_terminal_of_60_columns(self):
        self.compile(self.model)
        for words in (["ls"], ["ls", "-v"], ["stats"], ["stats", "--plot"], ["doctor"], ["top"]):
            terminal = self.on_terminal(*words, columns=60, NO_COLOR="1")
            if words == ["top"]:
                terminal.wait_for("q ends it")
                terminal.press("q")
            self.assertEqual(terminal.end(), 0, terminal.text)
            self.assertIsNone(COLOUR.search(terminal.text))
            for line in re.split(r"\r?\n", terminal.text):
                # A path is whole where it is no cell of a table, so that it can be copied.
                if words[0] != "top" and str(self.dir) in line:
                    continue
                plain = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", line)
                self.assertLessEqual(len(plain), 60, (words, plain))

    def test_facts_lose_their_end_on_a_narrow_terminal(self):
        self.done("compile", self.model)
        terminal = self.on_terminal("doctor", columns=40)
        self.assertEqual(terminal.end(), 0)
        said = COLOUR.sub("", terminal.text)
        self.assertRegex(said, r"(?m)^device +CPU: .*…\r?$")
        self.assertRegex(said, r"(?m)^larder run +ready for OpenVINO .*…\r?$")

    def test_config_says_where_meanings_are_if_they_do_not_fit(self):
        narrow = self.on_terminal("config", columns=80)
        self.assertEqual(narrow.end(), 0)
        self.assertNotIn("MEANING", narrow.text)
        self.assertIn("'larder config -v' explains each of them", narrow.text)
        wide = self.on_terminal("config", columns=400)
        self.assertEqual(wide.end(), 0)
        self.assertIn("MEANING", wide.text)
        self.assertNotIn("config -v", wide.text)

    def test_findings_fit_a_terminal_of_80_columns(self):
        self.compile(self.model)
        for path in self.dir.glob("objects/*/*"):
            path.unlink()
        terminal = self.on_terminal("verify", columns=80, NO_COLOR="1")
        self.assertEqual(terminal.end(), 1, terminal.text)
        [row] = [line for line in re.split(r"\r?\n", terminal.text) if "damaged  " in line]
        plain = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", row)
        self.assertLessEqual(len(plain), 80, plain)

    def test_stats_plots(self):
        self.assertEqual(self.done("stats", "--plot").out,
                         f"there is no larder in {self.dir} yet\n")
        for _ in range(3):
            self.compile(self.model)
        first, _, titles, *rows = self.done("stats", "--plot", "--since", "1h").out.splitlines()
        self.assertRegex(first, "^3 requests: 2 from the larder")
        self.assertIn("FROM (UTC)", titles)
        counts = [int(row.split()[2]) for row in rows]
        self.assertEqual(sum(counts), 3, rows)
        for row in rows:
            self.assertRegex(row, r"^\d{4}-\d\d-\d\d \d\d:\d\d ")
        self.assertTrue(any("█" in row for row in rows) and any("░" in row for row in rows), rows)


if __name__ == "__main__":
    harness.main()
