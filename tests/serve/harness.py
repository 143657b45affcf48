"""`larder serve` as a process of its own, on a larder that a test describes."""

import collections
import http.client
import json
import os
import pathlib
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["LARDER_PROGRAM"]
FURNISH = os.environ["LARDER_FURNISH"]
WRITE_MODELS = os.environ["LARDER_WRITE_MODELS"]
# Of `scripts/setup_clients browser`.
CLIENT = pathlib.Path(os.environ["LARDER_BROWSER_ENVIRONMENT"])
PACKAGES = CLIENT / f"lib/python3.{sys.version_info.minor}/site-packages"
if PACKAGES.exists():
    site.addsitedir(str(PACKAGES))

# Against a hang, not against a slow machine.
PATIENCE_S = 120

Answer = collections.namedtuple("Answer", "status fields body")


class Dashboard:
    """A running server, and its own description."""

    def __init__(self, test, *flags, **settings):
        command = [PROGRAM, "serve", "--json", "--dir", str(test.dir)]
        if "--port" not in flags:
            command += ["--port", "0"]
        self.process = subprocess.Popen(
            [*command, *map(str, flags)], env=test.environment(**settings),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        test.addCleanup(self.end)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        said = json.loads(line)
        self.port, self.token, self.url = said["port"], said["token"], said["url"]
        self.origin = f"http://127.0.0.1:{self.port}"

    def end(self, number=signal.SIGTERM):
        """Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def ask(self, path, method="GET", body=None, **fields):
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=fields)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, **fields):
        answer = self.ask(f"/api/v1/{path}", **fields)
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {answer.body.decode()}")
        return json.loads(answer.body)

    def post(self, path, body=None, **fields):
        """Like the page."""
        fields = {"Content_Type": "application/json", "Authorization": f"Bearer {self.token}",
                  **fields}
        return self.ask(f"/api/v1/{path}", "POST", json.dumps(body or {}), **fields)

    def act(self, path, body=None):
        answer = self.post(path, body)
        if answer.status not in (200, 202):
            raise AssertionError(f"{path}: {answer.status} {answer.body.decode()}")
        return json.loads(answer.body)


class Events:
    """A stream of server-sent events."""

    def __init__(self, dashboard, **fields):
        self.connection = dashboard.connect()
        self.connection.request("GET", "/api/v1/events", headers=fields)
        self.response = self.connection.getresponse()

    def next(self, *names):
        """The data of the next of these events."""
        while True:
            line = self.response.fp.readline().decode()
            if not line:
                raise AssertionError("the stream has ended")
            if line.startswith("event: "):
                name = line[len("event: "):].strip()
                data = json.loads(self.response.fp.readline().decode()[len("data: "):])
                if name in names:
                    return data

    def close(self):
        self.response.close()
        self.connection.close()


class ServeTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="larder-serve-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.dir = self.root / "larder"

    def environment(self, **settings):
        return {"HOME": str(self.root), "PATH": os.environ["PATH"], "LARDER_MAX_SIZE": "1GB",
                "LARDER_STATE_DIR": str(self.root / "state"), **settings}

    def larder(self, *words, **settings):
        done = subprocess.run(
            [PROGRAM, *map(str, words), "--dir", str(self.dir), "--json"], check=False,
            env=self.environment(**settings), capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def furnish(self, *lines):
        """Returns the keys of the entries among `lines`; see furnish.cpp."""
        done = subprocess.run(
            [FURNISH, self.dir, self.root / "state"], text=True, check=True, timeout=PATIENCE_S,
            input="".join(json.dumps(line) + "\n" for line in lines), stdout=subprocess.PIPE)
        return done.stdout.split()

    def serve(self, *flags, **settings):
        return Dashboard(self, *flags, **settings)

    def damage(self, key):
        """Flips one bit of the entry's object."""
        digest = self.larder("show", key)["objects"][0]["digest"]
        path = self.dir / "objects" / digest[:2] / digest
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(content)
        return path


def entry(model, device="CPU", **more):
    return {"model": model, "device": device, **more}


def event(model, outcome, device="CPU", **more):
    return {"model": model, "device": device, "outcome": outcome, **more}


def storage(url, **more):
    return {"storage": url, **more}


def main():
    unittest.main(verbosity=2)
