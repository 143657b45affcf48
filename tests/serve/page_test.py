"""Goal: users can see and manage the entries, with a screen, a screen reader or a keyboard.

Method: the page in a real headless browser, on larders with known content: the test checks the
displayed data, the effect of actions, and the findings of axe. A message in the browser's console
fails the test.
"""

import http.server
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import unittest

import harness
from harness import ServeTest, entry, event, storage

from unable import unable

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    sync_playwright = None

BROWSER = shutil.which("chromium")
PAGES = ("", "entries", "care", "settings")
# Its rules for the levels A and AA of WCAG, and its best practices.
RUN_AXE = "() => axe.run(document, {resultTypes: ['violations']})"


def some_entries():
    return [entry("/m/llama/openvino_model.xml", "GPU", bytes=400_000, compile_ms=9000),
            entry("/m/llama/openvino_model.xml", "GPU", bytes=90_000, shares="weights",
                  inputs={"property.PERFORMANCE_HINT": "THROUGHPUT"}),
            entry("/m/chat/openvino_model.xml", "GPU", bytes=90_000, shares="weights"),
            entry("/m/detector.onnx", "GPU", bytes=120_000), entry("/m/reader.onnx", bytes=60_000),
            event("/m/detector.onnx", "compiled", "GPU", reason="it is not kept yet",
                  minutes_ago=3000),
            event("/m/detector.onnx", "loaded", "GPU", saved_ms=61_000, minutes_ago=50),
            storage("s3://bucket/models/of/the/team?endpoint=https://storage.example.org", hits=3,
                    fetched_bytes=5_000_000, failures=3, fault="the server does not answer")]


