"""Writes the table of docs/versions.md from the results of the tests.

usage: tools/versions_table.py RESULTS

RESULTS comes from `ctest -L versions --output-junit RESULTS`. The table has a line for each release
that was tested: whether the tests of Python programs passed on it, those of its key, and which
releases it shares the machine code of its adapter with.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs/versions.md"
ALIKE = ROOT / "requirements/openvino/alike.txt"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
OF_RELEASE = re.compile(r"versions\.(python|openvino)\.(.+)")
RESULT = {"run": "passed", "fail": "failed"}
HEAD = ("| release | `std::string` | shares its adapter with | Python programs | the key |\n"
        "| --- | --- | --- | --- | --- |\n")


def alike():
    """The releases of one adapter, by each of them."""
    groups = [line.split() for line in ALIKE.read_text().splitlines() if line[:1].isdigit()]
    return {release: [other for other in group if other != release]
            for group in groups for release in group}


def table(results):
    releases = {}
    for case in xml.etree.ElementTree.parse(results).iter("testcase"):
        found = OF_RELEASE.fullmatch(case.get("name"))
        if found:
            releases.setdefault(found[2], {})[found[1]] = RESULT.get(case.get("status"), "not run")
    shared = alike()
    lines = []
    for release in sorted(releases, key=lambda text: [int(part) for part in text.split(".")]):
        tested = releases[release]
        strings = "older" if release < "2026" else "new"
        lines.append(f"| {release} | {strings} | {', '.join(shared.get(release, []))} | "
                     f"{tested.get('python', 'not run')} | {tested.get('openvino', 'not run')} |\n")
    return HEAD + "".join(lines)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    text = DOCUMENT.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    DOCUMENT.write_text(text[:begin] + table(sys.argv[1]) + text[end:])


if __name__ == "__main__":
    main()
