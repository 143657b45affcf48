"""The environment of the Python package's tests: the wheel, and the OpenVINO of this environment,
but no other package of it.

usage: environment.py BUILD WORK
"""

import pathlib
import shutil
import subprocess
import sys
import sysconfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The dependencies of openvino, from this machine: nothing is downloaded.
BORROWED = ("openvino", "numpy")


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, timeout=600,
                          stdout=subprocess.PIPE, text=True).stdout


def site_of(python):
    return pathlib.Path(run(python, "-c", "import sysconfig; "
                                          "print(sysconfig.get_path('platlib'))").strip())


def main():
    build, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    shutil.rmtree(work, ignore_errors=True)
    wheel = run(sys.executable, ROOT / "python/build_wheel.py", build, work / "wheel").strip()
    environment = work / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin/python"
    site = site_of(python)
    for package in pathlib.Path(sysconfig.get_path("platlib")).iterdir():
        if package.name.startswith(BORROWED):
            (site / package.name).symlink_to(package)
    # The dependencies are checked: openvino must have the version that the wheel requires.
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index",
        "--disable-pip-version-check", wheel)


if __name__ == "__main__":
    main()
