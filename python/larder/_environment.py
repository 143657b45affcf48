"""Changes of the process environment by installations: layers of variables, and the preload for the
programs that this one starts."""

from __future__ import annotations

import os
from collections.abc import Mapping

_MODE = "LARDER_MODE"
_PRELOADS = "LD_PRELOAD"

_layers: list[Mapping[str, str]] = []
# The values of the variables before the first layer; None: not set.
_before: dict[str, str | None] = {}


def add_layer(variables: Mapping[str, str]) -> None:
    """Sets these variables from now on, also in the environment of the C library, which larder
    reads."""
    for name in variables:
        _before.setdefault(name, os.environ.get(name))
    _layers.append(variables)
    os.environ.update(variables)


def remove_layer(variables: Mapping[str, str]) -> None:
    """Restores the values of the other layers, or the original ones; layers may end in any
    order."""
    _layers[:] = [layer for layer in _layers if layer is not variables]
    for name in variables:
        said = [layer[name] for layer in _layers if name in layer]
        value = said[-1] if said else _before.pop(name)
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def has_layers() -> bool:
    return bool(_layers)


def is_last_layer(variables: Mapping[str, str]) -> bool:
    return bool(_layers) and _layers[-1] is variables


def add_preload(path: str) -> bool:
    """Programs that are started from now on are served. Returns whether they were not served
    before."""
    others = _preloads()
    if path in others:
        return False
    os.environ[_PRELOADS] = ":".join([*others, path])
    return True


def remove_preload(path: str) -> None:
    """Keeps other entries that were added meanwhile."""
    others = [other for other in _preloads() if other != path]
    if others:
        os.environ[_PRELOADS] = ":".join(others)
    else:
        os.environ.pop(_PRELOADS, None)


def _preloads() -> list[str]:
    return [path for path in os.environ.get(_PRELOADS, "").replace(" ", ":").split(":") if path]


def obeying_operator(variables: Mapping[str, str]) -> dict[str, str]:
    """Drops the mode if the original environment of the process switches larder off."""
    given = _before[_MODE] if _MODE in _before else os.environ.get(_MODE)
    return {name: value for name, value in variables.items() if name != _MODE or given != "off"}
