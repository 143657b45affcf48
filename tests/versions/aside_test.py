"""Goal: with a hook of another release, or with none, a program compiles as without larder.

Method: a copy of the preload, with other folders beside it than those that scripts/adapters made.
"""

import re
import shutil
import subprocess
import sys

import harness
import on_release
from unable import unable

RELEASES = []


def model_functions(library):
    """The functions of ov::Core that compile a model, or read it from a file with properties."""
    names = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True,
                           check=True).stdout
    found = set(re.findall(r"_ZNK?2ov4Core\d+(?:compile|read)_model\w+", names))
    return {name for name in found if "compile_model" in name or "3AnyE" in name}


class AsideTest(harness.HookTest):
    def setUp(self):
        super().setUp()
        for release in RELEASES:
            if not on_release.python_of(release).exists():
                unable(self, f"OpenVINO {release} is missing: run scripts/adapters")
        self.preload = self.folder("lib") / "liblarder_preload.so"
        shutil.copy(harness.PRELOAD, self.preload)

    def client(self, release):
        return [on_release.python_of(release), harness.CLIENTS / "python_client.py", "one",
                self.models]

    def check(self, release, *texts):
        plain = self.unserved(*self.client(release))
        found = self.warned(self.preloaded(*self.client(release), preload=self.preload), *texts)
        self.assertEqual(found.json, plain.json)
        self.assertFalse(self.dir.exists())

    def test_a_release_without_a_hook(self):
        for release in RELEASES:
            with self.subTest(release):
                self.check(release, f"this program has {release}, ", "larder is built for OpenVINO")

    def test_a_hook_of_another_release(self):
        for release, other in zip(RELEASES, RELEASES[1:] + RELEASES[:1]):
            with self.subTest(release, hook=other):
                place = self.preload.parent / "adapters" / on_release.hook_of(release).parent.name
                place.mkdir(parents=True)
                shutil.copy(on_release.hook_of(other), place)
                for core in on_release.hook_of(other).parents[2].glob("liblarder_store*.so.0"):
                    shutil.copy(core, self.preload.parent)
                self.check(release, "libopenvino.so.")

    def test_the_preload_knows_the_functions_of_each(self):
        known = model_functions(harness.PRELOAD)
        for release in RELEASES:
            with self.subTest(release):
                functions = model_functions(on_release.library_of(release))
                self.assertGreater(len(functions), 7)
                self.assertEqual(functions - known, set())


if __name__ == "__main__":
    RELEASES = sys.argv[1:]
    del sys.argv[1:]
    harness.main()