class PageTest(ServeTest):
    @classmethod
    def setUpClass(cls):
        if sync_playwright is None or BROWSER is None:
            return
        playwright = sync_playwright().start()
        cls.addClassCleanup(playwright.stop)
        # For root, Chromium has no sandbox; it opens only the page under test.
        cls.browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        if sync_playwright is None or BROWSER is None:
            unable(self, "run scripts/setup_clients browser")
        self.said = []

    def tearDown(self):
        self.assertEqual(self.said, [])

    def open(self, dashboard, path="", **options):
        context = self.browser.new_context(**options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.set_default_timeout(harness.PATIENCE_S * 1000)
        expect.set_options(timeout=harness.PATIENCE_S * 1000)
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(dashboard.url)
        page.locator("main h1, main h2").first.wait_for()
        if path:
            self.go(page, path)
        return page

    def expect_refusal(self, page, status):
        """The browser reports each of them, perhaps after the page has shown it."""
        deadline = time.monotonic() + harness.PATIENCE_S
        while not self.said and time.monotonic() < deadline:
            page.wait_for_timeout(20)
        self.assertIn(f"status of {status} ", self.said.pop())

    @staticmethod
    def go(page, path):
        page.evaluate("path => { location.hash = `#/${path}`; }", path)
        expect(page).to_have_title(f"{(path.split('/')[0] or 'overview').capitalize()} · larder")


class SeeingTest(PageTest):
    def test_overview(self):
        self.furnish(*some_entries())
        page = self.open(self.serve())
        stats = page.locator(".stats")
        expect(stats).to_contain_text("of 1.00 GB")
        expect(stats).to_contain_text("50 %1 of 2 requests")
        expect(stats).to_contain_text("61.0 s")
        tiles = page.locator(".treemap a")
        expect(tiles).to_have_count(4)
        name = "/m/llama/openvino_model.xml on GPU: 445 kB, of it 45.0 kB shared"
        expect(page.get_by_role("link", name=name)).to_be_visible()
        areas = tiles.evaluate_all("all => all.map(e => e.clientWidth * e.clientHeight)")
        self.assertGreater(areas[0], areas[1] * 2)
        expect(page.locator(".chart .bar.good")).to_have_count(1)
        page.get_by_role("button", name="Time saved").click()
        expect(page.get_by_role("img", name="Time saved, 30 days")).to_be_visible()
        self.assertNotIn("token", page.url)

    def test_shared_storages(self):
        self.furnish(entry("/m/detector.onnx"),
                     storage("s3://bucket/models", hits=3, misses=2, fetched_bytes=5_000_000,
                             fetch_ms=1500, sent=1, sent_bytes=70_000),
                     storage("file:///mnt/models", failures=3, fault="it is full"))
        page = self.open(self.serve())
        table = page.get_by_role("region", name="Shared storages")
        expect(table.get_by_role("row", name="s3://bucket/models")).to_contain_text(
            "3205.00 MB in 1.50 s1, 70.0 kB")
        expect(table.get_by_role("row", name="file:///mnt/models")).to_contain_text("it is full")

    def test_empty(self):
        page = self.open(self.serve())
        expect(page.get_by_role("heading", name="No models are stored yet")).to_be_visible()
        self.go(page, "entries")
        expect(page.get_by_role("heading", name="No models are stored yet")).to_be_visible()
        self.furnish(entry("/m/detector.onnx"))
        expect(page.get_by_role("link", name="detector.onnx")).to_be_visible()

    def test_warning_from_96_percent_on(self):
        self.furnish(entry("/m/detector.onnx", bytes=970_000))
        total = self.larder("stats")["total_bytes"]
        warning = "The larder is"
        page = self.open(self.serve(LARDER_MAX_SIZE=f"{total * 100 // 90}B"))
        expect(page.locator(".stats")).to_contain_text("90 % full")
        self.assertEqual(page.get_by_role("alert").count(), 0)
        page = self.open(self.serve(LARDER_MAX_SIZE=f"{total * 100 // 96 - 100}B"))
        expect(page.get_by_role("alert")).to_contain_text(warning)

    def test_search_sort_and_filter(self):
        self.furnish(*some_entries())
        page = self.open(self.serve(), "entries")
        names = page.locator("tbody th a")
        expect(names).to_have_count(5)
        page.get_by_role("searchbox").fill("GPU llama")
        expect(names).to_have_count(2)
        page.get_by_role("searchbox").fill("")
        # Only with the keyboard.
        page.get_by_role("button", name="Size").focus()
        page.keyboard.press("Enter")
        expect(names.first).to_have_text("llama")
        expect(page.locator("th[aria-sort=descending]")).to_have_text("Size")
        page.keyboard.press("Enter")
        expect(names.first).to_have_text("reader.onnx")
        page.get_by_role("button", name="Pinned").click()
        expect(page.get_by_role("heading", name="Nothing like that")).to_be_visible()

    def test_what_others_do_shows_at_once(self):
        keys = self.furnish(*some_entries())
        page = self.open(self.serve(), "entries")
        expect(page.locator(".badge.pinned")).to_have_count(0)
        self.larder("pin", keys[3])
        expect(page.locator(".badge.pinned")).to_have_count(1)
        self.furnish(event("/m/detector.onnx", "loaded", "GPU", saved_ms=1000))
        self.furnish(entry("/m/fresh.onnx"))
        self.go(page, "")
        expect(page.locator(".feed")).to_contain_text("fresh.onnx on CPU was compiled and kept")
        expect(page.locator(".feed")).to_contain_text("detector.onnx on GPU was loaded")

    def test_what_the_larder_says_is_text(self):
        name = "/m/<img src=x onerror=alert(1)>.onnx"
        self.furnish(entry(name))
        page = self.open(self.serve(), "entries")
        expect(page.locator("tbody th a")).to_have_text(name.rsplit("/", maxsplit=1)[1])
        self.assertEqual(page.locator("img[src=x]").count(), 0)

    def test_ten_thousand_entries(self):
        many = os.environ["LARDER_MANY_ENTRIES"]
        self.dir.mkdir()
        subprocess.run([many, self.dir, "10000"], check=True, stdout=subprocess.DEVNULL,
                       timeout=harness.PATIENCE_S)
        page = self.open(self.serve(LARDER_MAX_SIZE="0"), "entries")
        expect(page.locator("main [role=status]").first).to_contain_text("10,000 entries")
        # The time depends on the drawn rows, not on the number of entries.
        self.assertLess(page.locator("tbody tr").count(), 400)
        key = page.locator("tbody th a").last.get_attribute("href").split("/")[-1]
        page.get_by_role("searchbox").fill(key)
        expect(page.locator("tbody tr")).to_have_count(1)
        self.go(page, "")
        page.locator(".treemap a").first.wait_for()
        self.assertLess(page.locator(".treemap a").count(), 1000)


class CaringTest(PageTest):
    def test_remove_after_a_dry_run(self):
        self.furnish(*some_entries())
        page = self.open(self.serve(), "entries")
        page.get_by_role("checkbox", name="Choose reader.onnx on CPU").check()
        page.get_by_role("button", name="Remove…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Remove 1 entry?")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        self.assertEqual(len(self.larder("ls")["entries"]), 5)
        page.get_by_role("button", name="Remove…").click()
        dialog.get_by_role("button", name=re.compile("Remove, and free")).click()
        expect(page.get_by_role("link", name="reader.onnx")).to_have_count(0)
        self.assertEqual(len(self.larder("ls")["entries"]), 4)

    def test_prune_after_a_preview(self):
        self.furnish(*some_entries())
        page = self.open(self.serve(), "care")
        page.get_by_label("Down to").fill("100kB")
        page.get_by_role("button", name="Preview").click()
        plan = self.larder("prune", "--stale", "--max-size", "100kB", "--dry-run")
        expect(page.locator(".plan tbody tr")).to_have_count(len(plan["entries"]))
        self.assertEqual(len(self.larder("ls")["entries"]), 5)
        page.locator("form").get_by_role("button", name=re.compile("Remove, and free")).click()
        page.get_by_role("dialog").get_by_role("button", name=re.compile("Remove, and")).click()
        expect(page.locator("form .all-well")).to_contain_text("Removed")
        self.assertEqual(len(self.larder("ls")["entries"]), 5 - len(plan["entries"]))
        page.get_by_label("Down to").fill("many")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("form .error-text")).to_contain_text("many")
        self.expect_refusal(page, 400)

    def test_damage_is_found_and_told(self):
        keys = self.furnish(*some_entries())
        self.damage(keys[3])
        page = self.open(self.serve(), "care")
        page.get_by_role("button", name="Verify everything").click()
        expect(page.locator(".outcome .findings")).to_contain_text(keys[3][:12])
        self.go(page, "")
        expect(page.locator(".findings")).to_contain_text("file is set aside")

    def test_one_entry(self):
        keys = self.furnish(*some_entries())
        page = self.open(self.serve(), f"entry/{keys[0]}")
        expect(page.get_by_role("heading", name="Variants of this model (2)")).to_be_visible()
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".differs")).to_contain_text("property.PERFORMANCE_HINT")
        page.get_by_role("button", name="Pin", exact=True).click()
        expect(page.get_by_role("button", name="Unpin")).to_be_visible()
        self.assertTrue(self.larder("show", keys[0])["pinned"])
        page.get_by_role("button", name="Ask now").click()
        expect(page.locator("main .error-text")).to_be_visible()
        self.expect_refusal(page, 422)  # its model is no file

    def test_read_only_offers_nothing(self):
        keys = self.furnish(*some_entries())
        page = self.open(self.serve("--read-only"), f"entry/{keys[0]}")
        expect(page.get_by_role("button", name="Ask now")).to_be_visible()
        self.assertEqual(page.get_by_role("button", name="Remove…").count(), 0)
        self.go(page, "care")
        expect(page.get_by_role("button", name="Verify everything")).to_be_disabled()
        expect(page.get_by_role("button", name="Preview")).to_be_disabled()

    def test_without_the_token(self):
        self.furnish(*some_entries())
        dashboard = self.serve()
        dashboard.url = dashboard.origin + "/"
        page = self.open(dashboard, "care")
        expect(page.get_by_role("note")).to_contain_text("#token=")
        self.assertEqual(len(dashboard.token), 64)


