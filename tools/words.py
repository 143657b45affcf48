#!/usr/bin/env python3
"""The rules of language that a program can check, in comments, docstrings and documents.

No sentence begins with a relative such as "What" or "Where". Questions, headings, table cells,
code and quoted text are not checked.
usage: tools/words.py [FILE | FOLDER]…     without any: the whole repository
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = [
    "bench", "cmake", "docs", "examples", "fuzz", "include", "models", "python", "scripts", "src",
    "tests", "tools"]
C_LIKE = {".c", ".cpp", ".css", ".h", ".hpp", ".js"}
SHELL_LIKE = {".cmake", ".sh", ".toml", ".txt", ".yaml", ".yml"}

# Each pattern also matches strings, so that a comment sign inside one does not count.
C_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|R"(?P<end>\w*)\(.*?\)(?P=end)\""""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'""", re.DOTALL)
PYTHON_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<doc>\"{3}.*?\"{3})|'{3}.*?'{3}"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
SHELL_TOKEN = re.compile(
    r"""(?:^|(?<=\s))(?P<comment>\#[^\n]*)|"(?:\\.|[^"\\])*"|'[^'\n]*'""", re.MULTILINE)

COMMENT_SIGN = re.compile(r"\s*(?://[/!]?<?|/\*+|\*/|\*(?=\s|$)|#+!?)?\s?(.*?)\s*(?:\*/)?\s*$")
LIST_SIGN = re.compile(r"\s*(?:[-*+]|\d+\.)\s+")
NOT_CHECKED = re.compile(r'`[^`]*`|"[^"]*"|“[^”]*”|<!--.*?-->', re.DOTALL)
RELATIVE = re.compile(
    r"(?:^|[.!?:;][\"')\]*_]*\s)\s*[(\[*_]*(?P<word>What|Whatever|Where|Who|Whoever)(?:'s)?\b")
SENTENCE_END = re.compile(r"[.!?](?=[\"')\]*_]*(?:\s|$))")


class Paragraphs:
    """Lines of prose, joined into paragraphs."""

    def __init__(self):
        self.lines = []
        self.done = []

    def add(self, number, text):
        sign = LIST_SIGN.match(text)
        if sign:
            self.end()
            text = text[sign.end():]
        if text.strip():
            self.lines.append((number, text.strip()))
        else:
            self.end()

    def end(self):
        if self.lines:
            self.done.append(self.lines)
        self.lines = []

    def all(self):
        self.end()
        return self.done


def of_comments(text, token):
    """The paragraphs of a source's comments and docstrings."""
    paragraphs = Paragraphs()
    number, seen = 1, 0
    last = None  # the line on which the comment before ended, and its column
    for match in token.finditer(text):
        kind = match.lastgroup
        if kind not in ("comment", "doc") or match.group().startswith("#!"):
            continue
        number += text.count("\n", seen, match.start())
        seen = match.start()
        line_start = text.rfind("\n", 0, seen) + 1
        before = text[line_start:seen]
        if kind == "doc" and not is_docstring(text[:seen].rstrip()[-1:], before):
            continue
        goes_on = last == (number - 1, len(before)) and not before.strip()
        if not goes_on:
            paragraphs.end()
        body = match.group()
        lines = body.strip('"').split("\n") if kind == "doc" else [
            COMMENT_SIGN.match(line).group(1) for line in body.split("\n")]
        for offset, line in enumerate(lines):
            paragraphs.add(number + offset, line)
        last = (number + len(lines) - 1, len(before))
    return paragraphs.all()


def is_docstring(character_before, indent):
    """An argument follows a bracket or a comma, a value follows an equals sign."""
    return not indent.strip() and character_before not in ("(", ",", "=", "[", "{")


def of_markdown(text):
    """The paragraphs of a document, without headings, tables, code and quotations."""
    paragraphs = Paragraphs()
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("```"):
            in_code = not in_code
            paragraphs.end()
        elif in_code or bare.startswith(("#", "|", ">", "!")):
            paragraphs.end()
        else:
            paragraphs.add(number, line)
    return paragraphs.all()


def relatives(paragraph):
    """The line and the word of each sentence of the paragraph that begins with a relative."""
    starts, text = [], ""
    for number, line in paragraph:
        starts.append((len(text), number))
        text += line + " "
    text = NOT_CHECKED.sub(lambda quoted: "x" * len(quoted.group()), text)
    for match in RELATIVE.finditer(text):
        at = match.start("word")
        end = SENTENCE_END.search(text, at)
        if not end or end.group() != "?":
            yield max(n for start, n in starts if start <= at), match.group("word")


def paragraphs_of(path):
    """The prose of a file; empty for unknown kinds of files."""
    if path.suffix == ".md":
        return of_markdown(path.read_text())
    if path.suffix in C_LIKE:
        return of_comments(path.read_text(), C_TOKEN)
    if path.suffix in (".py", ".pyi"):
        return of_comments(path.read_text(), PYTHON_TOKEN)
    if path.suffix in SHELL_LIKE or (path.parent.name == "scripts" and not path.suffix):
        return of_comments(path.read_text(), SHELL_TOKEN)
    return []


def files(paths):
    for path in paths:
        if path.is_dir():
            yield from (file for file in sorted(path.rglob("*"))
                        if file.is_file() and "__pycache__" not in file.parts)
        else:
            yield path


def main():
    paths = [pathlib.Path(name).resolve() for name in sys.argv[1:]] or [
        *sorted(ROOT.glob("*.md")), ROOT / "CMakeLists.txt", *(ROOT / name for name in FOLDERS)]
    count = 0
    for path in files(paths):
        for paragraph in paragraphs_of(path):
            for line, word in relatives(paragraph):
                name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
                print(f"{name}:{line}: a sentence begins with the relative \"{word}\": "
                      "say subject, verb, object [relative]")
                count += 1
    print(f"words: {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
