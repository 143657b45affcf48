"""Goal: the compiler itself keeps the layers apart.

Method: for every pair of layers, a file of one layer that includes a header of the other is
preprocessed with exactly the include roots that CMake gives to the first. It must work if the table
below allows it (so that a failure never has another reason), and must print "No such file"
otherwise. The table is written by hand: it repeats the design, not CMake.
"""

import argparse
import pathlib
import subprocess
import sys

# Internal code uses the enumerations and plain structs of the public headers.
LOW = {"base", "os", "format", "larder"}
STORE = LOW | {"store", "store/disk", "store/objects", "store/publish", "store/references"}
ENTRIES = LOW | {"store/disk", "store/objects", "store/entries"}
REFERENCES = ENTRIES | {"store/references"}
LIMIT = REFERENCES | {"store/limit"}
TIERS = STORE | {"state", "process", "cache/tiers"}
SESSION = TIERS | {"model", "runtime", "cache/ahead", "cache/entries", "cache/session"}
IDENTIFY = SESSION | {"cache/identify"}
ATTEMPT = IDENTIFY | {
    "cache/pages", "cache/blob", "cache/sharing", "cache/stale", "cache/attempt"}
MAY_INCLUDE = {
    "base": {"base", "larder"},
    "os": {"base", "larder", "os"},
    "process": {"base", "larder", "os", "process"},
    "format": {"base", "larder", "format"},
    "store/disk": LOW | {"store/disk"},
    "store/objects": LOW | {"store/disk", "store/objects"},
    "store/entries": ENTRIES,
    "store/references": REFERENCES,
    "store/limit": LIMIT,
    "store/publish": LIMIT | {"store/publish"},
    "store/compression": LIMIT - {"store/references"}
    | {"process", "store/publish", "store/compression"},
    "store": LIMIT | {"process", "store/publish", "store/compression", "store"},
    "state": LOW | {"store/disk", "state"},
    "model": {"base", "larder", "os", "model"},
    "remote": LOW | {"remote"},
    "exchange": STORE | {"remote", "exchange"},
    "runtime": {"base", "larder", "runtime"},
    "openvino": LOW | {"process", "runtime", "openvino"},
    "cache/pages": STORE | {"process", "runtime", "cache/pages"},
    "cache/ahead": STORE | {"state", "cache/ahead"},
    "cache/entries": STORE | {"cache/entries"},
    "cache/tiers": LOW | {"store/disk", "state", "process", "cache/tiers"},
    "cache/session": SESSION,
    "cache/identify": IDENTIFY,
    "cache/blob": IDENTIFY | {"cache/blob"},
    "cache/sharing": IDENTIFY | {"cache/pages", "cache/sharing"},
    "cache/attempt": ATTEMPT,
    "cache/stale": SESSION | {"cache/stale"},
    "cache": ATTEMPT,
    "cli": {"cli", "larder"},
    "hook": {"hook", "larder"},
    "serve": {"serve", "cli", "larder"},
}
# The composition roots and the tests' fixtures may see all that they join.
FREE = {"api", "exchange_verbs", "support"}


def first_header(source, layer):
    folder = source / "include/larder" if layer == "larder" else source / "src" / layer
    name = "larder/options.hpp" if layer == "larder" else None
    headers = sorted(folder.glob("*.h"))
    return name or (f"{layer}/{headers[0].name}" if headers else None)


def compiles(compiler, roots, header):
    """Whether a file that includes `header` compiles, and the compiler's output."""
    command = [compiler, "-std=c++20", "-x", "c++", "-M", "-"] + [f"-I{root}" for root in roots]
    result = subprocess.run(command, input=f'#include "{header}"\n', capture_output=True, text=True)
    return result.returncode == 0, result.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--roots", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    options = parser.parse_args()

    failures, right, wrong = [], 0, 0
    for line in options.roots.read_text().splitlines():
        layer, _, roots = line.partition("=")
        if layer in FREE:
            continue
        if layer not in MAY_INCLUDE:
            failures.append(f"{layer} is a layer that the table does not know")
            continue
        for other in [*MAY_INCLUDE, "larder"]:
            header = first_header(options.source, other)
            if header is None:
                continue
            built, said = compiles(options.compiler, [r for r in roots.split(";") if r], header)
            if other in MAY_INCLUDE[layer]:
                right += 1
                if not built:
                    failures.append(f"{layer} cannot include {header}:\n{said}")
            else:
                wrong += 1
                if built or f"{header}: No such file" not in said:
                    failures.append(f"{layer} can include {header}\n{said}")
    print(f"{right} allowed includes compile, {wrong} others do not, {len(failures)} failures")
    print("\n".join(failures))
    return 1 if failures or not right or not wrong else 0


if __name__ == "__main__":
    sys.exit(main())
