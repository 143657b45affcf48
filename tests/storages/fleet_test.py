"""Goal: with LARDER_REMOTE, what one machine compiles, all others load, without a command and
without the program noticing; and a storage that fails costs the time limit at most.

Method: processes with larders and states of their own are the machines; `larder run` and an
unmodified Python program; a directory, nginx, and a proxy before it that is slow and lies.
"""

import signal
import time

import fleet_machines
import harness
import servers
from proxy import serve_behind_proxy

MODELS = fleet_machines.MODELS


class FleetTest(fleet_machines.Machines):
    # ── Hits ─────────────────────────────────────────────────────────────────────────────────────

    def test_another_machine_loads_what_the_first_has_compiled(self):
        first = self.served("first", *self.paths)
        self.assertEqual(self.counts("first")["compiled"], len(MODELS))
        self.wait_until_sent("first", len(MODELS))
        second = self.served("second", *self.paths, LARDER_LOG="info")
        self.assertEqual(second.json, first.json)
        self.assertEqual(self.counts("second"),
                         {"compiled": 0, "loaded": len(MODELS), "waited": 0, "bypassed": 0})
        self.assertEqual(second.error.count(f"it was fetched from {self.url}"), len(MODELS), second)
        use = self.use_of("second")
        self.assertEqual((use["hits"], use["misses"], use["failures"]), (len(MODELS), 0, 0))
        self.assertGreater(use["fetched_bytes"], 0)
        self.assertEqual(self.use_of("first")["sent_entries"], len(MODELS))
        # And loads from its own larder afterwards.
        self.served("second", *self.paths)
        self.assertEqual(self.use_of("second")["hits"], len(MODELS))
        self.assertEqual(self.leases(), [])

    def test_workers_of_one_machine_fetch_once(self):
        self.served("first", self.paths[0])
        self.wait_until_sent("first", 1)
        workers = [self.start("second", self.paths[0]) for _ in range(4)]
        for worker in workers:
            self.assertEqual(self.end(worker).code, 0)
        self.assertEqual(self.use_of("second")["hits"], 1)
        self.assertEqual(self.counts("second")["compiled"], 0)

    def test_entries_that_nobody_trusted_has_signed_are_not_taken(self):
        self.served("first", self.paths[0])
        self.wait_until_sent("first", 1)
        theirs = self.root / "theirs.key"
        self.done("key", "generate", theirs)
        outcome = self.served("second", self.paths[0], warnings=1,
                              LARDER_TRUSTED_KEYS=f"{theirs}.pub")
        self.assertIn("not among the trusted keys", outcome.error)
        self.assertEqual(self.counts("second")["compiled"], 1)

    def test_a_storage_that_is_only_read_gets_nothing(self):
        self.shared.mkdir()
        self.served("first", self.paths[0], LARDER_REMOTE=f"{self.url}?read-only")
        self.assertEqual((list(self.shared.iterdir()), self.queued("first")), ([], []))

    def test_the_second_storage_is_asked_after_the_first(self):
        self.served("first", self.paths[0])
        self.wait_until_sent("first", 1)
        both = f"file://{self.root}/empty?read-only {self.url}"
        self.served("second", self.paths[0], LARDER_REMOTE=both)
        self.assertEqual(self.counts("second")["loaded"], 1)

    def test_what_must_not_be_compiled_is_fetched(self):
        self.served("first", self.paths[0])
        self.wait_until_sent("first", 1)
        self.served("second", self.paths[0], LARDER_MODE="cache-only")
        self.assertEqual(self.counts("second")["loaded"], 1)
        refused = self.end(self.start("second", self.paths[1], LARDER_MODE="cache-only"))
        self.assertNotEqual(refused.code, 0, refused)
        self.assertEqual(self.leases(), [])

    # ── One compile for all ──────────────────────────────────────────────────────────────────────

    def test_each_model_is_compiled_once_by_eight_machines(self):
        nodes = [f"node{i}" for i in range(8)]
        started = [self.start(node, *self.paths) for node in nodes]
        outcomes = [self.end(process) for process in started]
        for outcome in outcomes:
            self.assertEqual((outcome.code, outcome.warnings), (0, []), outcome)
            self.assertEqual(outcome.json, outcomes[0].json)
        counts = [self.counts(node) for node in nodes]
        self.assertEqual(sum(each["compiled"] for each in counts), len(MODELS), counts)
        self.assertEqual(sum(each["loaded"] for each in counts), 7 * len(MODELS), counts)

    def test_machines_that_end_in_the_middle_are_replaced(self):
        nodes = [f"node{i}" for i in range(5)]
        limit = {"LARDER_REMOTE_TIMEOUT": "3s"}
        started = [self.start(node, *self.paths, **limit) for node in nodes]
        self.wait_until(lambda: self.leases() or self.entries_there(), "somebody compiles")
        for process in started[:2]:
            process.send_signal(signal.SIGKILL)
        outcomes = [self.end(process) for process in started]
        for outcome in outcomes[2:]:
            self.assertEqual(outcome.code, 0, outcome)
            self.assertEqual(outcome.json, outcomes[-1].json)
        for node in nodes:
            self.assertEqual(self.end(self.start(node, *self.paths, **limit)).json,
                             outcomes[-1].json)
            self.assertEqual(self.run_bare(
                "verify", environment=self.environment_of(node)).code, 0)

    def test_a_lease_is_waited_for_until_the_time_limit(self):
        self.hold_lease(0)
        self.served("second", self.paths[0], LARDER_REMOTE_TIMEOUT="4s")
        self.assertEqual(self.counts("second")["compiled"], 1)
        (reason,) = self.ask("second", "stats")["miss_reasons"]
        self.assertIn("another machine", reason)

    def test_a_lease_that_is_too_old_is_taken_over(self):
        self.hold_lease(3600)
        self.served("second", self.paths[0])
        self.assertEqual(self.counts("second")["compiled"], 1)
        (reason,) = self.ask("second", "stats")["miss_reasons"]
        self.assertNotIn("another machine", reason)

    # ── The program notices nothing ──────────────────────────────────────────────────────────────

    def test_the_program_sees_no_child_no_signal_and_no_descriptor(self):
        for how in "watch", "adopt":
            with self.subTest(how):
                outcome = self.served(f"first {how}", how, *self.paths)
                self.assertEqual(outcome.json["seen"], [])
                self.wait_until_sent(f"first {how}", len(MODELS))
                outcome = self.served(f"second {how}", how, *self.paths)
                self.assertEqual(outcome.json["seen"], [])
                self.assertEqual(self.counts(f"second {how}")["loaded"], len(MODELS))

    # ── Sending ──────────────────────────────────────────────────────────────────────────────────

    def test_entries_that_could_not_be_sent_are_sent_later(self):
        self.url = f"file://{self.root}/absent/shared"
        self.served("first", self.paths[0], warnings=1)
        self.wait_until(lambda: self.use_of("first")["failures"] >= 2, "sending has failed")
        self.assertEqual(len(self.queued("first")), 1)
        self.shared = self.root / "absent" / "shared"
        self.shared.parent.mkdir()
        self.served("first", self.paths[1])
        self.wait_until_sent("first", 2)

    # ── By hand ──────────────────────────────────────────────────────────────────────────────────

    def test_push_and_pull_use_the_settings(self):
        self.ask("first", "compile", self.paths[0], LARDER_REMOTE="")
        sent = self.ask("first", "push")
        self.assertEqual(([each["state"] for each in sent["entries"]], sent["url"]),
                         (["moved"], self.url))
        self.assertEqual(len(self.ask("second", "pull", "dense.xml")["entries"]), 1)
        self.ask("second", "compile", self.paths[0], LARDER_REMOTE="")
        self.assertEqual(self.counts("second")["loaded"], 1)

    def test_the_larder_itself_must_not_name_storages_or_keys(self):
        for name, value in (("remote", self.url), ("trusted_keys", "team.key.pub"),
                            ("signing_key", "team.key")):
            directory = self.root / "node/.cache/larder"
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "larder.toml").write_text(f'{name} = "{value}"\n')
            outcome = self.run_bare("config", environment=self.environment_of("node"))
            self.check_message(outcome, 2, [name, "must not set"])

    def test_a_password_in_a_url_is_refused_and_not_repeated(self):
        outcome = self.run_bare("config", environment=self.environment_of(
            "node", LARDER_REMOTE="https://me:hunter2@example.com/models"))
        self.check_message(outcome, 2, ["LARDER_REMOTE", ".netrc"])
        self.assertNotIn("hunter2", str(outcome))

    def test_why_says_what_the_storages_hold(self):
        self.served("first", self.paths[0])
        self.wait_until_sent("first", 1)
        for model, says in zip(self.paths, ("has an entry", "has no entry")):
            (storage,) = self.ask("second", "why", model)["storages"]
            self.assertEqual(storage["url"], self.url)
            self.assertIn(says, storage["entry"])
        table = self.run_bare("why", self.paths[0], environment=self.environment_of("second"))
        self.assertIn("has an entry", table.out)

    def test_doctor_says_whether_one_machine_compiles_for_all(self):
        self.served("first", self.paths[0])
        self.wait_until_sent("first", 1)
        (storage,) = self.ask("first", "doctor")["storages"]
        self.assertEqual(storage, {"url": self.url, "fault": None, "read_only": False,
                                   "honours_conditions": True})
        self.assertEqual(self.leases(), [])


