"""A larder's administration: each call is one run of the program `larder`."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Callable, Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from larder import reports
from larder._error import CompileError, Error, UsageError
from larder._program import Receiver, run
from larder._settings import (
    Settings, Size, StrPath, Time, in_python_words, is_given, size_text, time_text, variables_of,
)

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from typing import Unpack
    else:
        from typing_extensions import Unpack


class _Enumerator(Protocol):
    """A value of OpenVINO's own enumerations, such as `hint.PerformanceMode.LATENCY`."""

    @property
    def name(self) -> str: ...


class _Type(Protocol):
    """An element type of OpenVINO, such as `openvino.Type.f16`."""

    def to_string(self) -> str: ...


class _Streams(Protocol):
    """A number of streams, such as `openvino.properties.streams.Num.AUTO`."""

    def to_integer(self) -> int: ...


Properties = Mapping[str, str | int | float | bool | _Enumerator | _Type | _Streams]
# Called with the amount that is done and the total amount.
Progress = Callable[[int, int], None]

Report = TypeVar("Report")

# Exit codes of runs that print an answer; the last one is of an interrupted run.
_DONE = (0,)
_DONE_IN_PART = (0, 1)
_VERIFIED = (*range(8), 130)
_INTERRUPTIBLE = (0, 1, 130)
_PULLED = (*_INTERRUPTIBLE, 3)


