#!/usr/bin/env python3
"""The documents name everything that a user can write or read: each public function and type of
C++, C and Python in its document, each field of the JSON output in docs/cli.md, and each metric in
docs/dashboard.md.

Verbs, flags and settings are known to the program alone: tests/cli/documents_test.py checks them.
usage: tools/documented.py [ROOT]
"""

import ast
import pathlib
import re
import sys

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
TYPE = re.compile(r"^(?:class|struct|enum class) (?:LARDER_EXPORT )?(\w+)", re.MULTILINE)
FUNCTION = re.compile(
    r"^(?:\[\[nodiscard\]\] |inline |LARDER_EXPORT )+[^;{}()]*?\b(\w+)\(", re.MULTILINE)
CLASS = re.compile(
    r"^class (?:LARDER_EXPORT )?(?P<name>\w+)[^;{]*\{\npublic:\n(?P<body>.*?)^(?:private:|\};)",
    re.MULTILINE | re.DOTALL)
METHOD = re.compile(
    r"^    (?:\[\[nodiscard\]\] |static |virtual )*\w[\w:<>&*, ]*[ &*](\w+)\(", re.MULTILINE)
C_NAME = re.compile(r"\b(larder_\w+|LARDER_[A-Z_]+)\b")
NOT_C_NAMES = {"LARDER_EXPORT"}
METRIC = re.compile(
    r'\b(?:add|add_by_reason|add_durations|add_family)\(\s*families,\s*"(\w+)"|\bgauge\("(\w+)"')


def of_cpp(text):
    """The types, functions and methods of a C++ header. Constructors and operators have no name of
    their own."""
    text = COMMENT.sub("", text)
    types = set(TYPE.findall(text))
    names = types | set(FUNCTION.findall(text))
    for found in CLASS.finditer(text):
        names |= set(METHOD.findall(found["body"])) - {found["name"], "operator"}
    return {name for name in names if not name.startswith("operator")}


def of_c(text):
    return set(C_NAME.findall(COMMENT.sub("", text))) - NOT_C_NAMES


def of_python(package):
    """The names that the package exports, the public methods of its classes, the settings, and the
    types of its reports."""
    names = set()
    for path in package.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if path.name == "__init__.py" and isinstance(node, ast.Assign):
                names |= set(ast.literal_eval(node.value))
    for path in package.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if path.name == "reports.py":
                names.add(node.name)
            elif node.name in names:
                names |= {each.name for each in node.body
                          if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")}
                if node.name == "Settings":
                    names |= {each.target.id for each in node.body
                              if isinstance(each, ast.AnnAssign)}
    return names


def of_json(text):
    """The fields of the answers of `larder … --json`, which Python's reports describe."""
    return {field.target.id for node in ast.parse(text).body if isinstance(node, ast.ClassDef)
            for field in node.body if isinstance(field, ast.AnnAssign)}


def of_metrics(text):
    return {name for found in METRIC.findall(text) for name in found if name}


def described(text):
    """The words of the code in a document."""
    code = re.findall(r"`[^`\n]+`|^```.*?^```$", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"\w+", " ".join(code)))


def findings(root):
    """A line for each name that its document does not have."""
    headers = root / "include/larder"
    expected = {
        "docs/cpp.md": [
            *((path, of_cpp(path.read_text())) for path in headers.glob("*.hpp")),
            (headers / "larder.h", of_c((headers / "larder.h").read_text()))],
        "docs/python.md": [(root / "python/larder", of_python(root / "python/larder"))],
        "docs/cli.md": [
            (path, of_json(path.read_text())) for path in [root / "python/larder/reports.py"]],
        "docs/dashboard.md": [
            (path, of_metrics(path.read_text())) for path in [root / "src/serve/metrics.cpp"]],
    }
    for document, sources in expected.items():
        words = described((root / document).read_text())
        for source, names in sorted(sources):
            for name in sorted(names - words):
                place = source.relative_to(root).as_posix()
                yield f"{document}: it does not name `{name}` of {place} [documented]"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    missing = list(findings(root if root.is_dir() else root.parent.parent))
    print("\n".join([*missing, f"documented: {len(missing)} findings"]))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
