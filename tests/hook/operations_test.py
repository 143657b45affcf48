"""Goal: a model of any operation that the CPU plugin runs gives the same numbers, names, shapes and
errors with larder as without, at its first start and at every later one.

Method: a program that compiles and runs one model for each operation and type is started once
without larder, and three times with it.
"""

import json
import re
import sys
import unittest

import harness

CLIENT = [sys.executable, str(harness.CLIENTS / "run_operations.py")]
CASES_MIN = 500
# The CPU plugin does not import its own exports of these models: they are compiled at each start,
# and after two refusals not published again.
REFUSED = ["read_value f16"]
# The CPU plugin compiles these only for processors with instructions for bf16.
NEEDS_INSTRUCTIONS = {"group_normalization bf16"}
# Enough for hundreds of models on a busy machine.
TIMEOUT_SECONDS = 800


class OperationsTest(harness.HookTest):
    def answers(self, outcome):
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.warnings, [], outcome.error)
        return [json.loads(line) for line in outcome.lines]

    def visible(self, answers):
        # OpenVINO's errors name nodes by a counter of the process.
        return [{key: re.sub(r"_[0-9]+", "_N", value) if key == "error" else value
                 for key, value in answer.items() if key != "loaded"}
                for answer in answers]

    def test_every_operation_is_the_same_with_larder(self):
        plain = self.answers(self.run_bare(*CLIENT, timeout=TIMEOUT_SECONDS))
        self.assertGreaterEqual(len(plain), CASES_MIN)
        failing = {answer["name"] for answer in plain if answer.get("error")}
        self.assertLessEqual(failing, NEEDS_INSTRUCTIONS)
        for start in range(3):
            before = self.outcomes() if start else None
            with self.subTest(start=start):
                answers = self.answers(self.run_larder(command=CLIENT, timeout=TIMEOUT_SECONDS))
                for expected, found in zip(self.visible(plain), self.visible(answers)):
                    self.assertEqual(found, expected)
                self.assertEqual(len(answers), len(plain))
                if start == 0:
                    continue
                compiled = [answer["name"] for answer in answers
                            if not answer.get("loaded") and answer["name"] not in failing]
                self.assertEqual(compiled, REFUSED, f"not loaded at start {start + 1}")
                now = self.outcomes()
                once_more = len(REFUSED) if start == 1 else 0
                self.assertEqual(now["compiled"] - before["compiled"], once_more)
                self.assertEqual(now["bypassed"] - before["bypassed"], len(REFUSED) - once_more)
        self.assertIn("refuses to import its own export", json.dumps(self.larder("stats")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
