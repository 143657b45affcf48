#!/usr/bin/env python3
"""For every end of a program, larder neither blames the model nor delays the end; and it treats a
resource limit like a full disk."""

import fcntl
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest

import harness

ENDING = [sys.executable, str(harness.CLIENTS / "ending.py")]
STALL = harness.BUILT / "libstall.so"


class BlameTest(harness.HookTest):
    def outcome(self, how, code):
        run = self.run_larder(command=[*ENDING, how])
        self.assertEqual(run.code, code, run)
        return run.lines[0]

    def aborted(self):
        command = [harness.PROGRAM, "run", "--dir", self.dir, "--", *ENDING, "wait"]
        settings = {"HOME": str(self.root), **harness.SURROUNDINGS}
        with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL, env=settings, cwd=self.root) as program:
            line = program.stdout.readline().strip()
            program.send_signal(signal.SIGABRT)
            program.communicate()
            self.assertEqual(program.returncode, -signal.SIGABRT)
        return line

    def test_an_abort_from_outside_blames_nobody(self):
        # One that is aborted before its model is kept would say nothing.
        outcomes = [self.outcome("orderly", 0)]
        outcomes += [self.aborted() for _ in range(4)]
        outcomes += [self.outcome("orderly", 0) for _ in range(3)]
        self.assertEqual(outcomes, ["compiled"] + 7 * ["loaded"])

    def test_an_abort_at_exit_blames_nobody(self):
        code = self.run_bare(*ENDING, "abort_at_exit").code
        outcomes = [self.outcome("orderly", 0)]
        outcomes += [self.run_larder(command=[*ENDING, "abort_at_exit"]).lines[0] for _ in range(6)]
        outcomes += [self.outcome("orderly", 0) for _ in range(3)]
        self.assertEqual(outcomes, ["compiled"] + 9 * ["loaded"], f"without larder: {code}")


COMPILE = "import sys, openvino; openvino.Core().compile_model(sys.argv[1], 'CPU')"
F_OFD_SETLK = 37
SECONDS_MAX = 120


class InterruptTest(harness.HookTest):
    def interrupted(self, program):
        """Returns its messages. Sends the signal again if it came between two waits."""
        for _ in range(SECONDS_MAX // 2):
            program.send_signal(signal.SIGINT)
            try:
                return program.communicate(timeout=2)[1]
            except subprocess.TimeoutExpired:
                continue
        program.kill()
        return self.fail("it waits on")

    def test_ctrl_c_ends_the_wait_for_another_process(self):
        command = [harness.PROGRAM, "run", "--dir", self.dir, "-v", sys.executable, "-c", COMPILE,
                   self.dense]
        self.assertEqual(self.run_bare(*command).code, 0)
        [entry] = self.larder("ls")["entries"]
        self.larder("rm", entry["key"], "--yes")
        # Another process that compiles the model.
        lock = self.dir / "locks" / entry["key"][:2] / entry["key"]
        lock.parent.mkdir(parents=True, exist_ok=True)
        settings = {"HOME": str(self.root), **harness.SURROUNDINGS}
        with lock.open("w", encoding="utf-8") as held:
            fcntl.fcntl(held, F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))
            with subprocess.Popen([str(word) for word in command], text=True, env=settings,
                                  stderr=subprocess.PIPE, cwd=self.root) as program:
                line = program.stderr.readline()
                self.assertIn("waiting: another process compiles it", line)
                said = self.interrupted(program)
        self.assertIn("a signal ended the wait for the process that compiles it", said)
        self.assertIn("KeyboardInterrupt", said)


FORK = """
import os
import signal
import sys
import openvino
core = openvino.Core()
compiled = [core.compile_model(sys.argv[1], "CPU")]
child = os.fork()
if child == 0:
    signal.alarm(30)
    openvino.Core().compile_model(sys.argv[2], "CPU")
    os._exit(0)
# OpenVINO's telemetry may have a child of its own.
print(os.waitpid(child, 0)[1])
"""


class ForkTest(harness.HookTest):
    def test_a_child_compiles_another_model_than_its_parent(self):
        other = self.models / "other.xml"
        for first, second in ((self.dense, other), (other, self.dense), (self.dense, other)):
            # Without larder, one child in five waits for ever for threads that its parent has.
            for _ in range(5):
                run = self.served(sys.executable, "-c", FORK, first, second, timeout=SECONDS_MAX)
                self.larder("clear", "--yes")
                if run.lines != [str(int(signal.SIGALRM))]:
                    break
            self.assertEqual(run.lines, ["0"], run)

    def test_a_child_does_not_hold_the_lock_of_a_parent_that_was_killed(self):
        run = self.run_larder(command=[*ENDING, "fork_and_die", self.dense, self.dir / "locks"])
        self.assertEqual(run.code, -signal.SIGKILL, run)
        try:
            # If a lock were held, the program would wait for it until the end of the test.
            self.done(self.run_bare(harness.PROGRAM, "compile", self.dense, "--dir", self.dir,
                                    environment={"LARDER_LOCK_TIMEOUT": "1h"}))
        finally:
            os.kill(int(run.lines[0]), signal.SIGKILL)


