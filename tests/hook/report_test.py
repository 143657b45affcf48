"""Goal: larder reports what it did in a program if the user requests it, and otherwise prints
nothing.

Method: Python programs that `larder run` starts, with and without `--report` and `-v`.
"""

import contextlib
import os
import sqlite3
import sys

import harness

SIMILAR_ENTRY = os.environ["LARDER_SIMILAR_ENTRY"]
MINUTE_NS = 60_000_000_000

WRITE = """
import sys
import numpy
import openvino
from openvino import opset13
data = opset13.parameter([1, 768], numpy.float32)
weights = opset13.constant(numpy.full([768, 768], 0.5, numpy.float32))
product = opset13.matmul(data, weights, False, False)
openvino.save_model(openvino.Model([product], [data], "matmul"), sys.argv[1], False)
"""

COMPILE = """
import sys
import openvino
core = openvino.Core()
for model in sys.argv[1:]:
    core.compile_model(model, "CPU")
"""


TRY = """
import sys
import openvino
core = openvino.Core()
for model in sys.argv[1:]:
    try:
        core.compile_model(model, "CPU")
    except RuntimeError:
        pass
"""

READ = """
import os
import sys
import openvino
core = openvino.Core()
model = core.read_model(sys.argv[1])
os.chdir("/")
if len(sys.argv) > 2:
    model.reshape([3, 64])
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

    def test_failed_requests_are_counted(self):
        [line] = self.run_program(["--report"], self.dense, self.root / "none.xml", program=TRY)
        self.assertRegex(line, r"^larder: 2 models: 1 compiled, 1 failed, no time saved$")
        [line] = self.run_program(["--report", "--mode", "cache-only"], self.models / "other.xml",
                                  program=TRY)
        self.assertRegex(line, r"^larder: 1 model: 1 refused, no time saved$")
        stats = self.larder("stats", "--json").json
        self.assertEqual((stats["compiled"], stats["refused"]), (1, 1))

    def test_why_weights_are_kept(self):
        # Of a graph in memory: small weights are not looked for in files, large ones are.
        heap = WRITE.replace("openvino.save_model(openvino.Model([product], [data], \"matmul\"), "
                             "sys.argv[1], False)",
                             "openvino.Core().compile_model(openvino.Model([product], [data], "
                             "\"matmul\"), \"CPU\")")
        self.assertNotIn("save_model", heap)
        self.run_program([], program=heap)
        self.run_program([], self.dense, "reshaped", program=READ)
        kept = {entry["model"]: entry["weights_kept"]
                for entry in self.larder("ls", "--json").json["entries"]}
        self.assertEqual(kept, {
            "matmul": "the program has them in memory of its own, not in mapped files",
            str(self.dense): "they are few"})

    def test_a_program_that_ends_without_a_report_is_counted(self):
        for ending in "import os; os._exit(0)", "import os; os.close(2)":
            self.assertEqual(self.run_program(["--report"], self.dense,
                                              program=f"{COMPILE}\n{ending}"), [])
        stats = self.larder("stats", "--json").json
        self.assertEqual((stats["compiled"], stats["loaded"]), (1, 1))

    def test_damage_that_verify_found_is_the_reason_of_the_next_compile(self):
        self.run_program([], self.dense)
        for path in (self.dir / "objects").rglob("*"):
            if path.is_file() and path.suffix != ".chunks":
                content = path.read_bytes()
                path.chmod(0o644)
                path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        self.larder("verify")
        said, _ = self.run_program(["-v"], self.dense)
        self.assertIn("because its blob was damaged, or crashed a process, and is set aside", said)

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

    def test_a_model_that_was_read_is_called_as_its_file(self):
        self.unserved(sys.executable, "-m", "models", "onnx-tiny", "--out", self.root,
                      environment={"PYTHONPATH": os.environ["PYTHONPATH"]})
        model = self.root / "onnx-tiny" / "onnx-tiny.onnx"
        read = "onnx-tiny/onnx-tiny.onnx"
        said, _ = self.run_program(["-v"], read, program=READ)
        self.assertIn(f"larder: {model} on CPU: compiled in", said)
        self.run_program([], read, "reshaped", program=READ)
        entries = self.larder("ls", "--json").json["entries"]
        self.assertEqual([entry["model"] for entry in entries], [str(model)] * 2)
        self.assertRegex(self.larder("ls").out, r"onnx-tiny.onnx \(.*\[3,64\].*\)")
        removed = self.larder("rm", model, "--yes", "--json").json["entries"]
        self.assertEqual(len(removed), 2)

    def test_a_tensorflow_lite_model_that_was_read_is_kept(self):
        self.unserved(sys.executable, "-m", "models", "tflite-tiny", "--out", self.root,
                      environment={"PYTHONPATH": os.environ["PYTHONPATH"]})
        model = self.root / "tflite-tiny" / "tflite-tiny.tflite"
        for outcome in ("compiled", "loaded"):
            [line] = self.run_program(["--report"], model, program=READ)
            self.assertIn(f"1 {outcome}", line)

    def test_who_only_reads_compiled_no_model(self):
        program = "import sys, openvino; openvino.Core().read_model(sys.argv[1])"
        self.assertEqual(self.run_program(["--report"], self.dense, program=program),
                         ["larder: no model was compiled in this process"])

    def test_where_larder_was_never_asked(self):
        self.assertEqual(self.run_program(["--report"], program="pass"),
                         ["larder: no model was compiled in this process, which has no OpenVINO; "
                          "'larder stats' counts its children, too"])
        self.assertEqual(self.run_program(["--report"], program="import openvino"),
                         ["larder: no model was compiled in this process"])
        self.assertEqual(self.run_program(["--report", "--mode", "off"], self.dense),
                         ["larder: models were compiled without larder: LARDER_MODE is off"])

    def test_children_that_compile_nothing_say_nothing(self):
        program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'pass'])"
        self.assertEqual(len(self.run_program(["--report"], program=program)), 1)
        self.assertEqual(self.run_program([], program=program), [])

    def larder(self, *words):
        return self.run_bare(harness.PROGRAM, *words, "--dir", self.dir)

    def test_a_model_that_is_not_kept_for_its_crashes_is_shown_and_can_be_let_in(self):
        crash = COMPILE.replace("core.compile", "loaded = core.compile") + (
            "    if loaded.get_property('LOADED_FROM_CACHE'):\n"
            "        import ctypes; ctypes.string_at(0)\n")
        for _ in range(8):
            self.run_larder(command=[sys.executable, "-c", crash, self.dense])
        [entry] = self.larder("ls", "--json").json["entries"]
        self.assertRegex(entry["withheld"], r"took \d processes down \(SIGSEGV\); it is kept again")
        self.assertIn("(not kept)", self.larder("ls").out)
        self.assertIn("processes down", self.larder("show", self.dense).out)
        [found] = [f for f in self.larder("doctor", "--json").json["findings"]
                   if f["subject"] == "entry"]
        self.assertEqual(found["remedy"], f"to keep it nevertheless: larder rm {entry['key'][:12]}")
        self.larder("rm", "-y", entry["key"][:12])
        for outcome in ("compiled", "loaded"):
            [line] = self.run_program(["--report"], self.dense)
            self.assertIn(f"1 {outcome}", line)

    def test_a_model_that_gains_nothing_is_not_kept_any_more_and_can_be_let_in(self):
        model = str(self.root / "matmul.xml")
        self.unserved(sys.executable, "-c", WRITE, model)
        self.run_program([], model)
        [entry] = self.larder("ls", "--json").json["entries"]
        # No load is faster than this.
        path = self.dir / "entries" / entry["key"][:2] / f"{entry['key']}.json"
        self.unserved(SIMILAR_ENTRY, path, "1", "compile_ms=1")
        for _ in range(7):
            self.assertIn("1 loaded, no time saved", self.run_program(["--report"], model)[0])
        self.assertLess(self.larder("stats", "--json").json["saved_ms"], 0)
        self.assertIn("loads no quicker than it compiles", self.larder("stats").out)
        # As if a minute had passed between them.
        [state] = (self.root / ".local/state/larder").glob("*.db")
        with contextlib.closing(sqlite3.connect(state)) as database, database:
            database.execute(f"UPDATE slow_loads SET began_ns=began_ns-(8-id)*{MINUTE_NS}, "
                             f"ended_ns=ended_ns-(8-id)*{MINUTE_NS}")
        self.assertIn("1 loaded", self.run_program(["--report"], model)[0])
        [entry] = self.larder("ls", "--json").json["entries"]
        self.assertEqual(entry["bytes"], 0)
        self.assertRegex(entry["withheld"], r"gained nothing \d times in a row: it took .+ or "
                                            r"more, compiling 1.00 ms")
        lift = f"to keep it nevertheless: larder pin {entry['key'][:12]}"
        self.assertIn(lift, self.larder("doctor").out)
        self.assertIn(lift, self.larder("why", model).out)
        self.assertIn("larder pin", self.larder("show", model).out)
        # A program that needs the larder does not fail because of it.
        for flags in ([], ["--mode", "cache-only"], ["--mode", "read-only"]):
            self.assertIn("1 bypassed", self.run_program(["--report", *flags], model)[0])
        self.larder("pin", entry["key"][:12])
        for outcome in ("compiled", "loaded"):
            self.assertIn(f"1 {outcome}", self.run_program(["--report"], model)[0])


if __name__ == "__main__":
    harness.main()
