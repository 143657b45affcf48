"""Settings as keywords, and the corresponding environment variables."""

from __future__ import annotations

import datetime
import math
import operator
import os
from collections.abc import Mapping, Sequence
from typing import Literal, SupportsFloat, SupportsIndex, TypedDict

from larder._error import UsageError

StrPath = str | os.PathLike[str]
# A number counts bytes.
Size = str | int | float
# A number counts seconds.
Time = str | int | float | datetime.timedelta


class Settings(TypedDict, total=False):
    """Every setting except `dir`, named like its variable: `max_size` is LARDER_MAX_SIZE.

    Settings that are None or not given come from the environment and the configuration files.
    `larder config` explains each of them. Sizes are whole numbers of bytes, or texts such as
    "20GiB" or "10%"; times are seconds, a `timedelta`, or texts such as "90s" or "10m".
    """

    mode: Literal["on", "read-only", "cache-only", "refresh", "off"] | None
    max_size: Size | None
    min_free: Size | None
    lock_timeout: Time | None
    allow_world_writable: bool | None
    verify: Literal["always", "once", "never"] | None
    release_memory: Literal["auto"] | bool | None
    publish: Literal["behind", "first"] | None
    prefault: Literal["auto", "off"] | None
    share: Literal["auto", "on", "off"] | None
    weights: Literal["auto", "refer", "keep"] | None
    openvino: Literal["known", "any"] | None
    keep: Literal["auto", "all"] | None
    remote: str | Sequence[str] | None
    remote_timeout: Time | None
    trusted_keys: StrPath | Sequence[StrPath] | None
    signing_key: StrPath | None
    log: Literal["error", "warn", "info", "debug"] | None
    report: bool | None
    state_dir: StrPath | None


_PATHS = ("dir", "state_dir", "signing_key")
_SIZES = ("max_size", "min_free")
_TIMES = ("lock_timeout", "remote_timeout")


def variables_of(settings: Mapping[str, object]) -> dict[str, str]:
    """The environment variables for these settings, including `dir`."""
    known = ("dir", *Settings.__annotations__)
    for name in settings:
        if name not in known:
            raise TypeError(f"larder has no setting '{name}'; it has {', '.join(known)}")
    return {_variable_of(name): _text_of(name, value)
            for name, value in settings.items() if is_given(value)}


def is_given(value: object) -> bool:
    """An empty text is no setting, as an empty variable is none: `os.environ.get("DIR", "")` may
    be its origin."""
    if isinstance(value, os.PathLike):
        return os.fspath(value) not in ("", b"")
    return value is not None and value != ""


def in_python_words(error: UsageError, settings: Mapping[str, object]) -> UsageError | None:
    """The same error in terms of the keyword, if it is about one of these settings: the caller has
    set no variable."""
    for name, value in settings.items():
        begin = f"{_variable_of(name)}: "
        if not is_given(value) or not error.message.startswith(begin):
            continue
        hint = error.hint
        if name in (*_SIZES, *_TIMES):
            hint += f" (a number counts {'bytes' if name in _SIZES else 'seconds'})"
        return UsageError(f"{name}={value!r}: {error.message[len(begin):]}", hint, error.exit_code)
    return None


def size_text(value: object) -> str:
    """In the notation of the program, which refuses values that are not a size."""
    number = _number(value)
    return f"{number}B" if number is not None and number == value else str(value)


def time_text(value: object) -> str:
    """In the notation of the program, in whole seconds, rounded up."""
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    number = _number(value)
    return str(value) if number is None else f"{number}s"


def _number(value: object) -> int | None:
    """A whole number, rounded up."""
    if isinstance(value, bool) or not isinstance(value, (SupportsIndex, SupportsFloat)):
        return None
    if isinstance(value, SupportsIndex):
        return operator.index(value)
    return math.ceil(float(value)) if math.isfinite(value) else None


def _variable_of(name: str) -> str:
    return f"LARDER_{name.upper()}"


def _text_of(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if name in _PATHS and isinstance(value, (str, os.PathLike)):
        return _path_text(value)
    if name == "trusted_keys":
        files = [value] if isinstance(value, (str, os.PathLike)) else value
        assert isinstance(files, Sequence)
        return ":".join(_path_text(file) for file in files)
    if name == "remote" and not isinstance(value, str):
        assert isinstance(value, Sequence)
        return " ".join(value)
    if name in _SIZES:
        return size_text(value)
    return time_text(value) if name in _TIMES else str(value)


def _path_text(path: StrPath) -> str:
    """Absolute, because programs change their working directory."""
    return os.path.abspath(os.path.expanduser(path))