class ExitTest(harness.HookTest):
    def test_a_disk_that_stalls_delays_no_exit(self):
        self.served(*ENDING, "orderly")
        self.check_exit("stall", "loaded")

    def test_a_disk_that_stalls_delays_no_exit_of_a_first_start(self):
        self.check_exit("stall_at_once", "compiled")

    def check_exit(self, how, outcome):
        settings = {"STALL_FILE": str(self.root / "stall")}
        start = time.monotonic()
        run = self.preloaded(*ENDING, how, preload=f"{harness.PRELOAD}:{STALL}",
                             environment=settings)
        took = time.monotonic() - start
        self.done(run)
        self.assertEqual(run.lines, [outcome])
        since_stall = time.time() - (self.root / "stall").stat().st_mtime
        # One stalled call takes 30 s; a busy machine may need a few seconds to end Python.
        self.assertLess(since_stall, 15, f"{took:.1f} s in all")
        # Leftover files do no harm.
        self.served(*ENDING, "orderly")
        self.assertEqual(self.served(*ENDING, "orderly").lines, ["loaded"])


def limit(which, number):
    return lambda: resource.setrlimit(which, (number, resource.getrlimit(which)[1]))


class LimitTest(harness.HookTest):
    """A limit prevents the entry, but does not affect the program; nothing is left over."""

    def compiled_under(self, which, number):
        run = self.run_bare(harness.PROGRAM, "compile", self.dense, "--dir", self.dir, "--json",
                            "--best-effort", preexec_fn=limit(which, number))
        self.assertEqual(run.code, 0, (number, run))
        self.assertIn(run.json["outcome"], ("compiled", "bypassed", "loaded"), (number, run))
        left = [path for path in self.dir.glob("tmp/**/*") if path.is_file()]
        self.assertEqual(left, [], (number, run))
        return run.json["outcome"]

    def test_file_sizes(self):
        for number in (0, 1, 1024, 4096, 65536, 1 << 20):
            self.compiled_under(resource.RLIMIT_FSIZE, number)
        self.compiled_under(resource.RLIMIT_FSIZE, 1 << 30)
        self.assertEqual(self.compiled_under(resource.RLIMIT_FSIZE, 0), "loaded")

    def check_log_that_must_not_grow(self, command, **environment):
        log = self.root / "log"
        log.write_bytes(bytes(4096))
        settings = {"HOME": str(self.root), **harness.SURROUNDINGS, **environment}
        with open(log, "ab") as stderr:
            run = subprocess.run([str(word) for word in command], env=settings, stderr=stderr,
                                 stdout=subprocess.PIPE, text=True, cwd=self.root, check=False,
                                 preexec_fn=limit(resource.RLIMIT_FSIZE, 4096))
        self.assertEqual((run.returncode, run.stdout), (0, "compiled\n"))

    def test_a_log_that_must_not_grow(self):
        command = [harness.PROGRAM, "run", "--dir", self.dir, "--", *ENDING, "orderly"]
        self.check_log_that_must_not_grow(command, LARDER_LOG="debug")

    def test_a_log_that_must_not_grow_of_a_preload_without_its_hook(self):
        alone = self.folder("alone") / "liblarder_preload.so"
        shutil.copy(harness.PRELOAD, alone)
        self.check_log_that_must_not_grow([*ENDING, "orderly"], LD_PRELOAD=str(alone))

    def test_descriptors(self):
        plain = subprocess.run([harness.PROGRAM, "compile", self.dense, "--dir", self.dir],
                               env={"HOME": str(self.root), **harness.SURROUNDINGS},
                               stdout=subprocess.DEVNULL, check=True)
        self.assertEqual(plain.returncode, 0)
        for number in (32, 24, 20, 16):
            self.compiled_under(resource.RLIMIT_NOFILE, number)

    def ends_well_under(self, number, command):
        settings = {"HOME": str(self.root), **harness.SURROUNDINGS}
        run = subprocess.run([str(word) for word in command], env=settings, cwd=self.root,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                             text=True, preexec_fn=limit(resource.RLIMIT_AS, number))
        return run.stdout.strip() if run.returncode == 0 else None

    def test_address_space(self):
        program = [*ENDING, "orderly"]
        served = [harness.PROGRAM, "run", "--dir", self.dir, "--", *program]
        step = 64 << 20
        enough = next(number for number in range(4 * step, 512 * step, step)
                      if self.ends_well_under(number, program))
        # Memory of larder: its code, and the stacks of two threads.
        enough += step
        for number in (enough, enough + step, enough + 4 * step, enough + 16 * step):
            for _ in range(2):
                self.assertIsNotNone(self.ends_well_under(number, served), number)
        # A failure from lack of memory does not count against the blob.
        outcomes = [self.ends_well_under(resource.RLIM_INFINITY, served) for _ in range(2)]
        self.assertEqual(outcomes[1], "loaded", outcomes)


if __name__ == "__main__":
    harness.main()
