"""Goal: the numbers of a model do not depend on the global state of a process or a thread, neither
in the start that stores the model nor in any later one.

Method: each first start has another state; its entry is loaded in that state and in the default
state. Locales are made with localedef, in a directory of the test's own.
"""

import os
import subprocess
import sys

import harness

COMMA = "de_DE.UTF-8"
FE_UPWARD = 0x800


class ProcessStateTest(harness.HookTest):
    locales: str

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.locales = str(cls.models)
        made = subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", f"{cls.locales}/{COMMA}"],
            capture_output=True, text=True, check=False)
        if not os.path.isdir(f"{cls.locales}/{COMMA}"):
            raise AssertionError("install the package `locales`: " + made.stderr)

    def client(self, *states):
        return [sys.executable, str(harness.CLIENTS / "state_client.py"), *states]

    def served_in(self, *states):
        return self.served(*self.client(*states), environment={"LOCPATH": self.locales}).json

    def check(self, *states):
        plain = self.unserved(*self.client()).json["outputs"]
        starts = [self.served_in(*words) for words in (states, states, ())]
        self.assertEqual([start["outputs"] for start in starts], [plain] * 3)
        self.assertEqual([start["loaded"] for start in starts], [False, True, True])
        return starts

    def test_a_decimal_comma_is_in_no_blob(self):
        first, again, _ = self.check(f"locale={COMMA}")
        self.assertEqual((first["point"], again["point"]), (",", ","))

    def test_a_locale_that_another_thread_sets_is_in_no_blob(self):
        self.check(f"toggle={COMMA}")

    def test_a_rounding_mode_is_in_no_blob_and_stays(self):
        first, again, _ = self.check("upward")
        self.assertEqual((first["rounding"], again["rounding"]), (FE_UPWARD, FE_UPWARD))


if __name__ == "__main__":
    harness.main()
