"""Goal: tools/names.py finds each name in a document that the tree does not have.

Method: a small tree whose documents name only what exists gives no finding; the same tree with one
wrong name, or one more layer, gives exactly one.
"""

import pathlib
import sys
import tempfile
import unittest

import tool_under_test

names = tool_under_test.load("names")

GOOD = {
    "README.md": "See [the layers](docs/architecture.md#words) and `src/store/store.h`.\n",
    "docs/architecture.md":
        "```\nsrc/store  objects\n```\n\nRead `src/store/store.h`, then `serve_all` in "
        "`src/store/disk/walk.cpp`.\n`larder ls`, `LOUD` and `build/release` are no names of it.\n"
        "\n## Words\n",
    "docs/format.md":
        "# The `format`, in short\n\nThe store writes `tmp/` and calls `O_DIRECT`.\n"
        "[The begin](#the-format-in-short) says more.\n",
    "src/store/CMakeLists.txt": "layer(store)\n",
    "src/store/README.md": "The room `disk` has `walk.cpp`; `Store::find` is in `store.h`.\n",
    "src/store/store.h": "class Store { void find(); };\n",
    "src/store/disk/CMakeLists.txt": "layer(store/disk)\n",
    "src/store/disk/walk.cpp": "void serve_all() {}\n",
}

# what the finding says -> the file that causes it, and what is appended to it
BAD = {
    "there is no file gone.md": ("README.md", "[gone](gone.md)\n"),
    "docs/format.md has no heading gone": ("README.md", "[gone](docs/format.md#gone)\n"),
    "the document has no heading gone": ("docs/format.md", "## `Kept` twice\n\n[gone](#gone)\n"),
    "there is no file or folder src/store/gone.h": ("docs/format.md", "`src/store/gone.h`\n"),
    "there is no file or folder gone.cpp": ("src/store/README.md", "`gone.cpp`\n"),
    "there is no file or folder disk/gone": ("docs/architecture.md", "`disk/gone`\n"),
    "nothing in the source is called find_none": ("docs/architecture.md", "`find_none`\n"),
    "nothing in the source is called Store::gone": ("src/store/README.md", "`Store::gone`\n"),
    "walk.cpp has no find": ("src/store/README.md", "`serve_all`, `find` in `walk.cpp`\n"),
    "there is no folder src/gone": ("docs/architecture.md", "```\nsrc/gone  a layer\n```\n"),
    "it does not name src/os": ("src/os/CMakeLists.txt", "layer(os)\n"),
    "it does not name the room late": ("src/store/late/CMakeLists.txt", "layer(store/late)\n"),
}


class NamesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        tool_under_test.write_tree(self.root, GOOD)

    def append(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    def test_accepts_documents_that_name_what_exists(self):
        self.assertEqual(list(names.findings(self.root)), [])

    def test_finds_each_wrong_name_once(self):
        for message, (name, text) in BAD.items():
            with self.subTest(message):
                self.setUp()
                if name == "src/os/CMakeLists.txt":
                    self.append("src/os/README.md", "The layer below.\n")
                self.append(name, text)
                found = list(names.findings(self.root))
                self.assertEqual(len(found), 1, found)
                self.assertIn(message, found[0])


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
