"""Runs a test on a release of OpenVINO, with what scripts/adapters built for that.

usage: on_release.py RELEASE python FILE…    a test in Python, and the programs that it starts
       on_release.py RELEASE openvino_tests  the tests of src/openvino
"""

import os
import pathlib
import sys

BUILT = pathlib.Path(os.environ["LARDER_BUILT"])
SKIPPED = 77


def python_of(release):
    return BUILT / "openvino" / release / "bin/python"


def main():
    release, program, *words = sys.argv[1:]
    path = python_of(release)
    if program != "python":
        path = BUILT / "adapters" / release / "tests" / program
    if not path.exists():
        print(f"{path} is missing: run scripts/adapters --tests")
        sys.exit(1 if os.environ.get("LARDER_NO_SKIPS") else SKIPPED)
    os.execv(path, [str(path), *words])


if __name__ == "__main__":
    main()
