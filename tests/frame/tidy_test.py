"""Goal: every rule of tools/tidy.py finds its violations.

Method: a small tree that obeys every rule gives no finding; the same tree with one violation gives
exactly one.
"""

import pathlib
import sys
import tempfile
import unittest

import tool_under_test

tidy = tool_under_test.load("tidy")

GOOD = {
    "src/store/CMakeLists.txt": "layer(store\n    SOURCES\n        a.cpp)\n",
    "src/store/a.cpp": '#include "store/a.h"\n\n#include <string>\n',
    "src/store/a.h": "#pragma once\n",
    "src/os/CMakeLists.txt": "layer(os SOURCES file.cpp)\n",
    "src/os/file.cpp": "#include <unistd.h>\nint f() { return ::close(1); }\n",
    "src/openvino/b.h": "#pragma once\n#include <openvino/runtime/core.hpp>\n",
    "src/cli/d.h": '#pragma once\n#include "larder/store.hpp"\n',
    "src/hook/e.h": '#pragma once\n#include <unistd.h>\n',
    "src/serve/f.h": '#pragma once\n#include "cli/json.h"\n',
    "tests/store/CMakeLists.txt": "layer_test(store SOURCES a_test.cpp)\n",
    "tests/store/a_test.cpp": "#include <fstream>\n",
}

# rule -> the file that breaks it, and what is appended to it
BAD = {
    "dotdot": ("src/store/a.cpp", '#include "../os/file.h"\n'),
    "include-root": ("src/store/a.cpp", '#include "a.h"\n'),
    "openvino-include": ("src/store/a.cpp", "#include <openvino/runtime/core.hpp>\n"),
    "public-headers": ("src/cli/d.h", '#include "store/a.h"\n'),
    "hook-headers": ("src/hook/e.h", '#include "store/a.h"\n'),
    "serve-headers": ("src/serve/f.h", '#include "store/a.h"\n'),
    "filesystem": ("src/store/a.cpp", "bool b = std::filesystem::exists(path);\n"),
    "streams": ("src/store/a.cpp", "#include <fstream>\n"),
    "system-header": ("src/store/a.cpp", "#include <sys/stat.h>\n"),
    "syscall": ("src/store/a.cpp", "int r = ::unlink(path);\n"),
    "wall-clock": ("src/store/a.cpp", "auto t = std::chrono::system_clock::now();\n"),
    "environment": ("src/store/a.cpp", 'auto e = std::getenv("HOME");\n'),
    "unfinished": ("src/store/a.cpp", "// TODO: more\n"),
    "blank-end": ("src/store/a.cpp", "int i; \n"),
    "tab": ("src/store/a.cpp", "\tint i;\n"),
    "line-length": ("src/store/a.cpp", "// " + "x" * 98 + "\n"),
    "file-length": ("src/store/a.cpp", "int i;\n" * 500),
    "end-of-file": ("src/store/a.cpp", "int i;"),
    "pragma-once": ("src/store/c.h", "int i;\n"),
    "not-built": ("tests/store/forgotten_test.cpp", "\n"),
    "readme-length": ("src/store/README.md", "line\n" * 43),
}


def findings(changes):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        tool_under_test.write_tree(root, GOOD)
        for name, text in changes:
            with (root / name).open("a") as file:
                file.write(text)
        return tidy.Tidy(root).run()


class TidyTest(unittest.TestCase):
    def test_a_tree_that_keeps_the_rules_has_no_findings(self):
        self.assertEqual(findings([]), [])

    def test_each_violation_is_found(self):
        for rule, change in BAD.items():
            with self.subTest(rule):
                found = findings([change])
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(change[0] + ":"), found)
                self.assertTrue(found[0].endswith(f"[{rule}]"), found)

    def test_every_rule_is_tried(self):
        rules = {rule.name for rule in tidy.CODE_RULES + tidy.TEXT_RULES}
        self.assertEqual(rules - set(BAD), set())

    def test_a_commented_out_source_counts_as_forgotten(self):
        found = findings([("src/store/b.cpp", "\n"), ("src/store/CMakeLists.txt", "# b.cpp\n")])
        self.assertEqual(len(found), 1, found)

    def test_an_exception_needs_its_reason(self):
        line = "int r = ::unlink(path);  // tidy-allow(syscall):"
        self.assertEqual(len(findings([("src/store/a.cpp", f"{line}\n")])), 1)
        self.assertEqual(findings([("src/store/a.cpp", f"{line} no file system here\n")]), [])


if __name__ == "__main__":
    sys.exit(unittest.main())
