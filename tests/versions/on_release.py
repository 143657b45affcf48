"""Runs a test on a release of OpenVINO, with what scripts/adapters has built for that release.

usage: on_release.py RELEASE python FILE…    a test in Python, and the programs that it starts
       on_release.py RELEASE openvino_tests  the test of the properties that its key leaves out
"""

import os
import pathlib
import sys

BUILT = pathlib.Path(os.environ["LARDER_BUILT"])
SKIPPED = 77


def python_of(release):
    return BUILT / "openvino" / release / "bin/python"


def library_of(release):
    [library] = BUILT.glob(f"openvino/{release}/lib/python3*/site-packages/openvino/libs/"
                           "libopenvino.so.*")
    return library


def hook_of(release):
    number = library_of(release).name.rpartition(".")[2]
    folder = pathlib.Path(os.environ["LARDER_PRELOAD"]).parent
    [hook] = folder.glob(f"adapters/{number}*/liblarder_hook.so")
    return hook


def main():
    release, program, *words = sys.argv[1:]
    is_python = program == "python"
    path = python_of(release) if is_python else BUILT / "adapters" / release / "tests" / program
    if not path.exists():
        print(f"{path} is missing: run scripts/adapters{'' if is_python else ' --tests'}")
        # The other test is built only on request.
        sys.exit(1 if is_python and os.environ.get("LARDER_NO_SKIPS") else SKIPPED)
    os.execv(path, [str(path), *words])


if __name__ == "__main__":
    main()
