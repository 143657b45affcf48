"""A copy of the installed OpenVINO under the version of a release that does not exist yet."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig

from elftools.elf.elffile import ELFFile

# Neither begins with a digit of the other: a copy is recognised by each of them.
MINOR = b"9"
DEFINED = "--defined-only"


def package():
    return pathlib.Path(sysconfig.get_path("platlib")) / "openvino"


def library():
    [path] = (package() / "libs").glob("libopenvino.so.*")
    return path


class Newer:
    """An environment of Python whose OpenVINO is newer than every hook."""

    def __init__(self, folder):
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / "bin/python"
        [self.site] = folder.glob("lib/python3*/site-packages")
        for other in package().parent.iterdir():
            if other.name.startswith("numpy"):
                (self.site / other.name).symlink_to(other)
        number = library().name.rpartition(".")[2].encode()
        self.number = number[:2] + MINOR + number[3:]
        old_name, new_name = b"libopenvino.so." + number, b"libopenvino.so." + self.number
        for path in package().rglob("*"):
            copy = self.site / "openvino" / path.relative_to(package())
            if path.is_dir():
                copy.mkdir(parents=True, exist_ok=True)
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            if ".so" not in path.name:
                copy.symlink_to(path)
                continue
            content = path.read_bytes().replace(old_name + b"\0", new_name + b"\0")
            copy.with_name(copy.name.replace(old_name.decode(), new_name.decode())).write_bytes(
                content)
        self.library = self.site / "openvino/libs" / new_name.decode()
        self.version = f"20{self.number[:2].decode()}.{MINOR.decode()}.{self.number[3:].decode()}"
        # Every library of it knows its version.
        year, minor, patch = f"20{number[:2].decode()}", chr(number[2]), chr(number[3])
        was = re.compile(rf"{year}\.{minor}\.{patch}(?=-\d)".encode())
        for path in (self.site / "openvino").rglob("*.so*"):
            if not path.is_symlink():
                path.write_bytes(was.sub(self.version.encode(), path.read_bytes()))

    def change(self, offset, content):
        """Overwrites bytes of the library, which becomes another build by that."""
        with self.library.open("r+b") as file:
            file.seek(offset)
            file.write(content)
            self._renew_build_id(file)

    def symbol(self, name):
        """The offset of the symbol's record in the file, of its name, and of its content."""
        with self.library.open("rb") as file:
            elf = ELFFile(file)
            table = elf.get_section_by_name(".dynsym")
            names = elf.get_section(table["sh_link"])
            for i, symbol in enumerate(table.iter_symbols()):
                if symbol.name == name:
                    [content] = elf.address_offsets(symbol["st_value"], 1)
                    return (table["sh_offset"] + i * table["sh_entsize"],
                            names["sh_offset"] + symbol["st_name"], content)
        raise LookupError(name)

    def imported_by(self, path):
        """Those of the library's functions that another one imports."""
        def names(path, which):
            found = subprocess.run(["nm", "-D", which, path], check=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True).stdout
            return {line.split()[-1] for line in found.splitlines()
                    if " T " in line or which != DEFINED}
        return names(path, "--undefined-only") & names(self.library, DEFINED)

    def imported_inside(self):
        """Those that other libraries of the package import."""
        found = set()
        for path in (self.site / "openvino").rglob("*.so*"):
            if not path.is_symlink() and path != self.library:
                found |= self.imported_by(path)
        return found

    def _renew_build_id(self, file):
        section = ELFFile(file).get_section_by_name(".note.gnu.build-id")
        file.seek(section["sh_offset"] + 16)
        file.write(os.urandom(section["sh_size"] - 16))

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
