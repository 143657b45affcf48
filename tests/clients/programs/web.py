"""A web server with four worker processes, each of which compiles the same ResNet-50 at its start.

It is ready when all of them are. The memory is their total when each has answered once; each
process counts its share of common pages.
"""

import fcntl
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

from client_program import Start, main

WORKERS = 4
SECONDS_MAX = 120


def prepare(folder):
    from models.folder import build

    build("resnet50", folder, 0)


def ask(address):
    """The report of one worker, which answers no other request until it is released."""
    connection = http.client.HTTPConnection(*address, timeout=SECONDS_MAX)
    connection.request("GET", "/")
    response = connection.getresponse()
    return json.loads(response.readline()), connection


def memory_bytes(pid):
    """The memory of a process, with its share of common pages."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)[1]) * 1024


def stop(server):
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    server.wait(timeout=SECONDS_MAX)


def run(folder, own_cache):
    hold = folder / "hold"
    environment = {
        "WEB_MODEL": str(folder / "resnet50/resnet50.xml"), "WEB_HOLD": str(hold),
        "WEB_CACHE": own_cache or ""}
    with socket.create_server(("127.0.0.1", 0)) as listening, hold.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        start = Start()
        server = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "web_app:app", "--workers", str(WORKERS),
             "--fd", str(listening.fileno()), "--app-dir", pathlib.Path(__file__).parent,
             "--log-level", "warning"],
            env=os.environ | environment, pass_fds=[listening.fileno()])
        try:
            answers = [ask(listening.getsockname()) for _ in range(WORKERS)]
            together = sum(memory_bytes(worker["pid"]) for worker, _ in answers)
            fcntl.flock(held, fcntl.LOCK_UN)
            for _, connection in answers:
                connection.close()
        finally:
            stop(server)
    workers = [worker for worker, _ in answers]
    start.ready = max(worker["ready_at"] for worker in workers)
    start.tell(
        {"processes": len({worker["pid"] for worker in workers}),
         "outputs": [worker["outputs"] for worker in workers]},
        [worker["loaded"] for worker in workers], together)


if __name__ == "__main__":
    main(prepare, run)
