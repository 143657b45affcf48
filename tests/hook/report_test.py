"""Goal: a user who asks sees what larder did in a program, and otherwise nothing.

Method: Python programs that `larder run` starts, with and without `--report` and `-v`.
"""

import sys

import harness

COMPILE = """
import sys
import openvino
core = openvino.Core()
for model in sys.argv[1:]:
    core.compile_model(model, "CPU")
"""


class ReportTest(harness.HookTest):
    def run_program(self, flags, *models, program=COMPILE, environment=None):
        outcome = self.run_bare(
            harness.PROGRAM, "run", "--dir", self.dir, *flags, sys.executable, "-c", program,
            *models, environment=environment)
        self.assertEqual((outcome.code, outcome.out), (0, ""), outcome)
        return outcome.error.splitlines()

    def test_nothing_is_said_unasked(self):
        self.assertEqual(self.run_program([], self.dense), [])
        self.assertEqual(self.run_program([], self.dense), [])

    def test_one_line_at_the_end(self):
        other = self.models / "other.xml"
        [line] = self.run_program(["--report"], self.dense, self.dense, other)
        self.assertRegex(line, r"^larder: 3 models: 1 loaded, 2 compiled, .+ saved$")
        [line] = self.run_program(["--report"], self.dense)
        self.assertRegex(line, r"^larder: 1 model: 1 loaded, .+ saved$")

    def test_a_line_for_each_model(self):
        first, summary = self.run_program(["-v"], self.dense)
        self.assertRegex(first, rf"^larder: {self.dense} on CPU: compiled in .+, because it is not "
                                r"kept yet; .+B kept$")
        self.assertIn("1 compiled", summary)
        second, _ = self.run_program(["-v"], self.dense)
        self.assertRegex(second, rf"^larder: {self.dense} on CPU: loaded in .+; compiling took ")
        third, summary = self.run_program(["-v", "--mode", "read-only"], self.models / "other.xml")
        self.assertRegex(third, r"on CPU: compiled in .+ and not kept: it is not kept yet, and")
        self.assertIn("1 bypassed, no time saved", summary)

    def test_where_larder_was_never_asked(self):
        self.assertEqual(self.run_program(["--report"], program="pass"),
                         ["larder: no model was compiled: there is no OpenVINO in this program"])
        self.assertEqual(self.run_program(["--report"], program="import openvino"),
                         ["larder: no model was compiled"])
        self.assertEqual(self.run_program(["--report", "--mode", "off"], self.dense),
                         ["larder: models were compiled without larder: LARDER_MODE is off"])

    def test_children_that_compile_nothing_say_nothing(self):
        program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'pass'])"
        self.assertEqual(len(self.run_program(["--report"], program=program)), 1)
        self.assertEqual(self.run_program([], program=program), [])


if __name__ == "__main__":
    harness.main()
