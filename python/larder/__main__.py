"""The program `larder`, in place of this one."""

import os
import sys
from typing import NoReturn

from larder._error import Error
from larder._program import program


def main() -> NoReturn:
    """Never returns: signals, standard streams and the exit code are the program's own."""
    try:
        os.execv(program(), ["larder", *sys.argv[1:]])
    except Error as error:
        sys.exit(f"larder: {error}")


if __name__ == "__main__":
    main()
