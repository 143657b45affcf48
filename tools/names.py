#!/usr/bin/env python3
"""The documents name only files and functions that exist, and every layer.

The maps, which lead a reader through the source, are docs/architecture.md, CONTRIBUTING.md and the
READMEs under src. In them, each path and file in `code` exists, and each function, type or constant
occurs in the source, and in the file that the sentence says ("`serve_attempt` in `serve.cpp`").
docs/architecture.md names every layer, and the README of a layer all of its rooms. In all
documents, the files and headings that links lead to exist, and paths such as
`src/os/file_system.h`.
usage: tools/names.py [ROOT]
"""

import pathlib
import re
import sys

ARCHITECTURE = "docs/architecture.md"
FOLDERS = [
    "bench", "cmake", "docs", "examples", "fuzz", "include", "models", "packaging", "python",
    "requirements", "scripts", "src", "tests", "tools"]
SOURCE = {".c", ".cpp", ".cmake", ".h", ".hpp", ".in", ".js", ".py", ".S", ".json", ".txt"}
CODE = re.compile(r"`([^`\n]+)`")
PLACEHOLDER = re.compile(r"\b(?:LAYER|NAME|NUMBER|PRESET)\b")
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FILE = re.compile(r"[\w.-]+\.(?:c|cpp|cmake|h|hpp|in|js|json|md|py|S|txt)")
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/[\w.-]*")
NAME = re.compile(r"(?:\w+::)*\w+(?:\(\))?")
# A word of the source, and not of the language: it has a capital, an underscore or a scope.
SPECIAL = re.compile(r"[A-Z]\w*[a-z]|\w_\w|::|\(\)")
# "`first`, `second` in `file.cpp`"
PLACED = re.compile(r"((?:`[^`\n]+`(?:,| and)?\s+)+)(?:in|of)\s+`([^`\n]+)`")
TREE_LINE = re.compile(r"^((?:src|include|python|examples)[\w/]*)\s")


class Tree:
    """The files of the repository and the words in them."""

    def __init__(self, root):
        self.root = root
        self.texts = {}
        self.files = []
        for folder in FOLDERS:
            for path in sorted((root / folder).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    self.files.append(path.relative_to(root).as_posix())
        self.files += [path.name for path in root.iterdir() if path.is_file()]
        self.names = "\n".join("/" + file for file in self.files) + "\n"

    def text(self, file):
        if file not in self.texts:
            path = self.root / file
            is_source = path.suffix in SOURCE or not path.suffix
            self.texts[file] = path.read_text(errors="replace") if is_source else ""
        return self.texts[file]

    def found(self, name, folder):
        """The files that `name` means in a document of `folder`: below the folder, or anywhere."""
        name = name.removeprefix("./").rstrip("/")
        for below in (f"{folder}/", ""):
            pattern = rf"^/({re.escape(below)}(?:.*/)?{re.escape(name)}(?:/.*)?)$"
            found = re.findall(pattern, self.names, re.MULTILINE)
            if found:
                return found
        return []

    def has_word(self, word, files):
        pattern = re.compile(rf"\b{re.escape(word)}\b")
        return any(pattern.search(self.text(file)) for file in files)


def last_word(name):
    """`FileSystem::replace_memory` is written apart where it is declared."""
    return name.removesuffix("()").split("::")[-1]


def is_file_name(code):
    if code.startswith("build/") or PLACEHOLDER.search(code):
        return False
    return bool(FILE.fullmatch(code) or PATH.fullmatch(code))


def is_of_the_tree(code):
    return is_file_name(code) and code.partition("/")[0] in FOLDERS and "/" in code


def is_map(document):
    return document in (ARCHITECTURE, "CONTRIBUTING.md") or document.startswith("src/")


def without_blocks(text):
    """The text with as many lines, without fenced code."""
    return re.sub(r"^```.*?^```$", lambda block: "\n" * block.group().count("\n"), text,
                  flags=re.MULTILINE | re.DOTALL)


def anchors_of(text):
    """The anchors of a document's headings, as GitHub makes them."""
    anchors = set()
    for heading in HEADING.findall(without_blocks(text)):
        plain = re.sub(r"[^\w\- ]", "", LINK.sub("]", heading).lower()).replace(" ", "-")
        again = sum(1 for each in anchors if re.fullmatch(rf"{re.escape(plain)}(-\d+)?", each))
        anchors.add(f"{plain}-{again}" if again else plain)
    return anchors


def missing_files(tree, document, text):
    """The place and the message of each file or heading that a document names and that does not
    exist."""
    folder = pathlib.PurePosixPath(document).parent.as_posix()
    for match in LINK.finditer(text):
        name, anchor = match.groups()
        if "://" in name:
            continue
        path = tree.root / folder / name if name else tree.root / document
        if not path.exists():
            yield match.start(), f"there is no file {name}"
        elif anchor and path.suffix == ".md" and anchor not in anchors_of(path.read_text()):
            yield match.start(), f"{name or 'the document'} has no heading {anchor}"
    is_meant = is_file_name if is_map(document) else is_of_the_tree
    for match in CODE.finditer(text):
        if is_meant(match.group(1)) and not tree.found(match.group(1), folder):
            yield match.start(), f"there is no file or folder {match.group(1)}"


def missing_words(tree, document, text):
    """The same for functions, types and constants, in the source or in the file that is named."""
    folder = pathlib.PurePosixPath(document).parent.as_posix()
    for match in CODE.finditer(text):
        code = match.group(1)
        if NAME.fullmatch(code) and SPECIAL.search(code) and not is_file_name(code):
            if not tree.has_word(last_word(code), tree.files):
                yield match.start(), f"nothing in the source is called {code}"
    for match in PLACED.finditer(text):
        file = match.group(2)
        files = tree.found(file, folder) if is_file_name(file) else []
        for code in CODE.findall(match.group(1)) if files else []:
            if NAME.fullmatch(code) and not tree.has_word(last_word(code), files):
                yield match.start(), f"{file} has no {code}"


def missing_rooms(tree):
    """The document and the message for each layer that has no line in it."""
    architecture = (tree.root / ARCHITECTURE).read_text()
    for line in architecture.splitlines():
        named = TREE_LINE.match(line)
        if named and not (tree.root / named.group(1)).is_dir():
            yield ARCHITECTURE, f"there is no folder {named.group(1)}"
    for layer in sorted(path.parent for path in tree.root.glob("src/*/CMakeLists.txt")):
        if not re.search(rf"^src/{layer.name}\s", architecture, re.MULTILINE):
            yield ARCHITECTURE, f"it does not name src/{layer.name}"
        readme = layer / "README.md"
        name = readme.relative_to(tree.root).as_posix()
        if not readme.exists():
            yield name, "the layer has no README"
            continue
        for room in sorted(path.parent.name for path in layer.glob("*/CMakeLists.txt")):
            if f"`{room}`" not in readme.read_text():
                yield name, f"it does not name the room {room}"


def findings(root):
    """All findings in the tree at `root`, as lines to print."""
    tree = Tree(root)
    for document in (file for file in tree.files if file.endswith(".md")):
        text = without_blocks((root / document).read_text())
        missing = list(missing_files(tree, document, text))
        if is_map(document):
            missing += missing_words(tree, document, text)
        for place, message in sorted(missing):
            yield f"{document}:{text.count(chr(10), 0, place) + 1}: {message} [names]"
    for document, message in missing_rooms(tree):
        yield f"{document}: {message} [names]"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    count = 0
    for finding in findings(root if root.is_dir() else root.parent.parent):
        print(finding)
        count += 1
    print(f"names: {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
