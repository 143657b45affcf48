"""Lets adapters of several releases of OpenVINO share their machine code.

usage: tools/merge_adapters.py PATCHELF ALIKE FOLDER OPENVINO [FOLDER OPENVINO]…

FOLDER holds an adapter, and OPENVINO is the library that it is linked to. Two libraries of adapters
are alike if they are the same, byte for byte, but for the number in the name of that OpenVINO and
the identifier of the build. Their code is then in adapters/shared, linked to no OpenVINO, and each
FOLDER has a small library that loads it together with its OpenVINO: the loader finds the functions
that the code calls in the libraries that were loaded for its sake. Fails if adapters of releases
that the file ALIKE names in one line are not alike.
"""

import collections
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

from elftools.elf.elffile import ELFFile

HOOK, VERBS = "liblarder_hook.so", "liblarder_verbs.so"
CORE = "$ORIGIN/../.."


def without_identity(path, openvino):
    """The bytes of a library, without what differs between two of the same code."""
    content = bytearray(path.read_bytes())
    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".note.gnu.build-id")
        begin, size = section["sh_offset"], section["sh_size"]
    content[begin:begin + size] = bytes(size)
    name = openvino.name.encode() + b"\0"
    assert content.count(name) == 1, path
    return bytes(content.replace(name, bytes(len(name))))


def needed(path):
    with path.open("rb") as file:
        dynamic = ELFFile(file).get_section_by_name(".dynamic")
        return [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")]


def number_of(folder):
    return folder.name.removesuffix("-old")


def expected_in(file):
    """The groups of a file, as the numbers that OpenVINO's library has: 2541 for 2025.4.1."""
    lines = (line.split() for line in file.read_text().splitlines() if not line.startswith("#"))
    return [{"".join(release[2:].split(".")) for release in line} for line in lines]


class Merger:
    def __init__(self, patchelf, expected):
        self.patchelf = patchelf
        self.expected = expected  # groups of the numbers of releases, such as "2541"

    def detach(self, library, target, removed):
        """Writes the code of a library, which asks for none of the removed ones."""
        words = ["--set-soname", target.name, "--set-rpath", CORE]
        for name in removed:
            words += ["--remove-needed", name]
        fresh = target.with_suffix(".new")
        shutil.copy(library, fresh)
        subprocess.run([self.patchelf, *words, fresh], check=True)
        fresh.replace(target)

    def load_together(self, place, code, libraries, run_path):
        """Writes a library without code, which loads others; known by its content and theirs."""
        identity = hashlib.sha1(code.read_bytes() + str(libraries).encode()).hexdigest()
        fresh = place.with_suffix(".new")
        with tempfile.TemporaryDirectory() as folder:
            # The linker takes from a library no more than its name.
            named = []
            for name in libraries:
                path = pathlib.Path(folder) / name
                subprocess.run(["cc", "-shared", "-nostdlib", f"-Wl,-soname,{name}", "-o", path,
                                "-x", "c", "/dev/null"], check=True)
                named.append(path)
            subprocess.run(
                ["cc", "-shared", "-nostdlib", "-s", "-o", fresh, f"-Wl,-soname,{place.name}",
                 "-Wl,-z,nodelete,-z,noseparate-code,--hash-style=gnu,--no-as-needed",
                 f"-Wl,--enable-new-dtags,-rpath,{run_path}", f"-Wl,--build-id=0x{identity}",
                 "-x", "c", "/dev/null", "-x", "none", *named], check=True)
        fresh.replace(place)

    def merge(self, adapters):
        """Of (folder, library of OpenVINO)."""
        for name in (HOOK, VERBS):
            alike = collections.defaultdict(list)
            for folder, openvino in adapters:
                alike[without_identity(folder / name, openvino)].append((folder, openvino))
            groups = [{number_of(folder) for folder, _ in group} for group in alike.values()]
            for group in self.expected:
                built = group & set().union(*groups)
                if built and not any(built <= other for other in groups):
                    sys.exit(f"merge_adapters: {' and '.join(sorted(built))} are not alike")
            for group in alike.values():
                if len(group) > 1:
                    self.share(name, group)

    def share(self, name, group):
        first, openvino = group[0]
        shared = first.parent / "shared"
        shared.mkdir(exist_ok=True)
        code = shared / f"{name.removesuffix('.so')}_{first.name}.so"
        beside = [each for each in needed(first / name) if each.startswith("liblarder_")]
        self.detach(first / name, code, {openvino.name, HOOK} & set(needed(first / name)))
        path = f"{CORE}:$ORIGIN/../shared:$ORIGIN"
        for folder, own in group:
            # The C library is loaded for the others anyway; lintian expects it to be named.
            libraries = [own.name, code.name, *beside, "libc.so.6"]
            self.load_together(folder / name, code, libraries, path)
        print(f"one {name} for", *(folder.name for folder, _ in group))


def main():
    if len(sys.argv) < 5 or len(sys.argv) % 2 == 0:
        sys.exit(__doc__)
    patchelf, file, *words = sys.argv[1:]
    paths = [pathlib.Path(word) for word in words]
    Merger(patchelf, expected_in(pathlib.Path(file))).merge(list(zip(paths[::2], paths[1::2])))


if __name__ == "__main__":
    main()
