"""Goal: the rules of tools/words.py find each violation, at its line, and nothing else.

Method: short texts of each kind of file, with the lines of their relatives and retired words.
"""

import pathlib
import sys
import tempfile
import unittest

import tool_under_test

words = tool_under_test.load("words")

ALLOWED = {
    "question.h": "// What is kept? A model.\n// Nobody knows where it is.\n",
    "lower.h": "// Tells what is kept,\n// and where it is.\n",
    "string.cpp": 'print("// What is kept.");\nchar c = \'"\';\n',
    "quoted.cpp": '// The program prints: "What is kept."\n// `Where` is a name.\n',
    "raw.cpp": 'auto text = R"(// What is kept.)";\n',
    "identifier.h": "// Whatsoever. Whom it serves.\n",
    "string.py": 'text = """What is kept."""\nprint("# What is kept.")\n',
    "argument.py": 'call(\n    """What is kept."""\n)\n',
    "string.cmake": 'message("# What is kept.")\n',
    "heading.md": "# What is kept\n\nText.\n",
    "table.md": "| What | Where |\n| --- | --- |\n| What is kept | here |\n",
    "code.md": "```sh\nWhat is kept.\n```\n\n> What is kept.\n\nIt prints `What is kept`.\n",
}

REFUSED = {
    "one.h": ("// What is kept is checked.\n", [1]),
    "second.h": ("int i;\n\n// A lock. Whoever\n// has it compiles.\n", [3]),
    "wrapped.h": ("// A lock.\n// Who has it\n// compiles.\n", [2]),
    "trailing.h": ("int i; // What is kept.\nint k; // Where it is.\n", [1, 2]),
    "colon.h": ("// Compressed: Whatever the size is.\n", [1]),
    "block.c": ("/*\n * Blocks.\n * Where they fail, nothing is kept.\n */\n", [3]),
    "item.h": ("// Two:\n// - one, and\n// - What is kept.\n", [3]),
    "later.h": ("// Why? What is kept is used.\n", [1]),
    "document.py": (
        '"""What is kept."""\n\n\ndef f():\n    """Text.\n\n    Who asks waits."""\n', [1, 7]),
    "shebang.py": ("#!/usr/bin/env python3\n# What is kept.\n", [2]),
    "script.sh": ("# What is kept.\ntrue  # Whoever asks.\n", [1, 2]),
    "list.cmake": ("set(a b)  # Where it is.\n", [1]),
    "text.md": (
        "# Title\n\nText, and\nmore. What is kept is used.\n\n- **Who** asks waits.\n", [4, 6]),
    "link.md": ("It helps.\n[What gains nothing](a.md) is not kept.\n", [2]),
}


RETIRED = {
    "flight.h": ("// A lock.\n// One flight for each key.\n", [2]),
    "single.md": ("The single\nflight of a key.\n", [1]),
    "name.h": ("// See store/flight.h, and `flight`.\n", []),
    "verbs.py": ("# It lets go of the lock,\n# which brought in the pages.\n", [1, 2]),
}


def lines_found(name, text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, name)
        path.write_text(text)
        return [line for paragraph in words.paragraphs_of(path)
                for line, _ in words.findings_in(paragraph)]


class WordsTest(unittest.TestCase):
    def test_other_text_is_allowed(self):
        for name, text in ALLOWED.items():
            with self.subTest(name):
                self.assertEqual(lines_found(name, text), [])

    def test_each_relative_is_found_at_its_line(self):
        for name, (text, lines) in REFUSED.items():
            with self.subTest(name):
                self.assertEqual(lines_found(name, text), lines)

    def test_each_retired_word_is_found_at_its_line(self):
        for name, (text, lines) in RETIRED.items():
            with self.subTest(name):
                self.assertEqual(sorted(lines_found(name, text)), lines)

    def test_a_script_without_a_suffix_is_read(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "scripts/build")
            path.parent.mkdir()
            path.write_text("#!/bin/sh\n# What is built.\n")
            self.assertEqual(len(list(words.paragraphs_of(path))), 1)


if __name__ == "__main__":
    sys.exit(unittest.main())
