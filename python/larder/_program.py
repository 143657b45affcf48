"""The program `larder` of this package, and one run of it."""

from __future__ import annotations

import json
import logging
import os
import pathlib
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import IO, Any

from larder._environment import obeying_operator
from larder._error import Error, TimeLimitError, UsageError

PACKAGE = pathlib.Path(__file__).absolute().parent

_DONE = 0  # exit codes
_USAGE = 2
_SECONDS_TO_END = 10.0
_READ_BYTES = 1 << 16
_PREFIX = "larder: "
_log = logging.getLogger("larder")

# Receives an object of the program's JSON.
Receiver = Callable[[Any], None]


def program() -> str:
    """The path of the program. The program itself reports a missing OpenVINO."""
    return str(PACKAGE / "bin" / "larder")


def environment() -> dict[str, str]:
    """The environment of the program."""
    variables = dict(os.environ)
    if not os.path.exists("/proc/self/exe"):
        # With this path the loader finds the program's libraries, which are beside it.
        variables.setdefault("LD_ORIGIN_PATH", str(PACKAGE / "bin"))
    return variables


def preload_for_loader(path: str, variables: Mapping[str, str]) -> str | None:
    """The path for LD_PRELOAD. Blanks and colons end a path there: in that case it is a link that
    `larder run` makes, or None."""
    if not {" ", ":"} & set(path):
        return path
    command = [program(), "run", "--", "sh", "-c", 'printf %s "$LD_PRELOAD"']
    try:
        out = subprocess.run(
            command, env={**environment(), **variables, "LD_PRELOAD": ""}, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=_SECONDS_TO_END).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(out) or None


def run(words: Sequence[str], variables: Mapping[str, str], timeout_seconds: float,
        on_answer: Receiver, on_progress: Receiver | None = None,
        codes: Container[int] = (_DONE,), passes_warnings_on: bool = True) -> int:
    """Runs the program and returns its exit code, which is one of `codes`.

    Every line of its answer goes to `on_answer` as soon as it is printed, every line about its
    progress to `on_progress`, both on this thread. An exception there, and Ctrl-C, end the program
    like Ctrl-C on a terminal. Raises Error if the program fails.
    """
    limit = _TimeLimit(words[0], timeout_seconds)
    process = _start([program(), *words], variables)
    assert process.stdout is not None and process.stderr is not None
    answered = False
    messages: list[str] = []
    with process.stdout, process.stderr:
        try:
            for pipe, line in _lines(process.stdout, process.stderr, limit):
                if pipe is process.stdout:
                    answered = True
                    on_answer(json.loads(line))
                elif on_progress is not None and line.startswith("{"):
                    on_progress(json.loads(line))
                else:
                    messages.append(line)
            code = limit.wait(process)
        finally:
            _end(process)
    if code not in codes or not answered:
        raise _error(words[0], code, messages)
    if code == _DONE and passes_warnings_on:  # otherwise the answer itself tells
        _pass_on(messages)
    return code


class _TimeLimit:
    def __init__(self, verb: str, seconds: float) -> None:
        self._error = TimeLimitError(f"'larder {verb}' took longer than {seconds:g} s",
                                     "find out what it waits for, or raise timeout_seconds")
        self._deadline = time.monotonic() + seconds

    def left_seconds(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._error
        return left

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(self.left_seconds())
        except subprocess.TimeoutExpired:
            raise self._error from None


def _start(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        # On a terminal Ctrl-C would also reach the program, and a second signal would kill it: in a
        # session of its own it gets only the signal of `_end`.
        return subprocess.Popen(
            command, env={**environment(), **obeying_operator(variables)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    except OSError as error:
        raise Error(f"cannot run '{command[0]}': {error.strerror}",
                    "reinstall larder-openvino in a directory from which programs may be "
                    "executed") from None


def _lines(out: IO[bytes], error: IO[bytes],
           limit: _TimeLimit) -> Iterator[tuple[IO[bytes], str]]:
    """Every line of both streams, as soon as it is printed."""
    begun = {out: b"", error: b""}
    with selectors.DefaultSelector() as selector:
        for pipe in begun:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            for ready, _ in selector.select(limit.left_seconds()):
                pipe = out if ready.fileobj is out else error
                chunk = os.read(ready.fd, _READ_BYTES)
                *whole, begun[pipe] = (begun[pipe] + chunk).split(b"\n")
                if not chunk:
                    selector.unregister(pipe)
                    whole = [begun[pipe]] if begun[pipe] else []
                for line in whole:
                    yield pipe, line.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupts the program if it still runs, and waits for its end."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        pass
    finally:
        process.kill()
        process.wait()


def _error(verb: str, code: int, messages: list[str]) -> Error:
    begins = [i for i, line in enumerate(messages) if line.startswith(_PREFIX)]
    if code < 0 or not begins:
        ended = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        return Error(f"'larder {verb}' {ended}", "\n".join(messages), code)
    _pass_on(messages[:begins[-1]])
    what, *more = messages[begins[-1]:]
    hints = [line for line in more if line.startswith("  ")]
    message = "\n".join([what[len(_PREFIX):], *(line for line in more if line not in hints)])
    kind = UsageError if code == _USAGE else Error
    return kind(message, "\n".join(line.strip() for line in hints), code)


def _pass_on(messages: list[str]) -> None:
    """Other messages of the program."""
    for line in messages:
        _log.warning("%s", line)
