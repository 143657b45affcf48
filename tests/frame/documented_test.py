"""Goal: tools/documented.py finds each public name and each metric that no document has.

Method: a small tree whose documents name everything gives no finding; the same tree with one more
function, type, method or metric gives exactly one.
"""

import pathlib
import tempfile
import unittest

import tool_under_test

documented = tool_under_test.load("documented")

GOOD = {
    "include/larder/larder.hpp":
        "// larder::hidden() is a comment.\n"
        "class LARDER_EXPORT Cache {\npublic:\n    explicit Cache(int options);\n"
        "    Cache& operator=(Cache&&) noexcept;\n"
        "    [[nodiscard]] Result load(int model,\n                              int device);\n"
        "private:\n    void secret();\n};\n"
        "[[nodiscard]] LARDER_EXPORT Settings\nload_settings(int overrides);\n",
    "include/larder/larder.h": "LARDER_EXPORT void larder_close(larder_cache* cache);\n",
    "python/larder/__init__.py": '__all__ = ["Cache", "Settings"]\n',
    "python/larder/_cache.py":
        "class Cache:\n    def ls(self): ...\n    def _run(self): ...\nclass Other: ...\n",
    "python/larder/reports.py": "class Listing:\n    entries: list[str]\n",
    "src/serve/metrics.cpp": 'add(families, "hits_total", "", 1);\n',
    "docs/cpp.md":
        "`Cache` has `load`; `load_settings`\n"
        "```c\nlarder_close(cache);  // larder_cache\n```\n",
    "docs/python.md": "`Cache.ls` returns a `Listing`; `Settings`.\n",
    "docs/cli.md": "`--json` gives `entries`.\n",
    "docs/dashboard.md": "`hits_total{reason}`\n",
}

# the name that is missing -> the file that has it, and what is appended to it
BAD = {
    "Store": ("include/larder/larder.hpp", "struct Store {\n    int bytes = 0;\n};\n"),
    "Mode": ("include/larder/larder.hpp", "enum class Mode { on };\n"),
    "pin": ("include/larder/larder.hpp", "class Cache2 : A {\npublic:\n    void pin(int);\n};\n"),
    "larder_open": ("include/larder/larder.h", "LARDER_EXPORT int larder_open(void);\n"),
    "rm": ("python/larder/_cache.py", "class Cache:\n    def rm(self): ...\n"),
    "Entry": ("python/larder/reports.py", "class Entry: ...\n"),
    "hits": ("python/larder/reports.py", "    hits: int\n"),
    "min_free": ("python/larder/_cache.py", "class Settings:\n    min_free: str\n"),
    "size_bytes": ("src/serve/metrics.cpp", 'gauge("size_bytes", "", 1);\n'),
    "waits": ("src/serve/metrics.cpp", 'add_by_reason(\n    families, "waits", "");\n'),
}


class DocumentedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        tool_under_test.write_tree(self.root, GOOD)

    def test_accepts_documents_that_name_everything(self):
        self.assertEqual(list(documented.findings(self.root)), [])

    def test_finds_each_name_that_is_missing(self):
        for name, (file, text) in BAD.items():
            with self.subTest(name=name):
                path = self.root / file
                path.write_text(GOOD[file] + text)
                found = [line for line in documented.findings(self.root) if f"`{name}`" in line]
                self.assertEqual(len(found), 1, list(documented.findings(self.root)))
                path.write_text(GOOD[file])

    def test_a_name_in_a_sentence_is_not_enough(self):
        (self.root / "docs/python.md").write_text(
            "Cache has ls, which returns a `Listing`; `Settings`.\n")
        self.assertEqual(len(list(documented.findings(self.root))), 2)


if __name__ == "__main__":
    unittest.main()
