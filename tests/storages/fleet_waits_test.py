"""Goal: one machine compiles for all, however long that takes; and a machine that does not go on
with it, in whichever way, is replaced soon.

Method: a program that is stopped (SIGSTOP) while it has the compile lock is a compile that takes as
long as a test wants; the time limit for storages is far shorter.
"""

import signal
import time

import fleet_machines
import harness
from proxy import serve_behind_proxy

LIMIT_S = 5
LEASE_S = 60  # k_lease_time


class FleetWaitsTest(fleet_machines.Machines):
    def setUp(self):
        super().setUp()
        self.settings["LARDER_REMOTE_TIMEOUT"] = f"{LIMIT_S}s"

    def lease_text(self):
        return "".join(path.read_text() for path in self.leases())

    def start_waiting(self, nodes, model, **settings):
        """Starts programs, and waits for longer than the time limit."""
        started = [self.start(node, model, **settings) for node in nodes]
        for process in started:
            self.addCleanup(process.kill)
        for node in nodes:
            self.wait_until(lambda node=node: self.helpers_of(node), f"{node} waits")
        time.sleep(2 * LIMIT_S)
        return started

    def check_ends(self, process):
        outcome = self.end(process)
        self.assertEqual((outcome.code, outcome.warnings), (0, []), outcome)
        return outcome.json

    def check_nothing_is_left(self, *nodes):
        for node in nodes:
            self.wait_until(lambda node=node: not self.helpers_of(node), f"{node}: helpers end")
        self.assertEqual(self.leases(), [])

    def compiled(self, *nodes):
        return sum(self.counts(node)["compiled"] for node in nodes)

    def test_a_compile_may_take_longer_than_the_time_limit(self):
        first, model = self.stop_while_compiling("first")
        before = self.compiled("first")
        nodes = [f"node{i}" for i in range(3)]
        started = self.start_waiting(nodes, model)
        self.wait_until(lambda: "renewed 1\n" in self.lease_text(), "the lease is renewed")
        self.assertEqual([process.poll() for process in started], [None] * 3)
        first.send_signal(signal.SIGCONT)
        outputs = self.check_ends(first)
        for process in started:
            self.assertEqual(self.check_ends(process), outputs)
        self.assertEqual(self.compiled("first", *nodes), before + 1)
        self.assertEqual(self.compiled(*nodes), 0)
        self.check_nothing_is_left("first", *nodes)

    def test_a_machine_that_is_killed_is_replaced_at_once(self):
        first, model = self.stop_while_compiling("first")
        nodes = ["node0", "node1"]
        started = self.start_waiting(nodes, model)
        first.kill()
        killed = time.monotonic()
        self.wait_until(lambda: self.entries_there() or self.helpers_of("first") == [],
                        "the lease is released")
        for process in started:
            self.check_ends(process)
        # The lease would have lived longer.
        self.assertLess(time.monotonic() - killed, LEASE_S)
        self.assertEqual(self.compiled(*nodes), 1)
        self.check_nothing_is_left("first", *nodes)

    def test_a_machine_that_keeps_no_entry_releases_its_lease(self):
        model = self.paths[0]
        outcome = self.end(self.start("first", model, LARDER_MAX_SIZE="1B"))
        self.assertEqual(outcome.code, 0, outcome)
        self.check_nothing_is_left("first")
        self.assertEqual(self.entries_there(), [])
        self.assertEqual(self.compiled("first"), 0)
        self.served("second", model)
        self.assertEqual(self.compiled("second"), 1)

    def test_a_machine_that_hangs_is_waited_for_until_the_lock_timeout(self):
        first, model = self.stop_while_compiling("first")
        (waiting,) = self.start_waiting(["second"], model, LARDER_LOCK_TIMEOUT="12s")
        self.check_ends(waiting)
        self.assertEqual(self.compiled("second"), 1)
        reasons = self.ask("second", "stats")["miss_reasons"]
        self.assertIn("another machine", str(reasons))
        self.assertIn("lock timeout", str(reasons))
        first.send_signal(signal.SIGCONT)
        self.check_ends(first)
        self.check_nothing_is_left("first", "second")

    def test_a_program_that_ends_while_it_waits_leaves_no_helper(self):
        first, model = self.stop_while_compiling("first")
        (waiting,) = self.start_waiting(["second"], model)
        waiting.kill()
        self.wait_until(lambda: not self.helpers_of("second"), "nobody waits")
        self.assertNotEqual(self.helpers_of("first"), [])
        first.send_signal(signal.SIGCONT)
        self.check_ends(first)
        self.check_nothing_is_left("first", "second")


class FleetWaitsOverHttpTest(fleet_machines.Machines):
    """The other machine is a lease, which counts as alive for a minute."""

    def setUp(self):
        super().setUp()
        serve_behind_proxy(self)
        self.shared = self.server.files / "models"
        self.settings["LARDER_REMOTE_TIMEOUT"] = f"{LIMIT_S}s"
        self.hold_lease(0, text="another machine\nrenewed 3\n")
        self.began = None

    def has_waited(self):
        """For longer than the time limit."""
        if not self.began and any(each.is_read_of("leases") for each in self.proxy.passed):
            self.began = time.monotonic()
        return self.began and time.monotonic() - self.began > 2 * LIMIT_S

    def test_a_server_that_falls_silent_during_a_wait_costs_the_time_limit(self):
        fell_silent = []

        def fall_silent(passing):
            if self.has_waited():
                fell_silent.append(time.monotonic())
                passing.is_silent = True

        self.proxy.after = fall_silent
        outcome = self.served("second", self.paths[0], warnings=1)
        # Far below the life of the lease, and far above what a busy machine adds.
        self.assertLess(time.monotonic() - fell_silent[0], LIMIT_S + 20, outcome)
        self.assertEqual(self.counts("second")["compiled"], 1)

    def test_a_lease_that_vanishes_is_an_entry_or_is_taken(self):
        waiting = self.start("second", self.paths[0])
        self.wait_until(self.has_waited, "it has waited")
        for lease in self.leases():
            lease.unlink()
        self.assertEqual(self.end(waiting).code, 0)
        self.assertEqual(self.counts("second")["compiled"], 1)
        self.assertNotIn("another machine", str(self.ask("second", "stats")["miss_reasons"]))


if __name__ == "__main__":
    harness.main()
