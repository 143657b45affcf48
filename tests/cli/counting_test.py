"""Goal: every request is counted as it ended, until the user sets the counts to zero.

Method: requests that end differently, and what `stats` and `top` print of them.
"""

import harness
from harness import ProgramTest


class CountingTest(ProgramTest):
    def test_refused_requests_are_counted(self):
        self.compile(self.models / "dense.xml")
        self.assertNotIn("REFUSED", self.done("stats").out)
        other = self.models / "other.xml"
        self.refused(1, "compile", other, "--mode", "cache-only", says="not loaded, because")
        stats = self.done("stats", "--json").json
        self.assertEqual((stats["compiled"], stats["refused"]), (1, 1))
        self.assertEqual(stats["refusal_reasons"], {"it is not kept yet": 1})
        self.assertEqual(stats["by_model"][str(other)]["refused"], 1)
        said = self.done("stats").out
        self.assertIn("2 requests: 0 from the larder (0 %)", said)
        self.assertRegex(said, r"MODEL +COMPILED +LOADED +WAITED +BYPASSED +REFUSED +SAVED\n")
        self.assertIn("REASON REFUSED", said)
        self.assertIn("REFUSED", self.done("top").out)

    def test_counts_are_set_to_zero(self):
        for _ in range(2):
            self.compile(self.models / "dense.xml")
        self.refused(2, "stats", "--zero", "--since", "7d", says="contradict")
        said = self.done("stats", "-z").out
        self.assertIn("2 requests: 1 from the larder", said)
        self.assertTrue(said.endswith("\nall counts are zero now\n"), said)
        self.assertIn("no requests are recorded yet", self.done("stats").out)
        [entry] = self.entries()
        self.assertEqual(entry["hits"], 1)
        self.compile(self.models / "dense.xml")
        self.assertEqual(self.done("stats", "--zero", "--json").json["loaded"], 1)
        self.assertEqual(self.done("stats", "--json").json["loaded"], 0)


if __name__ == "__main__":
    harness.main()
