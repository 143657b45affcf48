"""Builds a model with random weights. The last line printed is its path."""

import argparse
import pathlib
import sys

from models.catalog import CATALOG
from models.folder import build


def main() -> int:
    parser = argparse.ArgumentParser(prog="models", description=__doc__)
    parser.add_argument("name", nargs="?", choices=CATALOG, metavar="NAME")
    parser.add_argument("--out", type=pathlib.Path, help="the model is built in OUT/NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--self-test", action="store_true", help="build and run the small ones")
    arguments = parser.parse_args()
    if arguments.list:
        for name, entry in CATALOG.items():
            print(f"{name:18}{entry.summary}")
        return 0
    if arguments.self_test:
        from models.self_test import self_test

        return self_test()
    if not arguments.name or not arguments.out:
        parser.error("NAME and --out DIR are needed")
    print(build(arguments.name, arguments.out, arguments.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
