"""Goal: a program in C++ uses a liblarder that was built for its OpenVINO: the oldest, the last
with the older std::string, the newest.

Method: cmake links liblarder in the folder where scripts/adapters has compiled its sources for the
release, and a program to it. The build folder itself has those of the newest release.
"""

import os
import pathlib
import subprocess
import sys

import harness
import on_release
from unable import unable

RELEASES = []
TARGETS = ("liblarder", "linked_program")
# Against a hang: most of it is compiled.
SECONDS_MAX = 600


class LinkedTest(harness.HookTest):
    def programs(self):
        yield "", pathlib.Path(os.environ["LARDER_LINKED_PROGRAM"])
        for release in RELEASES:
            folder = on_release.BUILT / "adapters" / release
            if not (folder / "build.ninja").exists():
                unable(self, f"{folder} is missing: run scripts/adapters")
            built = subprocess.run(
                ["cmake", "--build", folder, "--target", *TARGETS], check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS_MAX)
            self.assertEqual(built.returncode, 0, built.stdout)
            yield release, folder / "tests/linked_program"

    def test_it_compiles_then_loads(self):
        for release, program in self.programs():
            with self.subTest(release):
                answers = {}
                for start in ("first", "second"):
                    done = self.done(self.run_bare(program, self.dir, self.dense))
                    build, *requests, refusal = done.out.splitlines()
                    self.assertTrue(build.startswith(release), build)
                    self.assertEqual(refusal, "refused")
                    answers[start] = [request.split() for request in requests]
                outcomes = {start: [outcome for outcome, _ in requests]
                            for start, requests in answers.items()}
                self.assertEqual(outcomes["first"][0], "compiled")
                self.assertEqual(outcomes["second"], ["loaded", "loaded"])
                values = {value for requests in answers.values() for _, value in requests}
                self.assertEqual(len(values), 1, answers)


if __name__ == "__main__":
    RELEASES = sys.argv[1:]
    del sys.argv[1:]
    harness.main()
