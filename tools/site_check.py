#!/usr/bin/env python3
"""Checks the built site: each link between its pages leads to a page and an anchor that exist, and
no page loads anything from another host.

usage: tools/site_check.py SITE
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

# Elements that make a browser load something, and the attribute that says what. A `link` loads too,
# unless it only states an address.
LOADED = {"audio": "src", "embed": "src", "iframe": "src", "img": "src", "link": "href",
          "object": "data", "script": "src", "source": "src", "video": "src"}
STATED = {"canonical", "next", "prev"}
STYLE_URL = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids = set()
        self.links = []
        self.loaded = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag in LOADED and values.get(LOADED[tag]) and values.get("rel") not in STATED:
            self.loaded.append(values[LOADED[tag]])


def is_elsewhere(address):
    parts = urllib.parse.urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "ftp")


class Site:
    def __init__(self, root):
        self.root = root
        self.pages = {path: Page(path.read_text()) for path in sorted(root.rglob("*.html"))}

    def target(self, page, address):
        """The file of a link, and its anchor."""
        parts = urllib.parse.urlsplit(address)
        path = urllib.parse.unquote(parts.path)
        target = (page.parent / path).resolve() if path else page
        return target / "index.html" if target.is_dir() else target, parts.fragment

    def findings(self):
        for path, page in self.pages.items():
            name = path.relative_to(self.root)
            for address in page.loaded:
                if is_elsewhere(address):
                    yield f"{name}: it loads {address} from another host"
            # 404.html has absolute links, because it is shown at any path.
            if name.name == "404.html":
                continue
            for address in [*page.links, *page.loaded]:
                if is_elsewhere(address) or re.match(r"(mailto|data|javascript):", address):
                    continue
                target, anchor = self.target(path, address)
                if not target.exists():
                    yield f"{name}: {address} leads to no page"
                elif anchor and target in self.pages and urllib.parse.unquote(anchor) not in (
                        self.pages[target].ids | {"__skip"}):
                    yield f"{name}: {address} leads to no heading"
        for path in sorted(self.root.rglob("*.css")):
            for found in STYLE_URL.finditer(path.read_text()):
                if is_elsewhere(found[1] or found[2]):
                    yield f"{path.relative_to(self.root)}: it loads {found[1] or found[2]}"


def main():
    site = Site(pathlib.Path(sys.argv[1]).resolve())
    findings = list(site.findings())
    print("\n".join([*findings, f"site: {len(site.pages)} pages, {len(findings)} findings"]))
    return 1 if findings or not site.pages else 0


if __name__ == "__main__":
    sys.exit(main())