class FleetOverHttpTest(FleetTest):
    """The same storage behind a server, and behind a network that fails."""

    def setUp(self):
        super().setUp()
        serve_behind_proxy(self)
        self.shared = self.server.files / "models"

    # nginx knows no conditions.
    test_each_model_is_compiled_once_by_eight_machines = None
    test_doctor_says_whether_one_machine_compiles_for_all = None
    # They are about directories.
    test_entries_that_could_not_be_sent_are_sent_later = None
    test_a_storage_that_is_only_read_gets_nothing = None
    test_the_larder_itself_must_not_name_storages_or_keys = None
    test_a_password_in_a_url_is_refused_and_not_repeated = None

    def compiled_within(self, limit_s, node="second", **settings):
        """Compiles, with one warning, after the time limit at the latest."""
        outcome = self.run_bare(
            "compile", self.paths[0], "--json",
            environment=self.environment_of(node, LARDER_REMOTE_TIMEOUT=f"{limit_s}s", **settings))
        self.assertEqual((outcome.code, outcome.json["outcome"]), (0, "compiled"), outcome)
        self.assertEqual(len(outcome.warnings), 1, outcome)
        # Far below what the fault would last, and far above what a busy machine adds.
        self.assertLess(outcome.json["timing_ms"]["wait"], (limit_s + 10) * 1000, outcome)
        self.assertEqual(self.run_bare(
            "verify", environment=self.environment_of(node)).code, 0)
        return outcome

    def send_first(self):
        outcome = self.served("first", self.paths[0])
        self.wait_until_sent("first", 1)
        return outcome

    def test_a_silent_server_costs_the_time_limit(self):
        self.send_first()

        def be_silent(passing):
            passing.is_silent = True

        for kind in "entries", "objects":
            self.proxy.after = lambda passing: passing.is_read_of(kind) and be_silent(passing)
            self.compiled_within(2, node=kind)

    def test_a_slow_server_costs_the_time_limit(self):
        self.send_first()

        def drip(passing):
            passing.pause_s = 0.5

        self.proxy.after = lambda passing: passing.is_read_of("objects") and drip(passing)
        self.compiled_within(2)

    def test_a_time_limit_that_ends_a_wait_is_no_failure_of_the_storage(self):
        for model in range(3):
            self.hold_lease(0, model)
        # Most of the time, an answer is on its way.
        self.proxy.after = lambda passing: time.sleep(0.7)
        self.served("second", *self.paths[:3], LARDER_REMOTE_TIMEOUT="6s")
        self.assertEqual(self.counts("second")["compiled"], 3)
        self.assertEqual(self.use_of("second")["failures"], 0)
        (reason,) = self.ask("second", "stats")["miss_reasons"]
        self.assertIn("another machine", reason)

    def test_a_lying_server_is_a_miss(self):
        self.send_first()

        def flip(passing):
            body = bytearray(passing.body)
            body[len(body) // 2] ^= 1
            passing.body = bytes(body)

        for kind in "entries", "objects":
            self.proxy.after = lambda passing: passing.is_read_of(kind) and flip(passing)
            self.compiled_within(60, node=kind)

    def test_a_server_that_is_down_is_left_alone_after_three_failures(self):
        self.url = f"http://127.0.0.1:{servers.free_port()}/models"
        for model in self.paths[:2]:
            outcome = self.served("second", model, warnings=1)
            self.assertIn("no answer", outcome.error)
        self.wait_until(lambda: self.use_of("second")["rests_until"], "it rests")
        failures = self.use_of("second")["failures"]
        # Nothing is asked, and nothing is said.
        self.served("second", self.paths[2])
        self.assertEqual(self.use_of("second")["failures"], failures)
        found = self.ask("second", "doctor")["findings"]
        self.assertTrue(any("failed repeatedly" in each["finding"] for each in found), found)


if __name__ == "__main__":
    harness.main()
