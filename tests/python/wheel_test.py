"""Goal: the wheel contains everything that a bare machine lacks, works on every machine of its
stated platform, and contains no trace of the machine that built it.

usage: wheel_test.py FOLDER
"""

import io
import pathlib
import re
import sys
import unittest
import zipfile

from elftools.elf.elffile import ELFFile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(sys.argv.pop())
# The C and C++ run-time libraries, which the wheel's platform covers; and OpenVINO.
ELSEWHERE = re.compile(
    r"^(libc|libm|libdl|libpthread|libgcc_s|libstdc\+\+|ld-linux-x86-64|libopenvino)\.so\.\d+$")


class WheelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        [cls.path] = FOLDER.glob("*.whl")
        cls.wheel = zipfile.ZipFile(cls.path)
        cls.addClassCleanup(cls.wheel.close)

    def metadata(self, name):
        [path] = [path for path in self.wheel.namelist() if path.endswith(f".dist-info/{name}")]
        return self.wheel.read(path).decode().splitlines()

    def binaries(self):
        """The dynamic section, by path."""
        found = {}
        for path in self.wheel.namelist():
            content = self.wheel.read(path)
            if not content.startswith(b"\x7fELF"):
                continue
            dynamic = ELFFile(io.BytesIO(content)).get_section_by_name(".dynamic")
            tags = list(dynamic.iter_tags())
            found[path] = {
                "needed": [tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"],
                "paths": [folder for tag in tags if tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH")
                          for folder in (getattr(tag, "rpath", "")
                                         or getattr(tag, "runpath", "")).split(":")],
            }
        return found

    def test_who_it_is_for(self):
        self.assertRegex(self.path.name,
                         r"^larder_openvino-\d+\.\d+\.\d+-py3-none-manylinux_2_\d+_x86_64\.whl$")
        self.assertIn("Root-Is-Purelib: false", self.metadata("WHEEL"))
        about = self.metadata("METADATA")
        # On PyPI the name larder belongs to another project.
        self.assertIn("Name: larder-openvino", about)
        self.assertIn("Requires-Python: >=3.10", about)
        self.assertRegex("\n".join(about), r"(?m)^Requires-Dist: openvino>=2024\.3$")
        self.assertIn("License-Expression: Apache-2.0", about)
        self.assertIn("Description-Content-Type: text/markdown", about)
        self.assertEqual([line for line in about if line.startswith(("Author", "Maintainer"))], [])
        text = "\n".join(about[about.index(""):])
        self.assertIn("larder.install(", text)
        # Links into the sources, and commands that run there.
        self.assertNotRegex(text, r"\]\((?!https:)|scripts/build|find_package")

    def test_the_licences_of_what_is_in_it(self):
        licences = {path.rpartition("/")[2]: self.wheel.read(path).decode()
                    for path in self.wheel.namelist() if ".dist-info/licenses/" in path}
        for name, says in (("LICENSE", "Apache License"), ("libzstd-dev", "BSD"),
                           ("libfmt-dev", "fmt"), ("libsqlite3-dev", "public domain"),
                           ("librust-blake3-dev", "CC0"), ("libtomlplusplus-dev", "MIT"),
                           ("nlohmann-json3-dev", "MIT"), ("libcli11-dev", "BSD"),
                           ("libexpected-dev", "CC0")):
            self.assertIn(says, licences[name], name)

    def test_what_man_and_shells_look_for(self):
        [data] = {path.split("/")[0] for path in self.wheel.namelist() if ".data/" in path}
        for path in ("man/man1/larder.1", "bash-completion/completions/larder",
                     "zsh/site-functions/_larder", "fish/vendor_completions.d/larder.fish"):
            self.assertIn(b"larder", self.wheel.read(f"{data}/data/share/{path}"), path)

    def test_what_it_needs_is_in_it(self):
        binaries = self.binaries()
        names = {pathlib.PurePath(path).name for path in binaries}
        self.assertLessEqual(
            {"larder", "liblarder_preload.so", "liblarder_hook.so", "liblarder_verbs.so"}, names)
        # Most verbs of the program work without OpenVINO, or with another version of it.
        for path in ("larder/bin/larder", "larder/lib/liblarder_store.so.0"):
            self.assertNotIn("openvino", " ".join(binaries[path]["needed"]))
        for path, facts in binaries.items():
            for library in facts["needed"]:
                self.assertTrue(library in names or ELSEWHERE.match(library), (path, library))
        # One SQLite for a whole process: two copies would release each other's locks.
        self.assertEqual(len([name for name in names if "sqlite" in name]), 1, names)

    def test_no_library_is_searched_for_outside(self):
        binaries = self.binaries()
        for path, facts in binaries.items():
            for folder in facts["paths"]:
                self.assertTrue(folder.startswith("$ORIGIN"), (path, folder))
        self.assertIn("$ORIGIN/../../openvino/libs",
                      binaries["larder/lib/liblarder_verbs.so"]["paths"])
        self.assertEqual(binaries["larder/lib/liblarder_preload.so"], {"needed": [], "paths": []})

    def test_no_hint_installs_the_package_of_another_project(self):
        for path in self.wheel.namelist():
            hints = re.findall(rb"pip install[^\"\n\0]*", self.wheel.read(path))
            self.assertEqual([hint for hint in hints if re.search(rb"\blarder(?!-openvino)", hint)],
                             [], path)

    def test_the_rest(self):
        for path in self.wheel.namelist():
            self.assertNotIn(str(ROOT).encode(), self.wheel.read(path), path)
        self.assertIn("larder/py.typed", self.wheel.namelist())
        mode = self.wheel.getinfo("larder/bin/larder").external_attr >> 16
        self.assertEqual(mode & 0o111, 0o111)


if __name__ == "__main__":
    unittest.main(verbosity=2)
