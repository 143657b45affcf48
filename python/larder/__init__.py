"""larder stores compiled OpenVINO models: each is compiled once, and loaded from then on.

    import larder  # before openvino

    larder.install(dir="models.larder", max_size="20GiB")
    # from here on every compile_model of this process goes through larder

    larder.Cache("models.larder").ls()  # what is kept

`larder.reports` has the types of the answers of a `Cache`. This package also contains the program
`larder`: `larder --help`, or `python -m larder --help`.
"""

from larder._cache import Cache
from larder._error import CompileError, Error, TimeLimitError, UsageError
from larder._hook import Installation, install, open_preload
from larder._settings import Settings
from larder._version import __version__

__all__ = [
    "Cache", "CompileError", "Error", "Installation", "Settings", "TimeLimitError", "UsageError",
    "__version__", "install",
]

open_preload()
del open_preload
