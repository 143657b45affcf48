"""The OpenVINO of this process, which may be newer than larder."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import subprocess
from collections.abc import Mapping

from larder._program import PACKAGE, environment, program
from larder._version import OPENVINO

_TIMEOUT_SECONDS = 150.0
_VARIABLE = "LARDER_TRIED_OPENVINO"


def verdict_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variable that tells the preload which hook serves an OpenVINO that larder was not built
    for, or why none does; empty if none is needed. The program tries such an OpenVINO once, which
    takes a second or two. Does not import openvino."""
    library = _library()
    if library is None or _has_hook(library):
        return {}
    try:
        out = subprocess.run(
            [program(), "--verdict-on-openvino", str(library)],
            env={**environment(), **variables}, check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_TIMEOUT_SECONDS).stdout
    except (OSError, subprocess.SubprocessError):
        return {}  # models are compiled without larder, and the preload says so
    return {_VARIABLE: os.fsdecode(out)} if out else {}


def _library() -> pathlib.Path | None:
    try:
        spec = importlib.util.find_spec("openvino")
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        for library in pathlib.Path(folder, "libs").glob("libopenvino.so.*"):
            return library
    return None


def _has_hook(library: pathlib.Path) -> bool:
    number = library.name.rpartition(".")[2]
    folders = (PACKAGE / "lib/adapters").glob(f"{number}*")
    return library.name == OPENVINO or next(folders, None) is not None
