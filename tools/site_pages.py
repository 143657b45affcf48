#!/usr/bin/env python3
"""Collects the pages of the documentation for MkDocs; scripts/site runs it.

The pages are the documents of the repository, at their own paths, so that their links work. A
source file that a document links to becomes a page that shows it. The reference of Python is made
of the package's docstrings; MkDoxy adds that of C++ and C.
usage: tools/site_pages.py OUT
"""

import ast
import pathlib
import re
import shutil
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = [
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md",
    "docs/site/*.css", "docs/site/*.js", "examples/**/README.md", "models/README.md",
    "src/*/README.md",
    "include/larder/*.h*"]
PACKAGE = "python/larder"
PYTHON_REFERENCE = "docs/python-reference.md"
PYTHON_FILES = ["_hook.py", "_settings.py", "_cache.py", "_error.py", "reports.py"]
ASSETS = {".css", ".js", ".png", ".svg"}
ROLE = re.compile(r":(?:class|exc|func|meth|mod):(?=`)")  # of docstrings
LANGUAGES = {
    ".c": "c", ".cpp": "cpp", ".h": "cpp", ".hpp": "cpp", ".json": "json", ".py": "python",
    ".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}
LINK = re.compile(r"\]\(([^)#\s:]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LIST_ITEM = re.compile(r"( *)(?:[-*]|\d+\.) ")


def with_lists(text):
    """Markdown's lists as MkDocs expects them: behind a blank line, nested by four blanks."""
    lines = []
    is_list = False
    for line in text.split("\n"):
        item = LIST_ITEM.match(line)
        if item and not is_list and lines and lines[-1].strip():
            lines.append("")
        if item and item[1]:
            line = "    " + line.lstrip()
        is_list = bool(item) or (is_list and bool(line.strip()))
        lines.append(line)
    return "\n".join(lines)


def outside_code(text, change):
    """Applies `change` to the parts of a document that are not fenced code."""
    parts, end = [], 0
    for block in FENCE.finditer(text):
        parts += [change(text[end:block.start()]), block.group()]
        end = block.end()
    return "".join([*parts, change(text[end:])])


def shown(path, name):
    """A page that shows a source file."""
    language = LANGUAGES.get(path.suffix, "text")
    return f"# {name}\n\n````{language}\n{path.read_text()}````\n"


def signature(function):
    """The first lines of a function, without `self`."""
    arguments = ast.unparse(function.args).removeprefix("self, ").removeprefix("self")
    result = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return "\n".join(textwrap.wrap(f"{function.name}({arguments}){result}", 90,
                                   subsequent_indent="    "))


def described(node, level, name):
    """The heading, the signature or the fields, and the docstring of a function or a class."""
    yield f"{'#' * level} {name}\n"
    if isinstance(node, ast.FunctionDef):
        is_property = any("property" in ast.unparse(each) for each in node.decorator_list)
        if not is_property:
            yield f"```python\n{signature(node)}\n```\n"
    yield ROLE.sub("", ast.get_docstring(node) or "") + "\n"
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)]
        if fields:
            yield "```python\n" + "\n".join(fields) + "\n```\n"
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
                yield from described(each, level + 1, f"{name}.{each.name}")


def python_reference():
    package = ROOT / PACKAGE
    [exported] = [ast.literal_eval(node.value)
                  for node in ast.parse((package / "__init__.py").read_text()).body
                  if isinstance(node, ast.Assign)]
    parts = ["# Python reference\n",
             "The docstrings of the package. [python.md](python.md) explains its use.\n"]
    for file in PYTHON_FILES:
        is_reports = file == "reports.py"
        tree = ast.parse((package / file).read_text())
        if is_reports:
            parts.append(f"## larder.reports\n\n{ast.get_docstring(tree)}\n")
        for node in tree.body:
            is_public = isinstance(node, (ast.ClassDef, ast.FunctionDef)) and (
                node.name in exported or is_reports and not node.name.startswith("_"))
            if is_public:
                prefix = "larder.reports." if is_reports else "larder."
                parts += described(node, 3 if is_reports else 2, prefix + node.name)
    return "\n".join(parts)


class Site:
    def __init__(self, out):
        self.out = out
        self.done = set()

    def write(self, name, text):
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def page_of(self, path):
        """Adds the page of a file or folder that a document links to; returns its path."""
        name = path.relative_to(ROOT).as_posix()
        if path.is_dir() and (path / "README.md").exists():
            return self.page_of(path / "README.md")
        page = pathlib.Path(name)
        if path.is_dir():
            page /= "files.md"
        elif path.suffix not in {".md", *ASSETS}:
            page = page.with_name(f"{page.name}.md")
        if name in self.done:
            return page
        self.done.add(name)
        if path.is_dir():
            files = [each for each in sorted(path.iterdir()) if each.is_file()]
            for each in files:
                self.page_of(each)
            links = [f"- [{each.name}]({self.page_of(each).name})" for each in files]
            self.write(page, f"# {name}\n\n" + "\n".join(links) + "\n")
        elif path.suffix == ".md":
            self.add_document(path, name)
        elif path.suffix in ASSETS:
            (self.out / page).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.out / page)
        else:
            self.write(page, shown(path, name))
        return page

    def add_document(self, path, name):
        def with_link(match):
            target = path.parent / match[1]
            if not target.exists():
                return match[0]  # MkDocs reports it
            page = self.page_of(target.resolve())
            up = "../" * (len(pathlib.PurePath(name).parts) - 1)
            return f"]({up}{page.as_posix()}{match[2] or ''})"

        text = path.read_text()
        self.write(name, outside_code(text, lambda part: with_lists(LINK.sub(with_link, part))))


def main():
    out = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(out, ignore_errors=True)
    site = Site(out)
    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            site.page_of(path)
    site.write(PYTHON_REFERENCE, python_reference())


if __name__ == "__main__":
    main()
