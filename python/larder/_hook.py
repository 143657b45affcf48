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

from larder._environment import add_layer, has_layers, obeying_operator, remove_layer
from larder._error import Error, UsageError
from larder._program import PACKAGE, run
from larder._settings import Settings, StrPath, variables_of

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from typing import Self, Unpack
    else:
        from typing_extensions import Self, Unpack

_PRELOAD = "liblarder_preload.so"
_PATH_BYTES = 4096
_TIMEOUT_SECONDS = 60.0

# Opened when the package is imported.
_own: ctypes.CDLL

# Whether the process was served before the first installation: by `larder run`.
_served_before = False


class Installation:
    """As long as it lasts, models of this process are compiled through larder.

    What :func:`install` returns: keep it for :meth:`uninstall`, use it in a `with` statement, or
    forget it. Of several, the settings of the last one that lasts hold.
    """

    def __init__(self, preload: ctypes.CDLL, variables: Mapping[str, str]) -> None:
        global _served_before
        self._renew = preload.larder_preload_renew
        self._renew.argtypes = [ctypes.c_bool]
        self._renew.restype = ctypes.c_bool
        self._variables = variables
        is_first = not has_layers()
        add_layer(variables)
        was_served: bool = self._renew(True)
        if is_first:
            _served_before = was_served
        self._lasts = True

    def uninstall(self) -> None:
        """Goes back to what the other installations say, or to what was before all of them. Models
        that are loaded go on working."""
        if not self._lasts:
            return
        self._lasts = False
        remove_layer(self._variables)
        self._renew(has_layers() or _served_before)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.uninstall()


def install(dir: StrPath | None = None, **settings: Unpack[Settings]) -> Installation:
    """From here on every model that this process compiles through OpenVINO is kept in a larder,
    and loaded the next time.

    `larder` has to be imported before `openvino`, or the program started with `larder run`;
    otherwise :class:`larder.Error`. A setting given here that cannot be read is a
    :class:`larder.UsageError`; what is not given is as the environment and the configuration files
    have it, and what cannot be read there is a warning when the first model is compiled.
    LARDER_MODE=off in the environment counts whatever is given. What is given is put into the
    environment, so that processes that this one starts see it, too; they are served if they are
    forked, or install larder themselves.

    May be called again, with other settings. Not while other threads compile models.
    """
    variables = obeying_operator(variables_of({"dir": dir, **settings}))
    preload = _preload_in_memory()
    try:
        run(["config", "--json"], variables, _TIMEOUT_SECONDS, on_answer=lambda _: None)
    except UsageError as error:
        # What an operator got wrong does not stop a program.
        if any(error.message.startswith(f"{name}:") for name in variables):
            raise
    return Installation(preload, variables)


def open_preload() -> None:
    """Makes :func:`install` possible, unless it is too late for that. Nothing is served yet."""
    global _own
    path = str(PACKAGE / "lib" / _PRELOAD)
    try:
        _own = ctypes.CDLL(path, mode=os.RTLD_NOLOAD)
        return  # this program was started by `larder run`
    except OSError:
        _own = ctypes.CDLL(path, mode=os.RTLD_LOCAL)
    if _path_in_time(_own) == path:
        ctypes.CDLL(path, mode=os.RTLD_GLOBAL).larder_preload_renew(False)


def _preload_in_memory() -> ctypes.CDLL:
    path = _path_in_time(_own)
    if path is None:
        raise Error("openvino was imported before larder, and cannot be served any more",
                    "import larder before openvino, or start the program with 'larder run'")
    preload = ctypes.CDLL(path)
    if not hasattr(preload, "larder_preload_renew"):
        raise Error(f"this program was started by another version of larder: '{path}'",
                    "start it with the 'larder run' of this one, or without")
    return preload


def _path_in_time(own: ctypes.CDLL) -> str | None:
    """Of the preload that OpenVINO's callers find. It is the library that looks: the loader is
    locked meanwhile, and other threads call it with the interpreter's lock, which Python would have
    to wait for."""
    path = ctypes.create_string_buffer(_PATH_BYTES)
    is_in_time = own.larder_preload_is_in_time
    is_in_time.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    is_in_time.restype = ctypes.c_bool
    return os.fsdecode(path.value) if is_in_time(path, len(path)) else None
