"""What installations put into the environment of the process: variables, one above another, and
what has the loader serve the programs that it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping

_MODE = "LARDER_MODE"
_PRELOADS = "LD_PRELOAD"

_layers: list[Mapping[str, str]] = []
# What the variables of all layers were before the first of them; None: not set.
_before: dict[str, str | None] = {}


def add_layer(variables: Mapping[str, str]) -> None:
    """From now on these hold, also in the environment of the C library, where larder reads it."""
    for name in variables:
        _before.setdefault(name, os.environ.get(name))
    _layers.append(variables)
    os.environ.update(variables)


def remove_layer(variables: Mapping[str, str]) -> None:
    """What the other layers say holds again, or what was before; in whatever order they go."""
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
    """Programs that are started from now on are served. Whether they were not before."""
    others = _preloads()
    if path in others:
        return False
    os.environ[_PRELOADS] = ":".join([*others, path])
    return True


def remove_preload(path: str) -> None:
    """Leaves whatever else is there by now."""
    others = [other for other in _preloads() if other != path]
    if others:
        os.environ[_PRELOADS] = ":".join(others)
    else:
        os.environ.pop(_PRELOADS, None)


def _preloads() -> list[str]:
    return [path for path in os.environ.get(_PRELOADS, "").replace(" ", ":").split(":") if path]


def obeying_operator(variables: Mapping[str, str]) -> dict[str, str]:
    """Without a mode, where the environment that the process was given switches larder off."""
    given = _before[_MODE] if _MODE in _before else os.environ.get(_MODE)
    return {name: value for name, value in variables.items() if name != _MODE or given != "off"}
