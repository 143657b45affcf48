"""Goal: an HTTP server that takes GET, HEAD, PUT and DELETE is a storage.

Method: nginx on loopback; two larders.
"""


import harness
import servers
from proxy import Proxy
from remote import MIB, RemoteTest, Storage
from unable import unable


class NginxTest(Storage, RemoteTest):
    settings_of_server = "autoindex on; autoindex_format json;"

    def setUp(self):
        super().setUp()
        if not servers.is_installed("nginx"):
            unable(self, "nginx is not installed")
        self.server = servers.Nginx(self.root, settings=self.settings_of_server)
        self.addCleanup(self.server.stop)
        self.url = f"{self.server.url}/models"

    def objects(self):
        return [path for path in (self.server.files / "models" / "objects").rglob("*")
                if path.is_file()]

    def test_the_server_holds_what_a_directory_would(self):
        self.large_entry(5 * MIB)
        self.push()
        directory = self.root / "directory"
        self.push(url=f"file://{directory}")
        names = {str(path.relative_to(directory)) for path in directory.rglob("*")
                 if path.is_file()}
        there = {str(path.relative_to(self.server.files / "models"))
                 for path in (self.server.files / "models").rglob("*") if path.is_file()}
        self.assertEqual(there, names)

    def test_damaged_objects_are_never_published(self):
        self.large_entry(9 * MIB)
        self.push()
        (path,) = self.objects()
        good = path.read_bytes()
        flipped = bytearray(good)
        flipped[5 * MIB] ^= 1
        for bad in (bytes(flipped), good[:-1], good + b"x", b"", good[:100]):
            path.write_bytes(bad)
            self.assertEqual(self.states(self.pull(code=1)), ["failed"])
            self.check_whole()
        path.write_bytes(good)
        self.assertEqual(self.states(self.pull()), ["moved"])

    def test_a_url_where_nothing_was_pushed_is_an_error(self):
        outcome = self.pull(code=1)
        self.check_message(outcome, 1, ["no entry was ever pushed", "/models/entries/"])

    def test_a_server_that_does_not_run_is_one_message(self):
        self.large_entry(1000)
        self.url = f"http://127.0.0.1:{servers.free_port()}/models"
        self.check_message(self.push(code=1), 1, ["no answer", self.url, "can be reached"])
        self.check_message(self.pull(code=1), 1, ["no answer", self.url])


class PlainServerTest(RemoteTest):
    """Without lists, without PUT, with passwords."""

    def serve(self, settings, **options):
        server = servers.Nginx(self.root, name=f"nginx{len(list(self.root.iterdir()))}",
                               settings=settings, **options)
        self.addCleanup(server.stop)
        self.url = server.url
        return server

    def setUp(self):
        super().setUp()
        if not servers.is_installed("nginx"):
            unable(self, "nginx is not installed")

    def test_without_lists_a_key_in_full_is_pulled(self):
        key = self.large_entry(5 * MIB)
        self.serve("")
        self.push()
        self.check_message(self.pull(code=1), 1, ["does not list", "autoindex"])
        self.assertEqual(self.states(self.pull(key)), ["moved"])
        self.check_whole()

    def test_a_server_that_takes_no_put_says_so(self):
        self.large_entry(1000)
        self.serve("limit_except GET { deny all; }")
        outcome = self.push(code=1)
        self.check_message(outcome, 1, ["status 403"])

    def test_certificates_are_checked(self):
        self.large_entry(5 * MIB)
        right = servers.make_certificate(self.root / "right.pem", "IP:127.0.0.1")
        self.serve("", certificate=right)
        self.check_message(self.push(code=1), 1, ["certificate", "CURL_CA_BUNDLE"])
        self.settings = {"CURL_CA_BUNDLE": str(right)}
        self.assertEqual(self.states(self.push()), ["moved"])
        other = servers.make_certificate(self.root / "other.pem", "DNS:example.com")
        self.serve("", certificate=other)
        self.settings = {"SSL_CERT_FILE": str(other)}
        self.check_message(self.push(code=1), 1, ["no answer", "127.0.0.1"])
        self.settings = {"SSL_CERT_FILE": "/no/such/file"}
        self.check_message(self.push(code=1), 1, ["no answer", "CURL_CA_BUNDLE"])

    def test_redirects_are_followed(self):
        self.large_entry(5 * MIB)
        there = self.serve("autoindex on; autoindex_format json;")
        self.push()
        self.serve(f"return 307 {there.url}$request_uri;")
        self.assertEqual(self.states(self.pull()), ["moved"])
        self.check_whole()

    def test_a_proxy_is_used(self):
        self.large_entry(1000)
        self.serve("")
        proxy = Proxy(self.url)
        self.addCleanup(proxy.stop)
        self.url = "http://models.example.com/team"
        self.settings = {"http_proxy": proxy.url}
        self.assertEqual(self.states(self.push()), ["moved"])
        self.assertTrue(proxy.passed)

    def test_a_password_is_read_from_netrc_and_never_shown(self):
        self.large_entry(1000)
        users = self.root / "users"
        users.write_text("me:{PLAIN}hunter2\n")
        self.serve(f"auth_basic larder; auth_basic_user_file {users}; autoindex on; "
                   "autoindex_format json;")
        outcome = self.push(code=1)
        self.check_message(outcome, 1, ["status 401", ".netrc"])
        netrc = self.root / ".netrc"
        netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
        netrc.chmod(0o600)
        self.push()
        self.assertEqual(self.states(self.pull()), ["moved"])
        refused = self.larder("push", self.url.replace("://", "://me:hunter2@"), "--sign",
                              self.signing)
        self.check_message(refused, 2, ".netrc")
        self.assertNotIn("hunter2", str(refused))


if __name__ == "__main__":
    harness.main()
