"""Machines of a fleet: processes with larders and states of their own, and a storage for all."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import harness
from program_outcome import Outcome

CLIENT = [sys.executable, str(pathlib.Path(__file__).resolve().parent / "fleet_client.py")]
PATIENCE_S = 240  # against a hang, not against a slow machine
MODELS = ("dense.xml", "other.xml", "convolution.xml")


class Machines(harness.ProgramTest):
    """No tests: what they do with machines."""

    def setUp(self):
        super().setUp()
        self.shared = self.root / "shared"
        self.url = f"file://{self.shared}"
        self.signing = self.root / "team.key"
        self.done("key", "generate", self.signing)
        self.settings = {
            "LARDER_SIGNING_KEY": str(self.signing),
            "LARDER_TRUSTED_KEYS": f"{self.signing}.pub",
            "LARDER_REMOTE_TIMEOUT": f"{PATIENCE_S}s",
        }
        self.paths = [str(self.models / name) for name in MODELS]

    def environment_of(self, node, **settings):
        """Of a machine: its larder and state, and the fleet's settings."""
        return {**harness.SANITIZERS, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1",
                "CI": "true",  # keeps OpenVINO's telemetry silent, whose child may hang
                "HOME": str(self.root / node), "LARDER_REMOTE": self.url, **self.settings,
                **settings}

    def start(self, node, *words, **settings):
        return subprocess.Popen(
            [harness.PROGRAM, "run", "--", *CLIENT, *words],
            env=self.environment_of(node, **settings), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self, process):
        out, error = process.communicate(timeout=2 * PATIENCE_S)
        return Outcome(subprocess.CompletedProcess(process.args, process.returncode, out, error))

    def served(self, node, *words, warnings=0, **settings):
        outcome = self.end(self.start(node, *words, **settings))
        self.assertEqual(outcome.code, 0, outcome)
        said = [line for line in outcome.warnings if "warning" in line]
        self.assertEqual(len(said), warnings, outcome)
        return outcome

    def ask(self, node, *words, **settings):
        """Runs `larder` on a machine; returns the JSON that it prints."""
        outcome = self.run_bare(*words, "--json", environment=self.environment_of(node, **settings))
        self.assertEqual(outcome.code, 0, outcome)
        return outcome.json

    def counts(self, node):
        stats = self.ask(node, "stats")
        return {name: stats[name] for name in ("compiled", "loaded", "waited", "bypassed")}

    def use_of(self, node):
        (use,) = self.ask(node, "stats")["remotes"]
        return use

    def wait_until(self, is_done, what, pause_s=0.05):
        end = time.monotonic() + PATIENCE_S
        while not is_done():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(pause_s)

    def entries_there(self):
        return [path for path in (self.shared / "entries").rglob("*") if path.is_file()]

    def queued(self, node):
        queue = self.root / node / ".local/state/larder/send"
        return [path for path in queue.rglob("*") if path.is_file() and path.name[0] != "."]

    def wait_until_sent(self, node, count):
        self.wait_until(lambda: len(self.entries_there()) >= count and not self.queued(node),
                        f"{count} entries are sent")

    def leases(self):
        return [path for path in (self.shared / "leases").rglob("*") if path.is_file()]

    def hold_lease(self, age_s, model=0, text="another machine"):
        """Of a machine that has ended."""
        key = self.ask("first", "compile", self.paths[model], LARDER_REMOTE="")["key"]
        lease = self.shared / "leases" / key[:2] / f"{key}.1"
        lease.parent.mkdir(parents=True, exist_ok=True)
        lease.write_text(text)
        at = time.time() - age_s
        os.utime(lease, (at, at))

    # ── A compile that takes as long as a test wants ─────────────────────────────────────────────

    def is_compiling(self, node):
        """Whether a program of a machine has a compile lock: its file is removed with it."""
        locks = self.root / node / ".cache/larder/locks"
        return any(harness.KEY.match(path.name) for path in locks.rglob("*"))

    def stop_while_compiling(self, node, **settings):
        """Starts a program that compiles a model, and stops it meanwhile; returns both."""
        for model in self.paths:
            process = self.start(node, model, **settings)
            self.addCleanup(process.kill)
            self.wait_until(lambda: self.leases() or process.poll() is not None, "a lease",
                            pause_s=0.001)
            process.send_signal(signal.SIGSTOP)
            if self.is_compiling(node):
                return process, model
            process.send_signal(signal.SIGCONT)  # it was faster
            self.assertEqual(self.end(process).code, 0)
            self.wait_until(lambda: not self.leases(), "the entry is sent")
        self.fail("no compile was slow enough to be stopped")

    def helpers_of(self, node):
        """The processes of larder that work for programs of a machine."""
        found = []
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (directory / "cmdline").read_bytes().split(b"\0")
                variables = (directory / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--transfer" in words and f"HOME={self.root / node}".encode() in variables:
                found.append(int(directory.name))
        return found
