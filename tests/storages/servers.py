"""Real servers on loopback, each in a directory of its own, for one test program."""

import datetime
import hashlib
import hmac
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

KEY, SECRET, REGION = "test-key", "test-secret", "us-east-1"
START_S = 300  # against a hang, not against a slow machine


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(port, what):
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{what} does not listen on port {port}")


class Nginx:
    """Serves a directory: GET, HEAD, PUT, DELETE, and lists in JSON."""

    def __init__(self, root, name="nginx", settings="autoindex on; autoindex_format json;",
                 certificate=None):
        self.root = pathlib.Path(root) / name
        self.files = self.root / "files"
        self.files.mkdir(parents=True)
        self.root.chmod(0o755)
        self.port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        paths = "".join(
            f"{kind}_temp_path {self.root}/{kind}; "
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        tls = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};"
        (self.root / "nginx.conf").write_text(f"""
            {user} daemon off; worker_processes 1; pid {self.root}/pid;
            error_log {self.root}/error.log;
            events {{ worker_connections 256; }}
            http {{
                access_log {self.root}/access.log; {paths}
                server {{
                    listen 127.0.0.1:{self.port} {"ssl" if certificate else ""};
                    {tls if certificate else ""}
                    root {self.files};
                    client_max_body_size 0;
                    location / {{
                        dav_methods PUT DELETE; create_full_put_path on; {settings}
                    }}
                }}
            }}""")
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", self.root, "-c", self.root / "nginx.conf", "-e",
             self.root / "error.log"], stderr=subprocess.DEVNULL)
        wait_for(self.port, "nginx")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=START_S)


def make_certificate(path, host):
    """A certificate that signs itself, with its key, in one file."""
    key = path.with_suffix(".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                    "-subj", "/CN=larder", "-addext", f"subjectAltName={host}", "-keyout", key,
                    "-out", path], check=True, stderr=subprocess.DEVNULL, timeout=START_S)
    path.write_text(path.read_text() + key.read_text())
    return path


class Ceph:
    """A monitor, a storage daemon in a file and a gateway, with one user."""

    def __init__(self, root):
        self.root = pathlib.Path(root) / "ceph"
        for name in ("mon", "osd", "rgw", "run", "log"):
            (self.root / name).mkdir(parents=True)
        self.port, self.monitor_port = free_port(), free_port()
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                            "CEPH_CONF": str(self.root / "ceph.conf"),
                            "CEPH_ARGS": f"--conf {self.root}/ceph.conf"}
        self.url = f"http://127.0.0.1:{self.port}"
        self.write_settings()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def write_settings(self):
        self.id = self.uuid()
        (self.root / "ceph.conf").write_text(f"""[global]
fsid = {self.id}
mon host = v1:127.0.0.1:{self.monitor_port}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
mon data = {self.root}/mon
osd data = {self.root}/osd
run dir = {self.root}/run
log file = {self.root}/log/$name.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
mon allow pool size one = true
mon data avail crit = 1
osd objectstore = bluestore
bluestore block size = 8589934592
bluestore block create = true
osd memory target = 1073741824
""")

    @staticmethod
    def uuid():
        return pathlib.Path("/proc/sys/kernel/random/uuid").read_text().strip()

    def run(self, *command):
        subprocess.run(list(map(str, command)), env=self.environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=START_S)

    def start(self):
        run, osd = self.root / "run", self.uuid()
        self.run("monmaptool", "--create", "--clobber", "--addv", "a",
                 f"v1:127.0.0.1:{self.monitor_port}", "--fsid", self.id, self.root / "monmap")
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", self.root / "monmap")
        self.run("ceph-mon", "-i", "a", "--pid-file", run / "mon.pid")
        self.run("ceph", "osd", "new", osd)
        self.run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", osd)
        self.run("ceph-osd", "-i", "0", "--pid-file", run / "osd.pid")
        self.run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self.run("radosgw", "-n", "client.rgw", "--rgw-data", self.root / "rgw", "--rgw-frontends",
                 f"beast endpoint=127.0.0.1:{self.port}", "--pid-file", run / "rgw.pid")
        self.run("radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
                 f"--access-key={KEY}", f"--secret-key={SECRET}")
        wait_for(self.port, "radosgw")

    def stop(self):
        for name in ("rgw", "osd", "mon"):
            path = self.root / "run" / f"{name}.pid"
            if not path.exists():
                continue
            pid = int(path.read_text())
            os.kill(pid, signal.SIGKILL)
            # Not a child of this process: its files go once it is gone.
            end = time.monotonic() + START_S
            while self.is_running(pid) and time.monotonic() < end:
                time.sleep(0.02)

    @staticmethod
    def is_running(pid):
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z"


class S3:
    """A client for tests, which signs by itself."""

    def __init__(self, url):
        self.host = url.removeprefix("http://")
        self.key, self.secret = KEY, SECRET

    def call(self, method, path, query=None, body=b"", headers=None):
        path = urllib.parse.quote(path, safe="/~")
        query = "&".join(f"{urllib.parse.quote(name, safe='~')}={urllib.parse.quote(value, '~')}"
                         for name, value in sorted((query or {}).items()))
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        hashed = hashlib.sha256(body).hexdigest()
        sent = {"host": self.host, "x-amz-content-sha256": hashed, "x-amz-date": now,
                **(headers or {})}
        names = ";".join(sorted(sent))
        lines = (f"{name}:{sent[name]}" for name in sorted(sent))
        canonical = "\n".join([method, path, query, *lines, "", names, hashed])
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + self.secret.encode()
        for step in (now[:8], REGION, "s3", "aws4_request"):
            key = hmac.new(key, step.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        sent["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, "
                                 f"SignedHeaders={names}, Signature={signature}")
        connection = http.client.HTTPConnection(self.host, timeout=START_S)
        try:
            connection.request(method, path + (f"?{query}" if query else ""), body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def done(self, *words, **options):
        status, body = self.call(*words, **options)
        if status // 100 != 2:
            raise AssertionError(f"{words}: {status} {body[:300]}")
        return body


def is_installed(program):
    return shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is not None
