"""The variables that installations put into the environment of the process, one above another."""

from __future__ import annotations

import os
from collections.abc import Mapping

_MODE = "LARDER_MODE"

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


def obeying_operator(variables: Mapping[str, str]) -> dict[str, str]:
    """Without a mode, where the environment that the process was given switches larder off."""
    given = _before[_MODE] if _MODE in _before else os.environ.get(_MODE)
    return {name: value for name, value in variables.items() if name != _MODE or given != "off"}
