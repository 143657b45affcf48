"""A proxy before a server, which cuts, delays, changes and lies as a test tells it to."""

import http.client
import http.server
import socket
import struct
import threading
import time

import servers
from unable import unable

PIECE = 65536


class Passing:
    """A request with the server's answer to it. A fault changes what the client gets."""

    def __init__(self, method, path, request_headers, number):
        self.method, self.path, self.request_headers = method, path, request_headers
        self.number = number  # how many requests with this method and path were before
        self.status, self.headers, self.body = 200, {}, b""
        self.cut_after = None  # bytes of the content, then the connection is reset
        self.pause_s = 0  # before each byte of the content
        self.raw = None  # instead of an answer
        self.is_silent = False

    def is_read_of(self, kind):
        return self.method == "GET" and f"/{kind}/" in self.path and not self.path.endswith("/")


class Proxy:
    """`before(passing)` acts before the request is passed on, and may answer itself by returning
    True; `after(passing)` changes the answer."""

    def __init__(self, url):
        self.target = url.removeprefix("http://")
        self.before = lambda passing: False
        self.after = lambda passing: None
        self.cut_uploads = 0  # so many are cut in the middle
        self.passed = []
        self.ended = threading.Event()
        self._lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass

            def relay(self):
                proxy.relay(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = relay

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def heal(self):
        self.before = lambda passing: False
        self.after = lambda passing: None
        self.passed.clear()

    @staticmethod
    def reset(handler):
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.shutdown(socket.SHUT_RD)
        handler.connection.close()

    def relay(self, handler):
        with self._lock:
            before = [each for each in self.passed
                      if (each.method, each.path) == (handler.command, handler.path)]
            passing = Passing(handler.command, handler.path, dict(handler.headers), len(before))
            self.passed.append(passing)
            is_cut = handler.command in ("PUT", "POST") and self.cut_uploads > 0
            self.cut_uploads -= is_cut
        size = int(handler.headers.get("Content-Length", 0))
        if is_cut:
            handler.rfile.read(size // 2)
            return self.reset(handler)
        body = handler.rfile.read(size)
        if not self.before(passing):
            self.ask(handler, passing, body)
            self.after(passing)
        return self.answer(handler, passing)

    def ask(self, handler, passing, body):
        connection = http.client.HTTPConnection(self.target, timeout=120)
        try:
            connection.putrequest(handler.command, handler.path, skip_host=True,
                                  skip_accept_encoding=True)
            for name, value in handler.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            passing.status = answer.status
            passing.headers = {name: value for name, value in answer.getheaders()
                               if name.lower() not in ("connection", "transfer-encoding")}
            passing.body = answer.read()
        finally:
            connection.close()
        if passing.method != "HEAD":
            passing.headers["Content-Length"] = str(len(passing.body))

    def answer(self, handler, passing):
        if passing.is_silent:
            self.ended.wait()
            return self.reset(handler)
        if passing.raw is not None:
            handler.close_connection = True
            handler.wfile.write(passing.raw)
            return None
        handler.send_response(passing.status)
        for name, value in passing.headers.items():
            handler.send_header(name, value)
        if not any(name.lower() == "content-length" for name in passing.headers):
            handler.send_header("Content-Length", str(len(passing.body)))
        handler.end_headers()
        if passing.method == "HEAD":
            return None
        body = passing.body if passing.cut_after is None else passing.body[:passing.cut_after]
        if passing.pause_s:
            for place in range(len(body)):
                handler.wfile.write(body[place:place + 1])
                if self.ended.wait(passing.pause_s):
                    break
        else:
            handler.wfile.write(body)
        if passing.cut_after is not None:
            handler.wfile.flush()
            time.sleep(0.05)
            return self.reset(handler)
        return None


def serve_behind_proxy(test):
    """Gives a test nginx as `server`, a `proxy` before it, and the `url` of a storage there."""
    if not servers.is_installed("nginx"):
        unable(test, "nginx is not installed")
    test.server = servers.Nginx(test.root)
    test.addCleanup(test.server.stop)
    test.proxy = Proxy(test.server.url)
    test.addCleanup(test.proxy.stop)
    test.url = f"{test.proxy.url}/models"
