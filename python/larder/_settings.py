"""Settings as keywords, and as the variables that say the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, TypedDict

StrPath = str | os.PathLike[str]


class Settings(TypedDict, total=False):
    """Every setting but `dir`, named as its variable is: `max_size` is LARDER_MAX_SIZE.

    What is not given, or None, is as the environment and the configuration files have it.
    `larder config` says what each means. Sizes are texts such as "20GiB" or "10%", times such as
    "90s" or "10m".
    """

    mode: Literal["on", "read-only", "cache-only", "refresh", "off"] | None
    max_size: str | None
    min_free: str | None
    lock_timeout: str | None
    allow_world_writable: bool | None
    verify: Literal["always", "once", "never"] | None
    release_memory: bool | None
    prefault: Literal["auto", "off"] | None
    share: Literal["auto", "on", "off"] | None
    log: Literal["error", "warn", "info", "debug"] | None
    report: bool | None
    state_dir: StrPath | None


_DIRECTORIES = ("dir", "state_dir")


def variables_of(settings: Mapping[str, object]) -> dict[str, str]:
    """The environment that says the same as these settings, `dir` among them."""
    known = ("dir", *Settings.__annotations__)
    for name in settings:
        if name not in known:
            raise TypeError(f"larder has no setting '{name}'; it has {', '.join(known)}")
    return {f"LARDER_{name.upper()}": _text_of(name, value)
            for name, value in settings.items() if value is not None}


def _text_of(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if name in _DIRECTORIES and isinstance(value, (str, os.PathLike)):
        # Programs change their working directory.
        return os.path.abspath(os.path.expanduser(value))
    return str(value)
