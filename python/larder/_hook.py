"""Models of this process are compiled through larder.

A small library (see src/hook/README.md) exports OpenVINO's own `ov::Core::compile_model`. It has to
be in memory before OpenVINO, so that OpenVINO's callers find it first; whether it serves them can
be changed at any time.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from larder._error import Error
from larder._program import PACKAGE, run
from larder._settings import Settings, StrPath, variables_of

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from typing import Self, Unpack
    else:
        from typing_extensions import Self, Unpack

_PRELOAD = "liblarder_preload.so"
_OPENVINO = "libopenvino.so"
_TIMEOUT_SECONDS = 60.0


class Installation:
    """As long as it lasts, models of this process are compiled through larder.

    What :func:`install` returns: keep it for :meth:`uninstall`, use it in a `with` statement, or
    forget it. Of several, the last one ends first.
    """

    def __init__(self, preload: ctypes.CDLL, variables: Mapping[str, str]) -> None:
        self._renew = preload.larder_preload_renew
        self._renew.argtypes = [ctypes.c_bool]
        self._renew.restype = ctypes.c_bool
        self._before = {name: os.environ.get(name) for name in variables}
        # Also into the environment of the C library, where larder reads it.
        os.environ.update(variables)
        self._served_before: bool = self._renew(True)
        self._lasts = True

    def uninstall(self) -> None:
        """Goes back to what was before. Models that are loaded go on working."""
        if not self._lasts:
            return
        self._lasts = False
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._renew(self._served_before)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.uninstall()


def install(dir: StrPath | None = None, **settings: Unpack[Settings]) -> Installation:
    """From here on every model that this process compiles through OpenVINO is kept in a larder,
    and loaded the next time.

    `larder` has to be imported before `openvino`, or the program started with `larder run`;
    otherwise :class:`larder.Error`. Settings that cannot be read are a :class:`larder.UsageError`;
    what is not given is as the environment and the configuration files have it. What is given is
    put into the environment, so that processes that this one starts see it, too; they are served
    if they are forked, or install larder themselves.

    May be called again, with other settings. Not while other threads compile models.
    """
    variables = variables_of({"dir": dir, **settings})
    preload = _preload_in_memory()
    # A program would only get one warning, when it compiles its first model.
    run(["config", "--json"], variables, _TIMEOUT_SECONDS, on_answer=lambda _: None)
    return Installation(preload, variables)


def open_preload() -> None:
    """Makes :func:`install` possible, unless it is too late for that. Nothing is served yet."""
    if _path_in_memory(_PRELOAD) is None and _path_in_memory(_OPENVINO) is None:
        path = str(PACKAGE / "lib" / _PRELOAD)
        ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL).larder_preload_renew(False)


def _preload_in_memory() -> ctypes.CDLL:
    path = _path_in_memory(_PRELOAD)
    if path is None:
        raise Error("openvino was imported before larder, and cannot be served any more",
                    "import larder before openvino, or start the program with 'larder run'")
    preload = ctypes.CDLL(path)
    if not hasattr(preload, "larder_preload_renew"):
        raise Error(f"this program was started by another version of larder: '{path}'",
                    "start it with the 'larder run' of this one, or without")
    return preload


def _path_in_memory(library: str) -> str | None:
    """Of a library of this process whose file's name begins so."""
    with open("/proc/self/maps", encoding=sys.getfilesystemencoding(),
              errors="surrogateescape") as maps:
        for line in maps:
            path = line.rstrip("\n")[line.find("/"):] if "/" in line else ""
            if os.path.basename(path).startswith(library):
                return path
    return None
