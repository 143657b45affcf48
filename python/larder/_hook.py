"""Models of this process are compiled through larder.

A small library (see src/hook/README.md) exports OpenVINO's own `ov::Core::compile_model`. It must
be in memory before OpenVINO, so that OpenVINO's callers find it first; serving can be switched on
and off at any time.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from larder._environment import (
    add_layer, add_preload, has_layers, is_last_layer, obeying_operator, remove_layer,
    remove_preload,
)
from larder._error import Error, UsageError
from larder._openvino import verdict_variables
from larder._program import PACKAGE, preload_for_loader, run
from larder.reports import Configuration
from larder._settings import Settings, StrPath, in_python_words, variables_of

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


# The path that the first installation added to LD_PRELOAD.
_added_preload: str | None = None


class Installation:
    """Until it ends, models of this process are compiled through larder.

    The result of :func:`install`: keep it for :meth:`uninstall`, use it in a `with` statement, or
    ignore it. Of several installations, the last one that has not ended is in effect.
    """

    def __init__(self, preload: ctypes.CDLL, variables: Mapping[str, str],
                 in_force: Mapping[str, str]) -> None:
        self._preload = preload
        self._variables = variables
        self._in_force = in_force
        _begin(preload, variables)
        self._lasts = True

    @property
    def directory(self) -> pathlib.Path | None:
        """The directory of the larder; None if the settings cannot be read: then nothing is
        stored."""
        directory = self._in_force.get("LARDER_DIR")
        return None if directory is None else pathlib.Path(directory)

    @property
    def mode(self) -> str | None:
        """The mode of the installation: "on", "off", …; None if the settings cannot be read."""
        return self._in_force.get("LARDER_MODE")

    @property
    def lasts(self) -> bool:
        """True until :meth:`uninstall`, or the end of the `with` statement."""
        return self._lasts

    @property
    def is_serving(self) -> bool:
        """Whether the next model that this process compiles goes through this installation: it has
        not ended, no later installation is in effect, it is not switched off, and this user may
        read its larder. Whether OpenVINO has the version for which larder was built is known after
        this process has compiled a model."""
        return (self._lasts and is_last_layer(self._variables) and self.mode not in (None, "off")
                and _may_read(self.directory) and _serves(self._preload))

    def __repr__(self) -> str:
        if not self._lasts:
            state = "ended"
        elif self.mode is None:
            state = "keeps nothing: its settings cannot be read"
        elif is_last_layer(self._variables):
            state = f"mode {self.mode}" + ("" if self.is_serving else ", not serving")
        else:
            state = f"mode {self.mode}, behind another"
        return f"<larder.Installation in '{self.directory}': {state}>"

    def uninstall(self) -> None:
        """Restores the settings of the other installations, or the original ones. Loaded models
        continue to work."""
        if not self._lasts:
            return
        self._lasts = False
        _end(self._preload, self._variables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.uninstall()


def install(dir: StrPath | None = None, **settings: Unpack[Settings]) -> Installation:
    """From now on every model that this process compiles through OpenVINO is stored in a larder,
    and loaded the next time.

    `larder` must be imported before `openvino`, or the program must be started with `larder run`;
    otherwise this raises :class:`larder.Error`. An invalid argument raises
    :class:`larder.UsageError`. Settings that are not given come from the environment and the
    configuration files; an invalid value there causes a warning when the first model is compiled.
    LARDER_MODE=off in the environment overrides every argument. The arguments are put into the
    environment, and the preload into LD_PRELOAD: programs that this one starts from now on,
    including workers of `multiprocessing`, are served as if `larder run` had started them.

    May be called again, with other settings. Not while other threads compile models.
    """
    given = {"dir": dir, **settings}
    variables = obeying_operator(variables_of(given))
    try:
        preload, in_force = _preload_in_memory(), _in_force(variables, given)
        if in_force.get("LARDER_MODE", "off") != "off":
            variables.update(verdict_variables(variables))
        return Installation(preload, variables, in_force)
    except Error as error:
        # Users do not need the traceback inside larder.
        raise error.with_traceback(None) from None


def _in_force(variables: Mapping[str, str], given: Mapping[str, object]) -> dict[str, str]:
    """Every setting, by variable; none if an operator's setting is invalid: that must not stop a
    program."""
    answers: list[Configuration] = []
    try:
        # The first compile prints a warning about this.
        run(["config", "--json"], variables, _TIMEOUT_SECONDS, on_answer=answers.append,
            passes_warnings_on=False)
    except UsageError as error:
        wrong = in_python_words(error, given)
        if wrong is not None:
            raise wrong from None
    return {setting["variable"]: setting["value"]
            for answer in answers for setting in answer["settings"]}


def _begin(preload: ctypes.CDLL, variables: Mapping[str, str]) -> None:
    global _served_before, _added_preload
    is_first = not has_layers()
    add_layer(variables)
    was_served = _renew(preload, True)
    if not is_first:
        return
    _served_before = was_served
    path = preload_for_loader(preload._name, variables)
    _added_preload = path if path is not None and add_preload(path) else None


def _end(preload: ctypes.CDLL, variables: Mapping[str, str]) -> None:
    remove_layer(variables)
    if not has_layers() and _added_preload is not None:
        remove_preload(_added_preload)
    _renew(preload, has_layers() or _served_before)


def open_preload() -> None:
    """Makes :func:`install` possible, unless OpenVINO is already loaded. Nothing is served yet."""
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
        raise Error("openvino was imported before larder, and larder cannot serve it any more",
                    "import larder before openvino (in a notebook: restart the kernel), or start "
                    "the program with 'larder run'")
    preload = ctypes.CDLL(path)
    if not hasattr(preload, "larder_preload_serves"):
        raise Error(f"this program was started by another version of larder: '{path}'",
                    "start it with the 'larder run' of this one, or without")
    return preload


def _path_in_time(own: ctypes.CDLL) -> str | None:
    """The path of the preload that OpenVINO's callers find, or None. The library searches, not
    Python: the loader is locked during the search, and Python would have to wait for the
    interpreter's lock, which other threads hold while they call the loader."""
    path = ctypes.create_string_buffer(_PATH_BYTES)
    is_in_time = own.larder_preload_is_in_time
    is_in_time.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    is_in_time.restype = ctypes.c_bool
    return os.fsdecode(path.value) if is_in_time(path, len(path)) else None


def _renew(preload: ctypes.CDLL, serves: bool) -> bool:
    """Switches serving on, with the current environment, or off. Returns whether it was on."""
    renew = preload.larder_preload_renew
    renew.argtypes = [ctypes.c_bool]
    renew.restype = ctypes.c_bool
    return bool(renew(serves))


def _may_read(directory: pathlib.Path | None) -> bool:
    if directory is None:
        return False
    return not os.path.lexists(directory) or os.access(directory, os.R_OK | os.X_OK)


def _serves(preload: ctypes.CDLL) -> bool:
    serves = preload.larder_preload_serves
    serves.argtypes = []
    serves.restype = ctypes.c_bool
    return bool(serves())
