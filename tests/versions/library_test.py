"""Goal: a C++ program links a liblarder that is built from source against its own OpenVINO, of
whichever release and std::string.

Method: for each release, only the libraries are configured and built; a small program with that
OpenVINO compiles a model, and loads it in its next run.
"""

import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest

import on_release
from unable import unable

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASES = []

PROGRAM = r"""
#include <iostream>
#include <larder/larder.hpp>
int main(int, char** words) {
    ov::Core core;
    larder::Cache cache({.directory = words[2], .keep = larder::Keep::all});
    const auto result = cache.compile_model(core, words[1], "CPU");
    std::cout << result.outcome << ' ' << ov::get_openvino_version().buildNumber << '\n';
}
"""


class LibraryTest(unittest.TestCase):
    def run_all(self, *commands, environment=None):
        for command in commands:
            done = subprocess.run([str(word) for word in command], env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=3000)
            self.assertEqual(done.returncode, 0, f"{shlex.join(map(str, command))}\n{done.stdout}")
        return done.stdout

    def test_it_builds_against_each(self):
        for release in RELEASES:
            with self.subTest(release):
                if not on_release.python_of(release).exists():
                    unable(self, f"OpenVINO {release} is missing: run scripts/adapters")
                self.check(release)

    def check(self, release):
        openvino = on_release.library_of(release).parents[1]
        # Kept between runs: the core is compiled, too.
        build = on_release.BUILT / "libraries" / release
        self.run_all(
            ["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
             # Compiles in a third of the time.
             "-DCMAKE_CXX_FLAGS_RELEASE=-O0", "-DCMAKE_UNITY_BUILD=ON", "-DLARDER_PROGRAM=OFF",
             f"-DOpenVINO_DIR={openvino / 'cmake'}"],
            ["cmake", "--build", build, "--parallel", str(os.cpu_count()), "--target", "liblarder"])
        with tempfile.TemporaryDirectory(prefix="larder-library-") as name:
            folder = pathlib.Path(name)
            self.run_all([os.environ["LARDER_WRITE_MODELS"], folder])
            source = folder / "program.cpp"
            source.write_text(PROGRAM)
            config = (openvino / "cmake/OpenVINOConfig.cmake").read_text()
            is_old = 'OpenVINO_GLIBCXX_USE_CXX11_ABI "0"' in config
            self.run_all(
                ["c++", "-std=c++20", f"-D_GLIBCXX_USE_CXX11_ABI={0 if is_old else 1}",
                 f"-I{ROOT / 'include'}", f"-I{openvino / 'include'}", source,
                 "-o", folder / "program", f"-L{build / 'lib'}", "-llarder", "-llarder_store",
                 on_release.library_of(release),
                 f"-Wl,-rpath,{build / 'lib'}:{openvino / 'libs'}"])
            for outcome in ("compiled", "loaded"):
                said = self.run_all(
                    [folder / "program", folder / "dense.xml", folder / "larder"],
                    environment={"HOME": str(folder)})
                self.assertTrue(said.startswith(f"{outcome} {release}"), said)


if __name__ == "__main__":
    RELEASES = sys.argv[1:]
    del sys.argv[1:]
    unittest.main(verbosity=2)
