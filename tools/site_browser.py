#!/usr/bin/env python3
"""Opens the built site from the disk in Chromium: no page makes a request to another host or has an
error, and the search finds a document and a function of the reference.

usage: tools/site_browser.py SITE     with the Python of build/clients/browser
"""

import pathlib
import sys

from playwright.sync_api import sync_playwright

PAGES = ["index.html", "docs/cli.html", "docs/guides/index.html", "include/larder/larder.h.html",
         "cpp/classlarder_1_1Store.html"]
# a word -> the page that the search finds with it
SEARCHES = {"eviction": "eviction.html", "larder_blob_retain": "larder_8h.html"}
SECONDS_MAX = 30


def main():
    site = pathlib.Path(sys.argv[1]).resolve()
    findings = []
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(SECONDS_MAX * 1000)
        page.on("request", lambda request: request.url.startswith(("file:", "data:"))
                or findings.append(f"request: {request.url}"))
        page.on("pageerror", lambda error: findings.append(f"error: {error}"))
        for name in PAGES:
            page.goto(f"{site.as_uri()}/{name}")
        for word, found in SEARCHES.items():
            page.fill(".md-search__input", "")
            page.click(".md-search__input")
            page.keyboard.type(word)
            page.wait_for_selector(f"a.md-search-result__link[href*='{found}']", state="attached")
        browser.close()
    print("\n".join([*findings, f"browser: {len(PAGES)} pages, {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
