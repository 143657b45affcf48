"""The exceptions of larder."""

from __future__ import annotations

from collections.abc import Sequence

from larder.reports import CompileReport, FailedCompile


class Error(Exception):
    """larder could not do what was requested.

    `message` says what failed, on which file; `hint` says what to do, and may be empty. `exit_code`
    is the exit code of the program `larder`, or None if it was not started.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int | None = None) -> None:
        super().__init__(message, hint, exit_code)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UsageError(Error):
    """An unknown device, property or setting, or a value that cannot be read."""


class TimeLimitError(Error):
    """A call took longer than allowed. It was ended like Ctrl-C ends the program."""


class CompileError(Error):
    """Some of the models could not be compiled; `reports` also has the models that could."""

    def __init__(self, message: str, hint: str, exit_code: int | None,
                 reports: Sequence[CompileReport | FailedCompile]) -> None:
        super().__init__(message, hint, exit_code)
        self.args = (message, hint, exit_code, reports)
        self.reports = list(reports)
