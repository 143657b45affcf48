#!/usr/bin/env python3
"""The rules of language that a program can check, in comments, docstrings and documents.

No sentence begins with a relative such as "What" or "Where", and no text uses a word that the
glossary retires (docs/architecture.md). Questions may begin with "What"; headings, table cells,
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
# Replacements by word. The name of a file such as flight.h is allowed.
RETIRED = {
    re.compile(rf"\b(?:{word})\b(?!\.\w)", re.IGNORECASE): instead for word, instead in {
        "(?:single )?flights?": "compile lock",
        "(?:lay|lays|laid|laying) down": "install or publish",
        "(?:stand|stands|stood|standing) in for": "replace or redirect",
        "(?:throw|throws|threw|thrown) out": "evict, prune or remove",
        "let(?:s|ting)? go of": "release",
        "(?:bring|brings|bringing|brought) in": "prefault or read",
    }.items()}
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


class Joined:
    """The text of a paragraph without code and quotations, and the line of each place in it."""

    def __init__(self, paragraph):
        self.starts, text = [], ""
        for number, line in paragraph:
            self.starts.append((len(text), number))
            text += line + " "
        self.text = NOT_CHECKED.sub(lambda found: "x" * len(found.group()), text)

    def line_of(self, place):
        return max(number for start, number in self.starts if start <= place)


def relatives(joined):
    """The line and the word of each sentence that begins with a relative."""
    for match in RELATIVE.finditer(joined.text):
        place = match.start("word")
        end = SENTENCE_END.search(joined.text, place)
        if not end or end.group() != "?":
            yield joined.line_of(place), match.group("word")


def retired_words(joined):
    """The line, the word and its replacement for each word that the glossary retires."""
    for word, instead in RETIRED.items():
        for match in word.finditer(joined.text):
            yield joined.line_of(match.start()), match.group(), instead


def findings_in(paragraph):
    """Pairs of a line and a message."""
    joined = Joined(paragraph)
    for line, word in relatives(joined):
        yield line, (f"a sentence begins with the relative \"{word}\": "
                     "say subject, verb, object [relative]")
    for line, word, instead in retired_words(joined):
        yield line, f"\"{word}\" is not in the glossary: say {instead} [retired]"


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
            for line, message in findings_in(paragraph):
                name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
                print(f"{name}:{line}: {message}")
                count += 1
    print(f"words: {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
