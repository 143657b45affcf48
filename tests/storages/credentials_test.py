"""Goal: larder finds the credentials for s3:// where the tools of AWS find them, renews those that
expire, and shows none of them.

Method: a store in memory that takes the credentials that a test gives out, and services on loopback
that give them out.
"""

import datetime
import http.server
import json
import threading
import urllib.parse

import harness
from remote import RemoteTest

ID, SECRET, TOKEN = "AKIDEXAMPLE", "very-secret-key", "a+session/token="


class Loopback:
    """`answer(method, path, headers, body)` gives a status and a content."""

    def __init__(self, answer):
        self.asked = []
        loopback = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                loopback.asked.append((self.command, self.path, dict(self.headers), body))
                status, content = answer(self.command, self.path, self.headers, body)
                content = content if isinstance(content, bytes) else content.encode()
                self.send_response(status)
                self.send_header("ETag", '"x"')
                self.send_header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class CredentialsTest(RemoteTest):
    def setUp(self):
        super().setUp()
        self.objects = {}
        self.ids = {ID}
        self.tokens = set()
        self.store = self.loopback(self.answer_of_store)
        self.url = "s3://bucket/models"
        self.settings = {"AWS_ENDPOINT_URL_S3": self.store.url,
                         "AWS_EC2_METADATA_DISABLED": "true"}
        self.large_entry(1000)

    def loopback(self, answer):
        server = Loopback(answer)
        self.addCleanup(server.stop)
        return server

    def answer_of_store(self, method, path, headers, body):
        given = headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
        self.tokens.add(headers.get("x-amz-security-token"))
        if given not in self.ids:
            return 403, "<Error><Code>InvalidAccessKeyId</Code></Error>"
        if "?" in path:
            return 200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        if method == "PUT":
            self.objects[path] = body
        return (200, self.objects[path]) if path in self.objects else (404, "")

    def pushes(self, settings, token=None):
        self.objects.clear()
        self.tokens.clear()
        self.settings.update(settings)
        outcome = self.larder("push", self.url, "--sign", self.signing, "-v",
                              environment=self.settings)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(len(self.objects), 2)
        self.assertEqual(self.tokens, {token})
        for secret in (SECRET, TOKEN):
            self.assertNotIn(secret, str(outcome))
        return outcome

    def fails(self, settings, *says):
        outcome = self.larder("push", self.url, "--sign", self.signing,
                              environment={**self.settings, **settings})
        self.check_message(outcome, 1, says)
        for secret in (SECRET, TOKEN):
            self.assertNotIn(secret, str(outcome))

    @staticmethod
    def given(expires_in_s=3600):
        then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
            seconds=expires_in_s)
        return {"AccessKeyId": ID, "SecretAccessKey": SECRET, "Token": TOKEN,
                "Expiration": then.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def test_variables(self):
        self.pushes({"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET})
        self.pushes({"AWS_SESSION_TOKEN": TOKEN}, TOKEN)

    def test_profile(self):
        (self.root / ".aws").mkdir()
        (self.root / ".aws" / "credentials").write_text(
            f"[default]\naws_access_key_id = other\n[team]\naws_access_key_id = {ID}\n"
            f"aws_secret_access_key = {SECRET}\n")
        self.fails({}, "InvalidAccessKeyId")
        self.pushes({"AWS_PROFILE": "team"})

    def test_container(self):
        def answer(method, path, headers, body):
            is_right = path == "/creds" and headers.get("Authorization") == "container's"
            return (200, json.dumps(self.given())) if is_right else (403, "no")

        service = self.loopback(answer)
        url = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service.url}/creds"}
        self.fails(url, "container", "403")
        token = self.root / "token"
        token.write_text("container's\n")
        self.pushes({**url, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)}, TOKEN)
        self.assertEqual(len(service.asked), 2, "once for each program that uses them")

    def test_credentials_that_expire_are_asked_for_again(self):
        service = self.loopback(lambda *_: (200, json.dumps(self.given(60))))
        self.pushes({"AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url}, TOKEN)
        self.assertGreater(len(service.asked), 2, "they are never valid for long enough")

    def test_answers_that_are_no_credentials(self):
        for text in ("", "{}", "[]", json.dumps({**self.given(), "Token": "a\r\nX-Other: b"}),
                     json.dumps({**self.given(), "AccessKeyId": 7}), "[" * 10_000):
            service = self.loopback(lambda *_, text=text: (200, text))
            self.fails({"AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url}, "no credentials")

    def test_web_identity(self):
        token = self.root / "web token"
        token.write_text("jwt")

        def answer(method, path, headers, body):
            form = urllib.parse.parse_qs(body.decode())
            if form.get("WebIdentityToken") != ["jwt"] or form.get("RoleArn") != ["arn:aws:role"]:
                return 400, "<ErrorResponse><Error><Code>Expired</Code></Error></ErrorResponse>"
            inner = "".join(f"<{name}>{value}</{name}>" for name, value in
                            {**self.given(), "SessionToken": TOKEN}.items())
            return 200, ("<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>"
                         f"<Credentials>{inner}</Credentials></AssumeRoleWithWebIdentityResult>"
                         "</AssumeRoleWithWebIdentityResponse>")

        service = self.loopback(answer)
        settings = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "wrong",
                    "AWS_ENDPOINT_URL_STS": service.url}
        self.fails(settings, "STS", "Expired")
        self.pushes({**settings, "AWS_ROLE_ARN": "arn:aws:role"}, TOKEN)
        self.fails({"AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/file"}, "/no/such/file")

    def test_instance(self):
        def answer(method, path, headers, body):
            if (method, path) == ("PUT", "/latest/api/token"):
                return 200, "of-the-instance"
            if headers.get("X-aws-ec2-metadata-token") != "of-the-instance":
                return 401, ""
            base = "/latest/meta-data/iam/security-credentials/"
            return (200, "role\n") if path == base else (200, json.dumps(self.given()))

        service = self.loopback(answer)
        self.pushes({"AWS_EC2_METADATA_DISABLED": "false",
                     "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}, TOKEN)
        self.assertEqual(service.asked[-1][1], "/latest/meta-data/iam/security-credentials/role")

    def test_none_and_those_that_larder_cannot_use(self):
        self.fails({}, "no credentials", "AWS_ACCESS_KEY_ID", "export-credentials")
        (self.root / ".aws").mkdir()
        (self.root / ".aws" / "config").write_text("[profile sso]\nsso_session = x\n")
        self.fails({"AWS_PROFILE": "sso"}, "sso_session", "export-credentials")


if __name__ == "__main__":
    harness.main()
