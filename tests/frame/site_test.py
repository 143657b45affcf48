"""Goal: the site's pages are those of the documents, and its check finds broken links and requests
to other hosts.

Method: small documents and small pages of HTML; MkDocs itself is not needed.
"""

import pathlib
import tempfile
import unittest

import tool_under_test

pages, check = map(tool_under_test.load, ("site_pages", "site_check"))

GOOD = {
    "index.html": '<link href="style.css"><h1 id="top">larder</h1><a href="docs/a.html#b">a</a>'
                  '<a href="https://docs.openvino.ai">OpenVINO</a><a href="#top">top</a>',
    "docs/a.html": '<h2 id="b">b</h2><img src="../images/c.png"><a href="..">begin</a>',
    "images/c.png": "",
    "style.css": "a { background: url(images/c.png) }",
}
# what the finding says -> the file that causes it, and what is appended to it
BAD = {
    "gone.html leads to no page": ("index.html", '<a href="docs/gone.html">gone</a>'),
    "a.html#gone leads to no heading": ("index.html", '<a href="docs/a.html#gone">gone</a>'),
    "#gone leads to no heading": ("docs/a.html", '<a href="#gone">gone</a>'),
    "it loads https://cdn.test/a.js": ("index.html", '<script src="https://cdn.test/a.js">'),
    "it loads //cdn.test/a.css": ("docs/a.html", '<link href="//cdn.test/a.css">'),
    "it loads https://cdn.test/f": ("style.css", "b { src: url('https://cdn.test/f') }"),
    "../images/d.png leads to no page": ("docs/a.html", '<img src="../images/d.png">'),
}


class CheckTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        tool_under_test.write_tree(self.root, GOOD)

    def test_accepts_a_site_that_is_whole(self):
        self.assertEqual(list(check.Site(self.root).findings()), [])

    def test_finds_each_fault_once(self):
        for says, (name, text) in BAD.items():
            with self.subTest(says=says):
                (self.root / name).write_text(GOOD[name] + text)
                findings = list(check.Site(self.root).findings())
                self.assertEqual(len(findings), 1, findings)
                self.assertIn(says, findings[0])
                (self.root / name).write_text(GOOD[name])


class PagesTest(unittest.TestCase):
    def test_lists_get_a_blank_line_and_deep_items_four_blanks(self):
        self.assertEqual(
            pages.with_lists("Of two:\n- one,\n  long\n  - deep\n- two\n\nEnd.\n"),
            "Of two:\n\n- one,\n  long\n    - deep\n- two\n\nEnd.\n")

    def test_code_is_left_alone(self):
        text = "Text\n\n```\nText\n- [no](link.md)\n```\nText\n- item\n"
        self.assertEqual(pages.outside_code(text, str.upper),
                         "TEXT\n\n```\nText\n- [no](link.md)\n```\nTEXT\n- ITEM\n")

    def test_documents_and_the_sources_that_they_name_become_pages(self):
        with tempfile.TemporaryDirectory() as folder:
            site = pages.Site(pathlib.Path(folder))
            site.page_of(pages.ROOT / "docs/cpp.md")
            text = (site.out / "docs/cpp.md").read_text()
            self.assertIn("](../include/larder/larder.hpp.md)", text)
            shown = (site.out / "include/larder/larder.hpp.md").read_text()
            self.assertIn("class LARDER_EXPORT Cache", shown)

    def test_the_reference_of_python_has_functions_classes_and_fields(self):
        text = pages.python_reference()
        for part in ("## larder.install\n", "### larder.Cache.prune\n", "uninstall()",
                     "### larder.reports.Listing\n", "total_bytes: int"):
            self.assertIn(part, text)
        self.assertNotIn("open_preload", text)


if __name__ == "__main__":
    unittest.main()
