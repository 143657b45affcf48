"""The environment of the examples: the packages of two environments, those of the first before
those of the second.

usage: environment.py PACKAGE CLIENT WORK
PACKAGE has larder and OpenVINO, CLIENT the web server. Nothing is downloaded or copied.
"""

import pathlib
import shutil
import subprocess
import sys
import sysconfig


def site_of(environment):
    names = {"base": str(environment), "platbase": str(environment)}
    return pathlib.Path(sysconfig.get_path("platlib", "venv", names))


def main():
    package, client, work = (pathlib.Path(word).absolute() for word in sys.argv[1:])
    for environment in (package, client):
        if not site_of(environment).is_dir():
            sys.exit(f"environment: there is no '{site_of(environment)}'; build larder, and run "
                     "scripts/setup_clients web")
    shutil.rmtree(work, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", work], check=True, timeout=300)
    (site_of(work) / "examples.pth").write_text(f"{site_of(package)}\n{site_of(client)}\n")
    (work / "bin/larder").symlink_to(package / "bin/larder")


if __name__ == "__main__":
    main()
