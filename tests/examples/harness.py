"""Examples, run like by a user: in an empty home, with a larder of their own, on loopback."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
BIN = pathlib.Path(os.environ["LARDER_EXAMPLES_ENVIRONMENT"]) / "bin"
SERVER = EXAMPLES / "server/server.py"
SECONDS_MAX = 240


def confined(read_only, writable=()):
    """The prefix of a command that cannot write to some folders, except for others inside them;
    empty if this user may not mount."""
    script = ["set -e"]
    script += [shlex.join(["mount", "--bind", str(folder), str(folder)])
               for folder in (*read_only, *writable) if str(folder) != "/"]
    script += [shlex.join(["mount", "-o", "remount,bind,ro", str(folder)]) for folder in read_only]
    words = ["unshare", "--mount", "sh", "-c", "\n".join([*script, 'exec "$@"']), "sh"]
    try:
        allowed = subprocess.run([*words, "true"], check=False, stderr=subprocess.DEVNULL,
                                 timeout=SECONDS_MAX).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        names = " and ".join(f"'{folder}'" for folder in read_only)
        print(f"not tried: mounting {names} for reading only, which takes root")
    return words if allowed else []


class ExampleTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="larder-example-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.dir = self.root / "larder"
        self.environment = {
            "HOME": str(self.root), "PATH": f"{BIN}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1",
            "LARDER_DIR": str(self.dir), "LARDER_STATE_DIR": str(self.root / "state")}

    def run_command(self, *words, environment=None, code=0):
        done = subprocess.run(
            [str(word) for word in words], env=environment or self.environment, cwd=self.root,
            check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}{done.stderr}")
        return done

    def larder(self, *words, environment=None):
        """The answer of a verb."""
        return json.loads(self.run_command(
            BIN / "larder", *words, "--json", environment=environment).stdout)

    def outcomes(self, environment=None):
        stats = self.larder("stats", environment=environment)
        return {name: stats[name] for name in ("compiled", "loaded", "waited", "bypassed")}

    @contextlib.contextmanager
    def serving(self, *command, environment=None):
        """A server that listens, until the end of the block; it gets `--port 0`."""
        with tempfile.NamedTemporaryFile(dir=self.root, suffix=".log") as log:
            process = subprocess.Popen(
                [str(word) for word in (*command, "--port", 0)], cwd=self.root,
                env=environment or self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)
            try:
                yield Served(process, pathlib.Path(log.name))
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(SECONDS_MAX)
                finally:
                    process.kill()


class Served:
    """A server that is ready."""

    def __init__(self, process, log):
        self.log_path = log
        deadline = time.monotonic() + SECONDS_MAX
        while not (found := re.search(r"running on http://127\.0\.0\.1:(\d+)", self.log)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server is not ready, exit code {process.returncode}\n"
                                     + self.log)
            time.sleep(0.05)
        self.port = int(found[1])

    @property
    def log(self):
        return self.log_path.read_text()

    @property
    def starts(self):
        """For each model: every "compiled" and "loaded" so far."""
        found = {}
        for name, how in re.findall(r"(?m)^(\w+): (compiled|loaded) in \d+\.\d\d s$", self.log):
            found.setdefault(name, []).append(how)
        return found

    @property
    def warnings(self):
        return [line for line in self.log.splitlines() if line.startswith("larder: ")]

    def ask(self, method, path, body=None):
        """The status, and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)
        with contextlib.closing(connection):
            connection.request(method, path, body=None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def infer(self, name):
        """Its outputs for the same inputs each time."""
        _, about = self.ask("GET", f"/v2/models/{name}")
        status, answer = self.ask("POST", f"/v2/models/{name}/infer", {
            "inputs": [example_of(port) for port in about["inputs"]]})
        assert status == 200, answer
        return {output["name"]: output["data"] for output in answer["outputs"]}


def example_of(port):
    shape = [max(size, 1) for size in port["shape"]]
    count = 1
    for size in shape:
        count *= size
    return {**port, "shape": shape, "data": [number % 7 / 7 for number in range(count)]}


def main():
    unittest.main(verbosity=2)
