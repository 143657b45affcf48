"""Goal: tools/versions_table.py says of each release what its tests did."""

import pathlib
import tempfile
import unittest

import tool_under_test

versions_table = tool_under_test.load("versions_table")

RESULTS = """<testsuite>
<testcase name="versions.python.2026.0.0" status="run"/>
<testcase name="versions.openvino.2026.0.0" status="run"/>
<testcase name="versions.python.2024.6.0" status="fail"/>
<testcase name="versions.openvino.2024.6.0" status="notrun"/>
<testcase name="versions.program" status="run"/>
</testsuite>
"""


class VersionsTableTest(unittest.TestCase):
    def test_a_line_for_each_release(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "results.xml"
            file.write_text(RESULTS)
            lines = versions_table.table(file).splitlines()
        self.assertEqual(lines[2:], [
            "| 2024.6.0 | older | 2024.5.0 | failed | not run |",
            "| 2026.0.0 | new |  | passed | passed |",
        ])


if __name__ == "__main__":
    unittest.main(verbosity=2)