class Cache:
    """A larder, with the verbs of the program `larder` as methods.

    Answers are the dictionaries of `larder … --json`; :mod:`larder.reports` has their types. Every
    method raises :class:`larder.Error` if the program fails: :class:`larder.UsageError` for an
    unknown argument, :class:`larder.TimeLimitError` after `timeout_seconds`. Ctrl-C, and exceptions
    of a progress callback, end the program cleanly. Warnings go to the logger "larder".

    Settings that are not given come from the environment and the configuration files. No part of
    OpenVINO is loaded into this process, and models of this process are not affected:
    :func:`larder.install` compiles them through larder.
    """

    def __init__(self, dir: StrPath | None = None, *, timeout_seconds: float = 3600.0,
                 **settings: Unpack[Settings]) -> None:
        self._given = {"dir": dir, **settings}
        self._variables = variables_of(self._given)
        self._timeout_seconds = timeout_seconds

    def __repr__(self) -> str:
        given = {**self._given, "dir": self._variables.get("LARDER_DIR")}
        words = [f"{name}={value!r}" for name, value in given.items() if is_given(value)]
        return f"larder.Cache({', '.join(words)})"

    def ls(self, *filters: str, sort: str | None = None,
           limit: int | None = None) -> reports.Listing:
        """Lists the entries, newest first: only entries that satisfy all of `filters`
        ("size>1GiB"), in the order of `sort` ("size:desc"), and at most `limit` entries."""
        return self._ask(reports.Listing, "ls", *(f"--filter={each}" for each in filters),
                         *_flag("sort", sort), *_flag("limit", limit))

    def show(self, *targets: StrPath) -> list[reports.WholeEntry]:
        """Entries with all inputs of their keys, by key or by model; keys may be shortened."""
        found: list[Any] = []
        self._run("show", names=targets, codes=_DONE, on_answer=found.append)
        return found

    def why(self, model: StrPath, *, device: str = "CPU", properties: Properties | None = None,
            shape: str | None = None) -> reports.Explanation:
        """Says whether this model would be loaded or compiled now, and why. `shape` is as for
        :meth:`compile`."""
        return self._ask(reports.Explanation, "why", *_request(device, properties),
                         *_flag("shape", shape), names=[model])

    def compile(self, *models: StrPath, device: str = "CPU", properties: Properties | None = None,
                shape: str | None = None,
                progress: Progress | None = None) -> list[reports.CompileReport]:
        """Makes sure that each model is stored, and returns the outcome of each request.

        `shape` ("input[1,3,224,224]", several separated by commas) is the shape to which they are
        reshaped before. `progress` receives the number of finished models. If a model fails, the
        others are still compiled, and :class:`larder.CompileError` is raised in the end.
        """
        found: list[Any] = []

        def add(report: Any) -> None:
            found.append(report)
            if progress is not None:
                progress(len(found), len(models))

        code = self._run("compile", "--best-effort", *_request(device, properties),
                         *_flag("shape", shape), names=models, codes=_DONE_IN_PART, on_answer=add)
        failed = [report["error"] for report in found if "error" in report]
        if failed:
            raise CompileError("\n".join(error["what"] for error in failed),
                               failed[0]["remedy"] or "", code, found)
        return found

    def verify(self, *targets: StrPath, max_rate: Size | None = None, from_the_start: bool = False,
               progress: Progress | None = None) -> reports.VerifyReport:
        """Reads every stored byte (of these entries; of all without any), at most `max_rate`
        ("100MB") in a second, and sets damaged files aside. `progress` receives the number of
        bytes. If a check of the whole larder is interrupted, the next one continues it, unless it
        begins `from_the_start`."""
        return self._ask(reports.VerifyReport, "verify", *_check(max_rate, from_the_start),
                         names=targets, codes=_VERIFIED, progress=progress)

    def repair(self, *targets: StrPath, max_rate: Size | None = None, from_the_start: bool = False,
               progress: Progress | None = None) -> reports.RepairReport:
        """Like :meth:`verify`; also compiles the models of damaged entries again if they still
        exist, and removes the other damaged entries."""
        return self._ask(reports.RepairReport, "repair", *_check(max_rate, from_the_start),
                         names=targets, codes=_INTERRUPTIBLE, progress=progress)

    def rm(self, *targets: StrPath, dry_run: bool = False) -> reports.RemovalReport:
        """Removes entries by key, or all entries that were compiled from a model."""
        return self._ask(reports.RemovalReport, "rm", _consent(dry_run), names=targets)

    def prune(self, *, stale: bool = False, incompatible: bool = False,
              older_than: Time | None = None, max_size: Size | None = None,
              quarantine: bool = False, dry_run: bool = False) -> reports.PruneReport:
        """Removes entries by rules ("30d" old, "20GiB" in total), and files that no entry uses;
        with `quarantine` also files that were set aside."""
        return self._ask(reports.PruneReport, "prune", _consent(dry_run),
                         *_switch("stale", stale), *_switch("incompatible", incompatible),
                         *_switch("quarantine", quarantine), *_time_flag("older-than", older_than),
                         *_size_flag("max-size", max_size))

    def clear(self, *, dry_run: bool = False) -> reports.PruneReport:
        """Removes every entry that is not pinned, and the files that were set aside."""
        return self._ask(reports.PruneReport, "clear", _consent(dry_run))

    def compress(self, *targets: StrPath, older_than: Time | None = None, dry_run: bool = False,
                 progress: Progress | None = None) -> reports.CompressReport:
        """Compresses these entries, or ("30d") entries that nobody has requested for that time;
        each load of them takes longer. `unchanged` lists entries that stay as they are, also after
        an error."""
        return self._ask(reports.CompressReport, "compress", _consent(dry_run),
                         *_time_flag("older-than", older_than), names=targets, codes=_INTERRUPTIBLE,
                         progress=progress)

    def decompress(self, *targets: StrPath, dry_run: bool = False,
                   progress: Progress | None = None) -> reports.CompressReport:
        """Stores compressed entries uncompressed again."""
        return self._ask(reports.CompressReport, "decompress", _consent(dry_run), names=targets,
                         codes=_INTERRUPTIBLE, progress=progress)

    def pin(self, *targets: StrPath) -> reports.Pinned:
        """Protects entries, by key or by model, from removal."""
        return self._ask(reports.Pinned, "pin", names=targets)

    def unpin(self, *targets: StrPath) -> reports.Unpinned:
        """Allows entries to be removed again."""
        return self._ask(reports.Unpinned, "unpin", names=targets)

    def push(self, url: str, *targets: StrPath, sign: StrPath | None = None, dry_run: bool = False,
             progress: Progress | None = None) -> reports.ExchangeReport:
        """Copies entries (these, by key or by model, or all) into the storage `url`
        ("file:///mnt/models", "s3://bucket/prefix" or "https://host/path"), signed with the key in
        the file `sign`. The states of the entries say which of them could not be copied."""
        return self._ask(reports.ExchangeReport, "push", *_path_flag("sign", sign),
                         *_switch("dry-run", dry_run), names=[url, *targets], codes=_INTERRUPTIBLE,
                         progress=progress)

    def pull(self, url: str, *targets: StrPath, trust: Iterable[StrPath] = (),
             dry_run: bool = False, progress: Progress | None = None) -> reports.ExchangeReport:
        """Copies entries (these, or all) from the storage `url` into this larder, if one of the
        public keys in the files `trust` has signed them. The states of the entries say which of
        them were not copied."""
        return self._ask(reports.ExchangeReport, "pull",
                         *(word for file in trust for word in _path_flag("trust", file)),
                         *_switch("dry-run", dry_run), names=[url, *targets], codes=_PULLED,
                         progress=progress)

    def generate_key(self, file: StrPath) -> reports.PublicKey:
        """Makes the signing key `file`, and its public key, the same name with ".pub"."""
        return self._ask(reports.PublicKey, "key", names=["generate", file])

    def show_key(self, file: StrPath) -> reports.PublicKey:
        """The name of the public key of a signing key or a public key."""
        return self._ask(reports.PublicKey, "key", names=["show", file])

    def scan(self, directory: StrPath, *, remove_stale: bool = False,
             dry_run: bool = False) -> reports.ScanReport:
        """Lists OpenVINO's own cache in a `CACHE_DIR`; `remove_stale` removes the files that the
        OpenVINO of this machine would not load."""
        removal = ["--remove-stale", _consent(dry_run)] if remove_stale else []
        return self._ask(reports.ScanReport, "scan", *removal, names=[directory])

    def stats(self, since: Time | None = None, *, zero: bool = False) -> reports.Stats:
        """The outcomes of requests ("7d": not older than that), and the saved time. `zero` sets the
        counts to zero afterwards."""
        return self._ask(reports.Stats, "stats", *_time_flag("since", since),
                         *_switch("zero", zero))

    def dir(self) -> pathlib.Path:
        """The directory of the larder."""
        [setting] = [setting for setting in self.config()["settings"]
                     if setting["name"] == "directory"]
        if not setting["value"]:
            raise Error("there is no place for a larder: this user has no home directory",
                        "set LARDER_DIR or HOME")
        return pathlib.Path(setting["value"])

    def config(self) -> reports.Configuration:
        """Every setting in force, and where it comes from."""
        return self._ask(reports.Configuration, "config")

    def doctor(self) -> reports.Diagnosis:
        """Problems of this configuration, and how to repair them."""
        return self._ask(reports.Diagnosis, "doctor", codes=_DONE_IN_PART)

    def _ask(self, kind: type[Report], verb: str, *words: str, names: Iterable[StrPath] = (),
             codes: Container[int] = _DONE, progress: Progress | None = None) -> Report:
        """The only answer of a run, of the type `kind`."""
        answers: list[Any] = []

        def on_progress(line: Any) -> None:
            if progress is not None:
                progress(line["bytes_done"], line["bytes_total"])

        self._run(verb, *words, *_switch("progress-json", progress is not None), names=names,
                  codes=codes, on_answer=answers.append, on_progress=on_progress)
        answer: Report
        [answer] = answers
        return answer

    def _run(self, verb: str, *words: str, names: Iterable[StrPath], codes: Container[int],
             on_answer: Receiver, on_progress: Receiver | None = None) -> int:
        # Arguments behind "--" are never taken for flags.
        positional = ["--", *(os.fspath(name) for name in names)]
        try:
            return run([verb, "--json", *words, *(positional if positional[1:] else [])],
                       self._variables, self._timeout_seconds, on_answer, on_progress, codes)
        except Error as error:
            # Users do not need the traceback inside larder.
            wrong = in_python_words(error, self._given) if isinstance(error, UsageError) else None
            raise (wrong or error).with_traceback(None) from None


