"""Goal: the API has the same data and actions as the program, and only authorised clients can use
it.

Method: the program serves larders with known content; the requests are written by hand, including
those of browsers, other sites and attackers.
"""

import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import harness
from harness import Events, ServeTest, entry, event, storage

from unable import unable

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/prometheus"
KEYS = {"prune": {}, "remove": {"keys": []}, "pin": {"keys": []}, "unpin": {"keys": []},
        "verify": {}, "repair": {}, "cancel": {}}


class SameAsProgramTest(ServeTest):
    def setUp(self):
        super().setUp()
        self.keys = self.furnish(
            entry("/m/a.onnx", bytes=50_000, days_ago=40),
            entry("/m/b.onnx", "GPU", bytes=70_000, shares="weights"),
            entry("/m/c.onnx", "GPU", bytes=70_000, shares="weights"),
            event("/m/a.onnx", "compiled", reason="it is not kept yet", total_ms=900, bytes=50_000,
                  minutes_ago=90),
            event("/m/a.onnx", "loaded", saved_ms=800, total_ms=90, minutes_ago=80),
            event("/m/a.onnx", "waited", saved_ms=800, total_ms=500, minutes_ago=5))

    def test_what_is_read(self):
        dashboard = self.serve()
        for path, words in {"entries": ["ls"], "stats": ["stats"], "settings": ["config"],
                            f"entries/{self.keys[0][:9]}": ["show", self.keys[0]],
                            "stats?since=1h": ["stats", "--since", "1h"]}.items():
            expected = self.larder(*words)
            with self.subTest(path=path):
                told = dashboard.get(path)
                for growing in ("longest_idle_seconds", "since"):
                    self.assertEqual(growing in told, growing in expected)
                    told.pop(growing, None)
                    expected.pop(growing, None)
                self.assertEqual(told, expected)

    def test_entries_of_one_instant_are_ordered_by_key(self):
        keys = self.furnish(*(entry(f"/m/{i}.onnx", days_ago=1) for i in range(40)))
        told = self.serve().get("entries")["entries"]
        self.assertEqual([each["key"] for each in told if each["key"] in keys], sorted(keys))

    def test_what_is_shared_counts_once(self):
        devices = {each["device"]: each for each in self.serve().get("room")["devices"]}
        self.assertEqual(devices["GPU"]["shared_bytes"], 70_000)
        self.assertEqual(devices["GPU"]["unique_bytes"], 0)
        self.assertEqual(devices["CPU"]["unique_bytes"], 50_000)

    def test_history(self):
        dashboard = self.serve()
        past = dashboard.get("history?since=3h&interval=1h")["intervals"]
        self.assertEqual(sum(each["loaded"] + each["waited"] for each in past), 2)
        self.assertEqual(sum(each["saved_ms"] for each in past), 1600)
        self.assertEqual(sum(each["compiled_ms"] for each in past), 900)
        self.assertEqual(sum(each["bytes_written"] for each in past), 50_000)
        self.assertGreater(len(past), 1)
        self.assertEqual(dashboard.ask("/api/v1/history?since=52w&interval=1s").status, 400)

    def test_prune_with_its_dry_run(self):
        dashboard = self.serve()
        plan = dashboard.act("prune", {"max_size": "100kB"})
        self.assertEqual(plan, self.larder("prune", "--max-size", "100kB", "--dry-run"))
        self.assertTrue(plan["entries"])
        self.assertEqual(len(dashboard.get("entries")["entries"]), 3)
        done = dashboard.act("prune", {"max_size": "100kB", "dry_run": False})
        self.assertEqual({**done, "dry_run": True}, plan)
        self.assertEqual(len(dashboard.get("entries")["entries"]), 3 - len(plan["entries"]))

    def test_pin_and_remove(self):
        dashboard = self.serve()
        key = self.keys[0]
        dashboard.act("pin", {"keys": [key]})
        self.assertTrue(self.larder("show", key)["pinned"])
        refused = dashboard.post("remove", {"keys": [key], "dry_run": False})
        self.assertGreaterEqual(refused.status, 400)
        self.assertIn("pinned", json.loads(refused.body)["error"]["what"])
        dashboard.act("unpin", {"keys": [key]})
        plan = dashboard.act("remove", {"keys": [key]})
        self.assertEqual([each["key"] for each in plan["entries"]], [key])
        dashboard.act("remove", {"keys": [key], "dry_run": False})
        self.assertEqual(dashboard.ask(f"/api/v1/entries/{key}").status, 404)

    def test_verify_finds_damage(self):
        dashboard = self.serve()
        self.damage(self.keys[0])
        events = Events(dashboard)
        self.addCleanup(events.close)
        self.assertEqual(dashboard.act("verify")["state"], "running")
        job = events.next("job")
        while job["state"] == "running":
            job = events.next("job")
        self.assertEqual(job["state"], "done")
        self.assertEqual([each["key"] for each in job["result"]["findings"]], [self.keys[0]])
        self.assertEqual(dashboard.get("job"), job)
        self.assertEqual(dashboard.get("overview")["set_aside_files"], 1)

    def test_others_changes_are_pushed(self):
        dashboard = self.serve()
        events = Events(dashboard)
        self.addCleanup(events.close)
        self.assertEqual(events.next("state")["counts"]["pinned"], 0)
        self.larder("pin", self.keys[1])
        self.assertEqual(events.next("state")["counts"]["pinned"], 1)
        self.furnish(event("/m/a.onnx", "loaded", saved_ms=1))
        hits = next(each for each in self.larder("ls")["entries"] if each["key"] == self.keys[0])
        events.next("state")
        self.assertIn(hits, dashboard.get("entries")["entries"])


