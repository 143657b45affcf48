"""Goal: a network or a server that is broken, slow or lying costs time within a limit, and nothing
else: no wrong byte is published, nothing is left in tmp/, and the next attempt succeeds.

Method: nginx, and a proxy before it that does to answers and requests what networks and servers do.
"""

import signal
import subprocess
import time

import harness
from proxy import serve_behind_proxy
from remote import MIB, RemoteTest

# Twice a stall of 10 s, pauses, and what a busy machine adds.
LIMIT_S = 90


class FaultsTest(RemoteTest):
    def setUp(self):
        super().setUp()
        serve_behind_proxy(self)
        self.key = self.large_entry(13 * MIB)

    def pulled_under(self, fault, kind="objects", state="failed"):
        """Pulls with a fault at each read of `kind`; the pull after it succeeds."""
        self.forget_elsewhere()
        self.proxy.heal()
        self.proxy.after = lambda passing: passing.is_read_of(kind) and fault(passing)
        began = time.monotonic()
        outcome = self.away("pull", self.url, "--trust", self.public, "--json")
        self.assertLess(time.monotonic() - began, LIMIT_S)
        self.assertEqual(outcome.code, 0 if state == "moved" else 1, outcome)
        if outcome.out:
            self.assertEqual(self.states(outcome.json), [state], outcome)
        self.check_whole()
        self.proxy.heal()
        if state != "moved":
            self.assertEqual(self.states(self.pull()), ["moved"])
            self.check_whole()
        return outcome

    def test_faults_that_pass_are_repeated(self):
        self.push()

        def once(fault):
            return lambda passing: passing.number == 0 and fault(passing)

        def cut(passing):
            passing.cut_after = len(passing.body) // 2

        def say(status):
            def fault(passing):
                passing.status, passing.body = status, b"later"
                passing.headers = {"Retry-After": "1"}
            return fault

        def garbage(passing):
            passing.raw = b"\x16\x03\x01 this is no HTTP"

        for kind in ("objects", "entries"):
            for fault in (cut, garbage, *(say(status) for status in (429, 500, 502, 503, 504))):
                self.pulled_under(once(fault), kind, "moved")

    def test_ranges_that_arrive_out_of_order_make_the_same_object(self):
        self.push()

        def delay(passing):
            if passing.request_headers["Range"].startswith("bytes=4194304-"):
                time.sleep(1)

        self.pulled_under(delay, state="moved")

    def test_wrong_bytes_are_never_published(self):
        self.push()

        def flip(place):
            def fault(passing):
                body = bytearray(passing.body)
                body[place % len(body)] ^= 0x10
                passing.body = bytes(body)
            return fault

        def shorten(passing):
            passing.body = passing.body[:-100]
            passing.headers["Content-Length"] = str(len(passing.body))

        def lie(content_range):
            def fault(passing):
                passing.headers["Content-Range"] = content_range
            return fault

        def repeat_first(passing):
            if passing.status == 206:
                whole = next(path for path in self.server.files.rglob("objects/*/*"))
                passing.body = whole.read_bytes()[:len(passing.body)]

        def empty(passing):
            passing.status, passing.body = 200, b""
            passing.headers["Content-Length"] = "0"

        def other(passing):
            passing.status, passing.body = 200, b"<html>please log in</html>"
            passing.headers = {}

        def swap(passing):
            if passing.status == 206:
                passing.body = passing.body[::-1]

        faults = (flip(0), flip(5000), flip(-1), shorten, empty, other, swap, repeat_first,
                  lie(f"bytes 0-4194303/{1 << 60}"), lie("bytes 7-4194310/13631488"),
                  lie("bytes zz"), lie("bytes 0-4194303/4194304"))
        for number, fault in enumerate(faults):
            with self.subTest(number):
                self.pulled_under(fault)

    def test_answers_that_do_not_end_are_ended(self):
        self.push()

        def endless_header(passing):
            passing.raw = b"HTTP/1.1 206 x\r\n" + b"X-Junk: " + b"j" * 90_000 + b"\r\n" * 5

        def endless_body(passing):
            passing.status, passing.body = 200, b"x" * 30 * MIB
            passing.headers = {}

        def redirects(passing):
            passing.status, passing.body = 302, b""
            passing.headers = {"Location": passing.path}

        def local_file(passing):
            passing.status, passing.body = 302, b""
            passing.headers = {"Location": "file:///etc/passwd"}

        for kind in ("objects", "entries"):
            for fault in (endless_header, endless_body, redirects, local_file):
                with self.subTest(kind=kind, fault=fault.__name__):
                    outcome = self.pulled_under(fault, kind)
                    self.assertNotIn("root:", str(outcome))

    def test_lists_that_lie_name_nothing_else(self):
        self.push()

        def listed(text):
            def after(passing):
                if passing.path.endswith("/entries/"):
                    passing.body = text.encode()
                    passing.headers["Content-Length"] = str(len(passing.body))
            return after

        for text in ('[{"name":"..","type":"directory"},{"name":"../../x","type":"directory"}]',
                     "[]"):
            self.proxy.after = listed(text)
            self.assertEqual(self.pull()["entries"], [])
        for text in ("<html>", "[" * 100_000, '[{"name":1}]', ""):
            self.proxy.after = listed(text)
            self.check_message(self.pull(code=1), 1, "does not list")
        self.assertEqual({path.name for path in self.other.iterdir()} & {"x", "entries"},
                         {"entries"})

    def test_a_silent_server_is_given_up(self):
        self.push()

        def silence(passing):
            passing.is_silent = True

        outcome = self.pulled_under(silence)
        self.assertIn("no answer", outcome.json["entries"][0]["reason"])

    def test_a_server_that_drips_is_given_up(self):
        self.push()

        def drip(passing):
            passing.pause_s = 0.2

        self.pulled_under(drip)

    def test_ctrl_c_ends_a_wait(self):
        self.push()
        self.proxy.after = lambda passing: setattr(passing, "is_silent", True)
        process = subprocess.Popen(
            [harness.PROGRAM, "pull", self.url, "--trust", self.public, "--dir", self.other],
            env={**harness.SANITIZERS, "HOME": str(self.root)}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        while not self.proxy.passed[-1].is_silent:
            time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=LIMIT_S)
        self.assertEqual((process.returncode, out, error), (130, b"", b""))
        self.assertLess(time.monotonic() - began, 8, "a stall takes 10 s")
        self.check_whole()

    def test_uploads_that_are_cut_are_repeated(self):
        self.proxy.cut_uploads = 2
        self.assertEqual(self.states(self.push()), ["moved"])
        self.assertEqual(self.states(self.pull()), ["moved"])
        self.check_whole()

    def test_an_upload_that_never_succeeds_names_no_entry(self):
        for status in (403, 500, 507):
            def refuse(passing, status=status):
                passing.status = status
                return passing.method == "PUT" and "/objects/" in passing.path

            self.proxy.before = refuse
            outcome = self.larder("push", self.url, "--sign", self.signing)
            self.assertEqual(outcome.code, 1, outcome)
            self.assertIn(f"status {status}", outcome.error)
            self.assertEqual(list(self.server.files.rglob("entries/*/*")), [])
            self.proxy.heal()
        self.assertEqual(self.states(self.push()), ["moved"])

    def test_a_server_that_is_down_is_asked_a_few_times_for_many_entries(self):
        for seed in range(2, 30):
            self.large_entry(100, seed)
        self.push()

        def refuse(passing):
            passing.status = 503
            return passing.is_read_of("objects")

        self.proxy.heal()
        self.proxy.before = refuse
        report = self.pull(code=1)
        self.assertEqual(self.states(report), ["failed"] * 29)
        asked = [each for each in self.proxy.passed if each.is_read_of("objects")]
        self.assertLessEqual(len(asked), 4 + 3)
        self.check_whole()


if __name__ == "__main__":
    harness.main()
