#!/usr/bin/env python3
"""clang-tidy over the sources of a build, skipping what has not changed since it last passed.

The sources of one unit of a unity build are read as one file, so that the headers that they share
are read once; a header is checked where a source includes it. A unit passes for good as long as its
files, every file of ours that they include, its compile command, the checks and their version stay
the same. Named files are each read alone, and the static analyzer follows the paths through them as
far as it can; through units less far, which takes a third of the time. usage: tools/clang_tidy.py
[--build build/release] [--tests] [FILE...]
"""

import argparse
import bisect
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLANG_TIDY = ROOT / ".venv/bin/clang-tidy"
SHALLOW = [f"--extra-arg={word}"
           for word in ("-Xclang", "-analyzer-config", "-Xclang", "mode=shallow")]


@dataclasses.dataclass
class Unit:
    command: dict  # as in compile_commands.json
    sources: list[pathlib.Path]


def units_of(build):
    for command in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(command["file"])
        if "/headers_" in str(file) or file.suffix == ".S":
            continue
        sources = [file]
        if file.parent.name == "Unity":
            sources = [pathlib.Path(name) for name in
                       re.findall(r'^#include "(/.*)"', file.read_text(), re.MULTILINE)]
        yield Unit(command, sources)


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


def stamp_of(unit, common):
    digest = hashlib.sha256(common)
    digest.update(unit.command["command"].encode())
    found = {*unit.sources, *unit.sources[0].parent.glob(".clang-tidy")}
    for source in unit.sources:
        included_files(source, found)
    for path in sorted(found):
        digest.update(str(path).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Joined:
    """The sources of a unit as one file, with each include once."""

    def __init__(self, unit, folder):
        self.sources = unit.sources
        self.starts = []
        self.file = folder / f"unit{unit.sources[0].suffix}"
        lines, included = [], set()
        for source in unit.sources:
            self.starts.append(len(lines))
            for line in source.read_text().splitlines():
                include = re.match(r'#include [<"].+?[>"]', line)
                is_again = include and include[0] in included
                lines.append("" if is_again else line)
                if include:
                    included.add(include[0])
        self.file.write_text("\n".join(lines) + "\n")
        # Tests include headers beside them.
        beside = " ".join(f"-iquote {place}" for place in {one.parent for one in unit.sources})
        words = unit.command["command"].replace(unit.command["file"], str(self.file))
        command = {**unit.command, "file": str(self.file), "command": f"{words} {beside}"}
        (folder / "compile_commands.json").write_text(json.dumps([command]))
        own_checks = unit.sources[0].parent / ".clang-tidy"
        if own_checks.exists():
            shutil.copy(own_checks, folder)

    def with_names_of_sources(self, text):
        def place(match):
            line = int(match[1]) - 1
            number = bisect.bisect_right(self.starts, line) - 1
            return f"{self.sources[number]}:{line - self.starts[number] + 1}"
        return re.sub(re.escape(str(self.file)) + r":(\d+)", place, text)


def check(unit, folder, depth):
    """Returns what clang-tidy complains about, and how many seconds it took."""
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    joined = Joined(unit, folder)
    result = subprocess.run([CLANG_TIDY, "--quiet", "-p", folder, *depth, joined.file],
                            capture_output=True, text=True)
    said = joined.with_names_of_sources(result.stdout + result.stderr)
    return said if result.returncode else None, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release", help="configured")
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

    folders = [f"{ROOT}/src/"] + ([f"{ROOT}/tests/"] if options.tests else [])
    missing = {pathlib.Path(name).resolve() for name in options.files}
    units = []
    for unit in units_of(build):
        if options.files:
            named = missing.intersection(unit.sources)
            missing -= named
            units += [Unit(unit.command, [source]) for source in named]
        elif str(unit.sources[0]).startswith(tuple(folders)):
            units.append(unit)
    if missing:
        print(f"clang-tidy: {options.build} does not compile {', '.join(map(str, missing))}")
        return 2

    todo = [(unit, stamps / stamp_of(unit, common)) for unit in units]
    todo = [(unit, stamp) for unit, stamp in todo if not stamp.exists()]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = {pool.submit(check, unit, stamps / f"unit_{number}", depth): (unit, stamp)
                   for number, (unit, stamp) in enumerate(todo)}
        for future in concurrent.futures.as_completed(futures):
            unit, stamp = futures[future]
            said, seconds = future.result()
            name = os.path.relpath(unit.sources[0], ROOT)
            if len(unit.sources) > 1:
                name += f" and {len(unit.sources) - 1} more"
            if said is None:
                print(f"clang-tidy: {name}: {seconds:.1f} s", flush=True)
                stamp.touch()
            else:
                failed += 1
                print(f"clang-tidy: {name}: FAILED\n{said}", flush=True)
    print(f"clang-tidy: {len(todo)} checked, {len(units) - len(todo)} unchanged, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