class AccessibilityTest(PageTest):
    def test_axe(self):
        keys = self.furnish(*some_entries())
        axe = next(pathlib.Path(harness.PACKAGES).glob("axe_*/axe.min.js")).read_text()
        dashboard = self.serve(LARDER_MAX_SIZE="700kB")
        for scheme in ("light", "dark"):
            page = self.open(dashboard, color_scheme=scheme)
            page.evaluate(axe)
            for path in (*PAGES, f"entry/{keys[0]}"):
                self.go(page, path)
                page.locator("main .card, main .empty").first.wait_for()
                found = page.evaluate(RUN_AXE)["violations"]
                told = [(each["id"], [node["html"][:150] for node in each["nodes"]])
                        for each in found]
                with self.subTest(scheme=scheme, path=path):
                    self.assertEqual(told, [])

    def test_fits_a_phone(self):
        keys = self.furnish(*some_entries())
        page = self.open(self.serve(), viewport={"width": 360, "height": 740})
        for path in (*PAGES, f"entry/{keys[0]}"):
            self.go(page, path)
            page.locator("main .card, main .empty").first.wait_for()
            width = page.evaluate("document.documentElement.scrollWidth")
            self.assertLessEqual(width, 360, path)

    def test_everything_by_keyboard(self):
        self.furnish(*some_entries())
        page = self.open(self.serve())
        expect(page.locator(".treemap a")).to_have_count(4)
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.textContent.trim()"))
        for name in ("Skip to content", "Overview", "Entries", "Care", "Requests", "24 h"):
            self.assertIn(name, reached)


class OtherSite(http.server.BaseHTTPRequestHandler):
    """A page with the attacks that a page of another site can try."""

    def do_GET(self):  # noqa: N802
        text = f"""<!doctype html><iframe src="{self.server.target}/"></iframe><script>
          window.tries = Promise.all([
            fetch("{self.server.target}/api/v1/entries").then(() => "read", () => "refused"),
            fetch("{self.server.target}/api/v1/prune", {{
              method: "POST", mode: "no-cors", body: '{{"max_size": "1B", "dry_run": false}}',
            }}).then((answer) => answer.type, () => "refused"),
          ]);</script>"""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Prints nothing."""


class OtherSitesTest(PageTest):
    def test_they_see_nothing_and_change_nothing(self):
        self.furnish(*some_entries())
        dashboard = self.serve()
        other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OtherSite)
        other.target = dashboard.origin
        threading.Thread(target=other.serve_forever, daemon=True).start()
        self.addCleanup(other.server_close)
        self.addCleanup(other.shutdown)
        context = self.browser.new_context()
        self.addCleanup(context.close)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{other.server_port}/")
        self.assertEqual(page.evaluate("window.tries"), ["refused", "refused"])
        self.assertEqual(len(self.larder("ls")["entries"]), 5)
        framed = [frame for frame in page.frames if frame != page.main_frame]
        self.assertTrue(all(frame.locator("header.top").count() == 0 for frame in framed))


if __name__ == "__main__":
    unittest.main(verbosity=2)