def _flag(name: str, value: str | int | None) -> list[str]:
    return [] if value is None else [f"--{name}={value}"]


def _size_flag(name: str, value: Size | None) -> list[str]:
    return [] if value is None else _flag(name, size_text(value))


def _time_flag(name: str, value: Time | None) -> list[str]:
    return [] if value is None else _flag(name, time_text(value))


def _path_flag(name: str, value: StrPath | None) -> list[str]:
    return [] if value is None else _flag(name, os.fspath(value))


def _switch(name: str, is_on: bool) -> list[str]:
    return [f"--{name}"] if is_on else []


def _consent(dry_run: bool) -> str:
    return "--dry-run" if dry_run else "--yes"


def _check(max_rate: Size | None, from_the_start: bool) -> list[str]:
    return [*_size_flag("max-rate", max_rate), *_switch("from-the-start", from_the_start)]


def _request(device: str, properties: Properties | None) -> list[str]:
    words = [f"--device={device}"]
    for name, value in (properties or {}).items():
        words.append(f"--property={name}={_property_text(value)}")
    return words


def _property_text(value: Any) -> str:
    """In OpenVINO's notation. Its own types are known by their members: it is not imported here."""
    if isinstance(value, bool):
        return "YES" if value else "NO"
    if isinstance(value, (str, int, float)):
        return str(value)
    for member in ("to_string", "to_integer"):
        if hasattr(value, member):
            return str(getattr(value, member)())
    return str(getattr(value, "name", value))
