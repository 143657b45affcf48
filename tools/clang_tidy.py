#!/usr/bin/env python3
"""clang-tidy over the sources of a build, skipping each that has not changed since it last passed.

A file passes for good as long as it, every file of ours that it includes, its compile command, the
checks and their version stay the same. The static analyzer follows the paths through the named
files as far as it can, and through all others less far, which takes a third of the time. usage:
tools/clang_tidy.py [--build build/debug] [--tests] [FILE...]
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLANG_TIDY = ROOT / ".venv/bin/clang-tidy"
SHALLOW = [f"--extra-arg={word}"
           for word in ("-Xclang", "-analyzer-config", "-Xclang", "mode=shallow")]


def included_files(path, found):
    """The project's own files that a source includes, and those that they include."""
    for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
        for folder in (path.parent, ROOT / "src", ROOT / "include", ROOT / "tests"):
            included = (folder / name).resolve()
            if included.is_file():
                if included not in found:
                    found.add(included)
                    included_files(included, found)
                break
    return found


def stamp_of(entry, common):
    digest = hashlib.sha256(common)
    digest.update(entry["command"].encode())
    source = pathlib.Path(entry["file"])
    for path in sorted({source} | included_files(source, set())):
        digest.update(str(path).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(build, entry, depth):
    started = time.monotonic()
    result = subprocess.run([CLANG_TIDY, "--quiet", "-p", build, *depth, entry["file"]],
                            capture_output=True, text=True)
    return result, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/debug",
                        help="configured, with a command for each source alone")
    parser.add_argument("--tests", action="store_true", help="the tests' sources too")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    build = ROOT / options.build

    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, check=True).stdout
    common = version + (ROOT / ".clang-tidy").read_bytes()
    common += (ROOT / "requirements/runtime.txt").read_bytes()
    depth = [] if options.files else SHALLOW
    common += repr(depth).encode()
    stamps = build / "clang-tidy"
    stamps.mkdir(parents=True, exist_ok=True)

    folders = [f"{ROOT}/src/"] + ([f"{ROOT}/tests/"] if options.tests else [])
    wanted = {str(pathlib.Path(name).resolve()) for name in options.files}
    todo, skipped = [], 0
    for entry in json.loads((build / "compile_commands.json").read_text()):
        ours = entry["file"] in wanted if wanted else entry["file"].startswith(tuple(folders))
        if not ours or entry["file"].endswith(".S"):
            continue
        stamp = stamps / stamp_of(entry, common)
        if stamp.exists():
            skipped += 1
        else:
            todo.append((entry, stamp))

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = {pool.submit(run, build, entry, depth): (entry, stamp) for entry, stamp in todo}
        for future in concurrent.futures.as_completed(futures):
            entry, stamp = futures[future]
            result, seconds = future.result()
            name = os.path.relpath(entry["file"], ROOT)
            if result.returncode == 0:
                print(f"clang-tidy: {name}: {seconds:.1f} s", flush=True)
                stamp.touch()
            else:
                failed += 1
                print(f"clang-tidy: {name}: FAILED\n{result.stdout}{result.stderr}", flush=True)
    print(f"clang-tidy: {len(todo)} checked, {skipped} unchanged, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
