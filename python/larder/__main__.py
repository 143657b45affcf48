"""Replaces this process by the program `larder`."""

import os
import sys
from typing import NoReturn

from larder._program import environment, program


def main() -> NoReturn:
    """Never returns: signals, standard streams and the exit code are the program's own."""
    try:
        os.execve(program(), ["larder", *sys.argv[1:]], environment())
    except OSError as error:
        sys.exit(f"larder: cannot run '{program()}': {error.strerror}\n"
                 "  reinstall larder-openvino in a directory from which programs may be executed")


if __name__ == "__main__":
    main()
