"""Goal: S3 as people run it is a storage.

Method: Ceph's gateway on loopback, which checks each signature; a bucket for each test; two
larders; a proxy between them and the gateway in some tests.
"""

import pathlib
import shutil
import subprocess
import tempfile
import threading

import harness
import servers
from proxy import Proxy
from remote import MIB, RemoteTest, Storage
from unable import unable

SECRETS = (servers.SECRET, "Signature=")


class CephTest(Storage, RemoteTest):
    ceph = None
    root_of_server = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not servers.is_installed("radosgw"):
            return
        cls.root_of_server = pathlib.Path(tempfile.mkdtemp(prefix="larder-ceph-"))
        cls.addClassCleanup(shutil.rmtree, cls.root_of_server, ignore_errors=True)
        cls.ceph = servers.Ceph(cls.root_of_server)
        cls.addClassCleanup(cls.ceph.stop)

    def setUp(self):
        super().setUp()
        if self.ceph is None:
            unable(self, "radosgw is not installed")
        self.s3 = servers.S3(self.ceph.url)
        self.bucket = "b" + self._testMethodName.removeprefix("test_").replace("_", "-")[:50]
        self.s3.done("PUT", f"/{self.bucket}")
        self.url = f"s3://{self.bucket}/fleet a/é"
        self.settings = {"AWS_ACCESS_KEY_ID": servers.KEY, "AWS_REGION": servers.REGION,
                         "AWS_SECRET_ACCESS_KEY": servers.SECRET,
                         "AWS_ENDPOINT_URL": self.ceph.url}

    def keys(self):
        body = self.s3.done("GET", f"/{self.bucket}", query={"list-type": "2"}).decode()
        return [part.split("</Key>")[0] for part in body.split("<Key>")[1:]]

    def proxied(self):
        proxy = Proxy(self.ceph.url)
        self.addCleanup(proxy.stop)
        self.settings["AWS_ENDPOINT_URL"] = proxy.url
        return proxy

    def test_all_keys_are_under_the_prefix(self):
        self.large_entry(1000)
        self.push()
        self.assertEqual({key.split("/")[2] for key in self.keys()}, {"entries", "objects"})
        self.assertTrue(all(key.startswith("fleet a/é/") for key in self.keys()), self.keys())
        self.s3.done("PUT", f"/{self.bucket}/fleet a/éentries/other", body=b"x")
        self.assertEqual(len(self.listed()), 1)

    def test_a_list_of_many_pages_is_read_to_its_end(self):
        self.large_entry(1000)
        self.push()
        proxy = self.proxied()

        def one_a_page(passing):
            # The gateway signs nothing: what is asked for can only be changed by asking it itself.
            if "list-type=2" not in passing.path:
                return False
            query = dict(part.partition("=")[::2] for part in
                         passing.path.partition("?")[2].split("&"))
            query = {name: servers.urllib.parse.unquote(value) for name, value in query.items()}
            passing.status, passing.body = self.s3.call(
                "GET", f"/{self.bucket}/", query={**query, "max-keys": "1"})
            return True

        for seed in range(2, 6):
            self.large_entry(100, seed)
        self.push()
        proxy.before = one_a_page
        self.assertEqual(len(self.listed()), 5)
        self.assertEqual(self.states(self.pull()), ["moved"] * 5)

    def test_a_second_push_at_the_same_time_loses_no_signature(self):
        self.large_entry(1000)
        theirs = self.root / "theirs.key"
        self.done("key", "generate", theirs)
        proxy = self.proxied()
        both_have_looked = threading.Barrier(2, timeout=60)

        def meet(passing):
            if passing.method == "GET" and "/entries/" in passing.path and passing.number < 2:
                if passing.status == 404:
                    both_have_looked.wait()

        proxy.after = meet
        outcomes = []

        def push_theirs():
            outcomes.append(self.larder("push", self.url, "--sign", theirs,
                                        environment=self.settings))

        thread = threading.Thread(target=push_theirs)
        thread.start()
        self.push()
        thread.join()
        self.assertEqual(outcomes[0].code, 0, outcomes[0])
        self.assertEqual(len(self.listed()[0]["signed_by"]), 2)

    def test_parts_that_are_cut_are_sent_again_and_nothing_is_left(self):
        self.large_entry(21 * MIB)
        proxy = self.proxied()
        proxy.cut_uploads = 3
        self.assertEqual(self.states(self.push()), ["moved"])
        self.assertEqual(self.states(self.pull()), ["moved"])
        self.check_whole()

    def test_a_push_that_is_killed_is_completed_by_the_next(self):
        self.large_entry(37 * MIB)
        proxy = self.proxied()
        for what in ("uploads=", "partNumber=1&", "partNumber=3&", "CompleteMultipartUpload",
                     "/entries/"):
            stuck = threading.Event()

            def stall(passing, what=what, stuck=stuck):
                is_last = what.startswith("Complete") and "uploadId=" in passing.path \
                    and passing.method == "POST"
                is_write = passing.method in ("PUT", "POST")
                if is_last or (is_write and what in passing.path):
                    passing.is_silent = True
                    stuck.set()
                return passing.is_silent

            proxy.before = stall
            process = subprocess.Popen(
                [harness.PROGRAM, "push", self.url, "--sign", self.signing, "--dir", self.dir],
                env={**harness.SANITIZERS, "HOME": str(self.root), **self.settings})
            self.assertTrue(stuck.wait(timeout=300), what)
            process.kill()
            process.wait(timeout=300)
            self.assertEqual([key for key in self.keys() if "/entries/" in key], [], what)
        proxy.heal()
        self.assertEqual(self.states(self.push()), ["moved"])
        self.assertEqual(self.states(self.pull()), ["moved"])
        self.check_whole()

    def test_an_upload_that_fails_is_ended(self):
        self.large_entry(21 * MIB)
        proxy = self.proxied()

        def refuse(passing):
            passing.status = 500
            return "partNumber=2" in passing.path

        proxy.before = refuse
        self.assertEqual(self.states(self.push(code=1)), ["failed"])
        self.assertEqual(self.keys(), [])
        uploads = self.s3.done("GET", f"/{self.bucket}", query={"uploads": ""})
        self.assertNotIn(b"<Upload>", uploads)

    def test_a_completion_that_fails_late_is_a_failure(self):
        self.large_entry(21 * MIB)
        proxy = self.proxied()

        def fail_late(passing):
            passing.status = 200
            passing.body = b"<Error><Code>InternalError</Code></Error>"
            return passing.method == "POST" and "uploadId=" in passing.path

        proxy.before = fail_late
        report = self.push(code=1)
        self.assertEqual(self.states(report), ["failed"])
        self.assertIn("InternalError", report["entries"][0]["reason"])
        self.assertEqual(self.keys(), [])

    def test_a_body_that_was_changed_on_its_way_is_refused(self):
        self.large_entry(1000)
        proxy = self.proxied()
        ask = proxy.ask

        def flip(handler, passing, body):
            if passing.method == "PUT" and "/objects/" in passing.path:
                body = body[:10] + bytes([body[10] ^ 1]) + body[11:]
            ask(handler, passing, body)

        proxy.ask = flip
        self.assertEqual(self.states(self.push(code=1)), ["failed"])
        self.assertEqual(self.keys(), [])

    def test_wrong_bytes_are_never_published(self):
        self.large_entry(9 * MIB)
        self.push()
        proxy = self.proxied()

        def flip(passing):
            if passing.is_read_of("objects"):
                passing.body = passing.body[:99] + b"\0\xff" + passing.body[101:]

        proxy.after = flip
        self.assertEqual(self.states(self.pull(code=1)), ["failed"])
        self.check_whole()
        proxy.heal()
        self.assertEqual(self.states(self.pull()), ["moved"])

    def test_lists_that_lie_are_refused(self):
        self.large_entry(1000)
        self.push()
        proxy = self.proxied()
        entry = ("<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                 "<Size>1</Size></Contents>")
        more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
        page = "<ListBucketResult>{}</ListBucketResult>"
        same = entry.format("fleet a/é/entries/3f/3f")
        for text, says in ((page.format(entry.format("../../x") + more), "not requested"),
                           (page.format(same + more), "not requested"),
                           (page.format(more), "has no end"),
                           (page.format(same), "is not the"), ("<html>", "is not the"),
                           ("", "is not the")):
            def lie(passing, text=text):
                if "list-type=2" in passing.path and "max-keys" not in passing.path:
                    passing.body = text.encode()
                    passing.headers["Content-Length"] = str(len(passing.body))

            proxy.after = lie
            outcome = self.pull(code=1)
            self.assertIn(says, outcome.error, text)

    def test_wrong_settings_are_one_message_without_secrets(self):
        self.large_entry(1000)
        free = servers.free_port()
        for change, says in (
            ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
            ({"AWS_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId"),
            ({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free}"}, "no answer"),
            ({"AWS_ENDPOINT_URL": "127.0.0.1"}, "AWS_ENDPOINT_URL"),
            ({"AWS_REGION": "a b"}, "AWS_REGION"),
            ({"AWS_PROFILE": "team"}, "'team'"),
        ):
            right, self.settings = self.settings, {**self.settings, **change}
            for outcome in (self.larder("push", self.url, "--sign", self.signing, "-v",
                                        environment=self.settings),
                            self.away("pull", self.url, "--trust", self.public, "-v")):
                self.assertIn(outcome.code, (1, 2), outcome)
                self.assertIn(says, outcome.error, change)
                for secret in SECRETS:
                    self.assertNotIn(secret, str(outcome))
            self.settings = right
        self.url = "s3://there-is-no-such-bucket"
        self.check_message(self.push(code=1), 1, ["NoSuchBucket", "make the bucket"])


if __name__ == "__main__":
    harness.main()