class RuntimeTest(ServeTest):
    def test_why_and_repair(self):
        models = self.root / "models"
        models.mkdir()
        subprocess.run([harness.WRITE_MODELS, models], check=True, timeout=harness.PATIENCE_S)
        key = self.larder("compile", models / "dense.xml")["key"]
        dashboard = self.serve()
        why = dashboard.get(f"entries/{key}/why")
        self.assertEqual((why["would_hit"], why["key"]), (True, key))
        on_others = self.larder("compile", models / "dense.xml", "--device", "HETERO:CPU")["key"]
        why = dashboard.get(f"entries/{on_others}/why")
        self.assertEqual((why["would_hit"], why["key"]), (True, on_others))
        self.damage(key)
        events = Events(dashboard)
        self.addCleanup(events.close)
        dashboard.act("repair")
        job = events.next("job")
        while job["state"] == "running":
            job = events.next("job")
        self.assertEqual([(each["key"], each["outcome"]) for each in job["result"]["repairs"]],
                         [(key, "recompiled")])
        self.assertEqual(self.larder("verify")["findings"], [])


class AccessTest(ServeTest):
    def setUp(self):
        super().setUp()
        self.keys = self.furnish(entry("/m/a.onnx"))

    def assert_unchanged(self):
        self.assertFalse(self.larder("show", self.keys[0])["pinned"])

    def test_only_under_its_own_names(self):
        dashboard = self.serve("--host", "Larder.Example")
        port = dashboard.port
        for path in ("/", "/api/v1/entries", "/metrics", "/healthz"):
            for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", ""):
                self.assertEqual(dashboard.ask(path, Host=host).status, 421, (path, host))
            for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}",
                         "larder.example"):
                self.assertEqual(dashboard.ask(path, Host=host).status, 200, (path, host))

    def test_actions_need_the_token(self):
        dashboard = self.serve()
        body = {"keys": self.keys}
        for wrong in ("", "Bearer", "Bearer x", f"Bearer {dashboard.token[:-1]}0x",
                      f"Basic {dashboard.token}", dashboard.token):
            self.assertEqual(dashboard.post("pin", body, Authorization=wrong).status, 401, wrong)
        for path in KEYS:
            self.assertEqual(dashboard.ask(f"/api/v1/{path}", "POST", "{}").status, 401, path)
            self.assertEqual(dashboard.ask(f"/api/v1/{path}").status, 405, path)
        self.assert_unchanged()

    def test_other_sites_are_refused_even_with_the_token(self):
        dashboard = self.serve()
        body = {"keys": self.keys}
        for fields in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                       {"Origin": f"http://127.0.0.1:{dashboard.port + 1}"},
                       {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}):
            self.assertEqual(dashboard.post("pin", body, **fields).status, 403, fields)
        self.assertEqual(dashboard.ask("/api/v1/entries", Sec_Fetch_Site="cross-site").status, 403)
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            self.assertEqual(dashboard.post("pin", body, Content_Type=kind).status, 415)
        self.assert_unchanged()
        answer = dashboard.post("pin", body, Origin=dashboard.origin, Sec_Fetch_Site="same-origin")
        self.assertEqual(answer.status, 200)

    def test_no_answer_invites_other_sites(self):
        dashboard = self.serve()
        for path in ("/", "/app.js", "/api/v1/entries", "/metrics", "/none"):
            fields = dashboard.ask(path, Origin="http://evil.example").fields
            policy = fields["Content-Security-Policy"]
            for part in ("default-src 'none'", "frame-ancestors 'none'", "script-src 'self'"):
                self.assertIn(part, policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(fields["X-Frame-Options"], "DENY")
            self.assertEqual(fields["X-Content-Type-Options"], "nosniff")
            self.assertIsNone(fields["Access-Control-Allow-Origin"])

    def test_read_only(self):
        dashboard = self.serve("--read-only")
        for path, body in KEYS.items():
            self.assertEqual(dashboard.post(path, body).status, 403, path)
        self.assertEqual(dashboard.post("pin", {"keys": self.keys}).status, 403)
        self.assertTrue(dashboard.get("overview")["read_only"])
        self.assert_unchanged()

    def test_beyond_loopback_reading_needs_the_token_too(self):
        dashboard = self.serve("--address", "0.0.0.0")
        token = {"Authorization": f"Bearer {dashboard.token}"}
        for path in ("/api/v1/entries", "/metrics", "/api/v1/events", "/api/v1/settings"):
            self.assertEqual(dashboard.ask(path).status, 401, path)
        self.assertEqual(dashboard.ask("/metrics", **token).status, 200)
        self.assertEqual(dashboard.ask("/healthz").status, 200)
        self.assertEqual(dashboard.ask("/").status, 200)

    def test_on_loopback_unless_told_otherwise(self):
        port = self.serve().port
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
            # The port is still free on another loopback address of this machine.
            other.bind(("127.0.0.2", port))

    def test_token_of_a_file(self):
        path = self.root / "token"
        path.write_text("too short\n")
        with self.assertRaisesRegex(AssertionError, "holds no valid token"):
            self.serve("--token-file", path)
        path.write_text("0123456789abcdef0123\n")
        self.assertEqual(self.serve("--token-file", path).token, "0123456789abcdef0123")

    def test_no_path_leads_out(self):
        dashboard = self.serve()
        for path in ("/../etc/passwd", "/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
                     "//etc/passwd", "/api/v1/entries/../settings",
                     "/api/v1/entries/..%2f..%2fpins",
                     "/api/v1/entries/%2fetc%2fpasswd", f"/api/v1/entries/{self.keys[0]}/../x",
                     f"/api/v1/entries/{self.keys[0]}%00", "/api/v1/entries/", "/app.js/",
                     "/api/v1/entries/" + "a" * 65):
            answer = dashboard.ask(path)
            self.assertEqual(answer.status, 404, path)
            self.assertNotIn(b"root:", answer.body)
        for keys in (["../../x"], ["/etc/passwd"], [""], "x", [1], [["a"]]):
            for action in ("remove", "pin", "verify"):
                self.assertEqual(dashboard.post(action, {"keys": keys}).status, 400, (action, keys))
        for body in ("[]", "{", "", "1", '{"unknown": 1}', '{"dry_run": "no"}', "\x00"):
            answer = dashboard.ask("/api/v1/prune", "POST", body, Content_Type="application/json",
                                   Authorization=f"Bearer {dashboard.token}")
            self.assertEqual(answer.status, 400, body)


class LimitsTest(ServeTest):
    def test_what_is_too_large(self):
        dashboard = self.serve()
        self.assertEqual(dashboard.ask("/", X="x" * 20_000).status, 431)
        self.assertEqual(dashboard.post("pin", {"keys": ["a" * 1_100_000]}).status, 413)
        for text in (b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", dashboard.port), 60) as connection:
                connection.sendall(text)
                self.assertIn(b" 400 ", connection.recv(100))

    def test_more_connections_than_there_may_be(self):
        dashboard = self.serve()
        held = [socket.create_connection(("127.0.0.1", dashboard.port), 60) for _ in range(200)]
        for connection in held:
            connection.close()
        self.assertEqual(dashboard.ask("/healthz").status, 200)

    def test_ends_with_open_streams(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            dashboard = self.serve()
            events = Events(dashboard)
            events.next("state")
            self.assertEqual(dashboard.end(number), 0)
            with self.assertRaises(AssertionError):
                while True:
                    events.next("state")
            events.close()

    def test_a_port_that_is_taken(self):
        port = self.serve().port
        # An address for documentation, which no machine has.
        with self.assertRaisesRegex(AssertionError, "cannot listen on 192.0.2.1, .*\n.*--address"):
            self.serve("--address", "192.0.2.1")
        with self.assertRaisesRegex(AssertionError, "cannot listen on 127.0.0.1"):
            self.serve("--port", port)

    def test_a_larder_that_is_none_yet(self):
        dashboard = self.serve()
        self.assertEqual(dashboard.get("entries")["entries"], [])
        self.assertFalse(dashboard.get("overview")["exists"])
        self.assertFalse(self.dir.exists())
        self.furnish(entry("/m/a.onnx"))
        events = Events(dashboard)
        self.addCleanup(events.close)
        state = events.next("state")
        while state["counts"]["entries"] == 0:
            state = events.next("state")


class MetricsTest(ServeTest):
    def families(self, dashboard):
        from prometheus_client.parser import text_string_to_metric_families
        text = dashboard.ask("/metrics").body.decode()
        return {each.name: each for each in text_string_to_metric_families(text)}

    def test_names_and_values(self):
        if not harness.PACKAGES.exists():
            unable(self, "run scripts/setup_clients browser")
        self.furnish(entry("/m/a.onnx", bytes=50_000),
                     event("/m/a.onnx", "loaded", saved_ms=800, minutes_ago=10))
        dashboard = self.serve()
        before = self.families(dashboard)
        # Counters begin with the process; earlier events are in the statistics.
        self.assertEqual(before["larder_hits"].samples[0].value, 0)
        self.furnish(event("/m/a.onnx", "loaded", saved_ms=800, total_ms=90),
                     event("/m/a.onnx", "compiled", reason='a "reason"', total_ms=2500),
                     event("/m/a.onnx", "bypassed", reason="no export"),
                     event("/m/a.onnx", "refused", reason="not kept"))
        after = self.families(dashboard)
        for name in ("hits", "misses", "bypassed", "waits_seconds", "load_seconds",
                     "compile_seconds", "saved_seconds", "size_bytes", "max_size_bytes",
                     "evicted_bytes", "longest_idle_seconds", "damaged"):
            self.assertIn(f"larder_{name}", after)
        self.assertEqual(after["larder_hits"].samples[0].value, 1)
        [miss] = after["larder_misses"].samples
        self.assertEqual((miss.labels, miss.value), ({"reason": 'a "reason"'}, 1))
        [refused] = after["larder_refused"].samples
        self.assertEqual((refused.labels, refused.value), ({"reason": "not kept"}, 1))
        self.assertEqual(after["larder_saved_seconds"].samples[0].value, 0.8)
        compiled = {each.name: each.value for each in after["larder_compile_seconds"].samples}
        self.assertEqual(compiled, {"larder_compile_seconds_count": 1,
                                    "larder_compile_seconds_sum": 2.5})
        self.assertEqual(after["larder_max_size_bytes"].samples[0].value, 1e9)
        self.assertGreater(after["larder_size_bytes"].samples[0].value, 50_000)

    def test_shared_storages(self):
        if not harness.PACKAGES.exists():
            unable(self, "run scripts/setup_clients browser")
        self.furnish(storage("s3://bucket/models", hits=3, misses=2, fetched_bytes=5_000_000,
                             fetch_ms=1500, sent=1, sent_bytes=70_000),
                     storage("file:///mnt/models", hits=1, failures=3, fault="it is full"))
        found = self.families(self.serve())
        requests = {(each.labels["url"], each.labels["operation"], each.labels["result"]):
                    each.value for each in found["larder_remote_requests"].samples}
        self.assertEqual(requests[("s3://bucket/models", "fetch", "hit")], 3)
        self.assertEqual(requests[("s3://bucket/models", "fetch", "miss")], 2)
        self.assertEqual(requests[("s3://bucket/models", "send", "sent")], 1)
        self.assertEqual(requests[("file:///mnt/models", "any", "failed")], 3)
        for name, values in (("fetched_bytes", [0, 5_000_000]), ("fetch_seconds", [0, 1.5]),
                             ("sent_bytes", [0, 70_000]), ("resting", [1, 0])):
            samples = {each.labels["url"]: each.value
                       for each in found[f"larder_remote_{name}"].samples}
            self.assertEqual([samples["file:///mnt/models"], samples["s3://bucket/models"]], values)

    def test_promtool(self):
        if shutil.which("promtool") is None:
            unable(self, "run scripts/setup_clients browser")
        self.furnish(entry("/m/a.onnx"))
        text = self.serve().ask("/metrics").body
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                              check=False, timeout=harness.PATIENCE_S)
        self.assertEqual((done.returncode, done.stderr, done.stdout), (0, b"", b""))

    def test_alert_rules(self):
        if shutil.which("promtool") is None:
            unable(self, "run scripts/setup_clients browser")
        for words in (["check", "config", "prometheus.yml"],
                      ["check", "rules", "larder-alerts.yml"],
                      ["test", "rules", "larder-alerts-test.yml"]):
            done = subprocess.run(["promtool", *words], cwd=EXAMPLE, capture_output=True,
                                  check=False, text=True, timeout=harness.PATIENCE_S)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_dashboards_and_rules_use_metrics_that_there_are(self):
        self.furnish(entry("/m/a.onnx"))
        known = set(re.findall(r"(?m)^# TYPE (\w+)", self.serve().ask("/metrics").body.decode()))
        for name in ("grafana-dashboard.json", "larder-alerts.yml"):
            used = set(re.findall(r"\blarder_\w+", (EXAMPLE / name).read_text()))
            plain = {re.sub(r"_(sum|count)$", "", each) for each in used}
            self.assertGreater(len(plain), 3)
            self.assertEqual(plain - known, set())


if __name__ == "__main__":
    harness.main()
