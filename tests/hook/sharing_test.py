"""Goal: processes that load the same model share its unpacked weights, and compute the same as
without sharing.

Method: workers that do not know of larder load models, one step after the other, with and without
sharing; outputs are compared bit by bit, and the kernel reports the shared memory.
"""

import pathlib
import signal
import sys
import tempfile

import harness
import sharing
from sharing import ANSWER_SECONDS, EXACT, SHARED_BYTES_MIN, WIDE_BYTES

COMPILE = "import openvino, sys; openvino.Core().compile_model(sys.argv[1], 'CPU')"


class SharesTest(sharing.SharingTest):
    def test_processes_that_start_one_after_the_other_share_one_copy(self):
        plain, _ = self.facts(None)
        self.facts("off")
        outputs, alone = self.facts("off")
        self.assertEqual(outputs, plain)
        first = self.loaded()
        self.assertEqual(self.outputs(first), plain)
        self.assertEqual(first.ask("report")["mapped"], 0)

        def shares():
            worker = self.loaded()
            return worker if worker.ask("report")["mapped"] >= SHARED_BYTES_MIN else None

        # The second worker publishes it, or a part of it, and later ones the rest.
        worker = self.until(shares, "nothing is shared")
        self.assertEqual(self.outputs(worker), plain)
        found = worker.ask("report")
        self.assertGreaterEqual(found["mapped"], SHARED_BYTES_MIN)
        self.assertEqual(found["mapped_dirty"], 0)
        self.assertLess(found["Private_Dirty"], alone["Private_Dirty"] - SHARED_BYTES_MIN)
        # Workers that have loaded it already are not affected.
        self.assertEqual(first.ask("report")["mapped"], 0)
        for one in (first, worker):
            self.finished(one)

    def test_processes_that_start_together_for_the_first_time_end_with_one_copy(self):
        plain, _ = self.facts(None)

        def sharing_workers(**environment):
            """How many of four share, in a larder of their own."""
            directory = pathlib.Path(tempfile.mkdtemp(dir=self.root))
            workers = [self.start("auto", environment=environment, directory=directory)
                       for _ in range(4)]
            for worker in workers:
                worker.ask("report")  # it has started
            for worker in workers:
                worker.tell("load", "model", self.wide, EXACT)
            for worker in workers:
                worker.answer()
            for worker in workers:
                self.assertEqual(self.outputs(worker), plain)
            mapped = [worker.ask("report")["mapped"] for worker in workers]
            for worker in workers:
                self.finished(worker)
            self.until(lambda: len(self.entries(directory)) == 2, "it is not published")
            return sum(one >= SHARED_BYTES_MIN for one in mapped)

        # On a busy machine, one may compile before another asks, and a load waits no longer for
        # copying than unpacking took.
        self.until(lambda: sharing_workers() >= 3, "too few share", ANSWER_SECONDS)
        self.until(lambda: sharing_workers(LARDER_RELEASE_MEMORY="on") == 4, "not all share",
                   ANSWER_SECONDS)

    def test_each_has_its_own_copy_while_memory_is_plentiful(self):
        plain, _ = self.facts(None)
        self.until_kept()
        workers = [self.loaded(memory=64 << 20, environment={"LARDER_LOG": "info"})
                   for _ in range(3)]
        for worker in workers:
            self.assertEqual(self.outputs(worker), plain)
            self.assertEqual(worker.ask("report")["mapped"], 0)
        ends = [worker.end() for worker in workers]
        self.assertIn("memory is plentiful", ends[-1].error)

    def test_off_shares_nothing_and_keeps_nothing(self):
        workers = [self.loaded("off") for _ in range(2)]
        for worker in workers:
            self.outputs(worker)
            self.assertEqual(worker.ask("report")["mapped"], 0)
        for worker in workers:
            self.finished(worker)
        self.assertEqual(self.unpacked(), [])
        self.assertEqual(len(self.entries()), 1)

    def test_what_is_kept_is_enough_for_a_process_alone(self):
        plain, _ = self.facts(None)
        self.until_kept()
        for share in ("on", "auto", "on"):
            outputs, report = self.facts(share)
            self.assertEqual(outputs, plain)
            self.assertGreaterEqual(report["mapped"], SHARED_BYTES_MIN, share)
        [entry] = self.unpacked()
        self.assertGreaterEqual(entry["bytes"], SHARED_BYTES_MIN)
        self.assertEqual(self.facts("off")[1]["mapped"], 0)

    def test_a_setting_that_cannot_be_read(self):
        wrong = {"LARDER_SHARE": "sometimes"}
        self.warned(self.run_larder(command=["true"], environment=wrong), "LARDER_SHARE",
                    "'sometimes'")
        command = [sys.executable, "-c", COMPILE, self.wide]
        self.warned(self.preloaded(*command, environment=wrong), "LARDER_SHARE", "'sometimes'")

    def test_unloading_gives_everything_back(self):
        self.until_kept()
        worker = self.loaded("on")
        outputs = self.outputs(worker)
        full = worker.ask("report")
        self.assertGreaterEqual(full["mapped"], SHARED_BYTES_MIN)
        for _ in range(3):
            worker.ask("unload")
            empty = worker.ask("report")
            self.assertEqual(empty["mapped"], 0)
            self.assertLess(empty["Rss"], full["Rss"] - SHARED_BYTES_MIN)
            worker.ask("load", "model", self.wide, EXACT)
            self.assertEqual(self.outputs(worker), outputs)
        self.finished(worker)

    def test_a_model_that_is_loaded_twice_shares_with_itself(self):
        self.until_kept()
        worker = self.loaded("on")
        before = worker.ask("report")
        worker.ask("load", "again", self.wide, EXACT)
        after = worker.ask("report")
        self.assertGreaterEqual(after["mapped"], 2 * SHARED_BYTES_MIN)
        self.assertLess(after["Pss"], before["Pss"] + WIDE_BYTES // 2)
        self.assertEqual(self.outputs(worker), self.outputs(worker, name="again"))
        worker.ask("unload", "model")
        self.outputs(worker, name="again")
        self.finished(worker)

    def test_models_with_the_same_weights_share_them(self):
        twin = self.model("twin")
        plain, _ = self.facts(None, twin)
        self.until_kept()
        self.until_kept(twin)
        first, second = self.loaded("on"), self.loaded("on", twin)
        self.assertEqual(self.outputs(second), plain)
        self.assertNotEqual(self.outputs(first), plain)
        self.assertGreaterEqual(second.ask("report")["mapped"], SHARED_BYTES_MIN)
        entries = self.unpacked()
        self.assertEqual(len(entries), 2)
        self.assertLess(sum(entry["unique_bytes"] for entry in entries), WIDE_BYTES // 4)
        for worker in (first, second):
            self.finished(worker)


class PrivateTest(sharing.SharingTest):
    """Data of the program stays in its memory, while its models work and others load."""

    written = ("wide", "half")

    def files_with(self, text):
        return [path for path in self.root.rglob("*")
                if path.is_file() and text in path.read_bytes()]

    def serve_and_load(self, share, texts, **options):
        """Workers that serve one model while they load another, repeatedly."""
        half = self.model("half")
        workers = [self.start(share, **options) for _ in texts]
        for worker, text in zip(workers, texts):
            worker.ask("load", "served", self.wide, EXACT)
            self.assertTrue(worker.ask("serve", "served", text))
        outputs = []
        for number in range(3):
            for worker in workers:
                worker.tell("load", f"half{number}", half, EXACT)
            for worker in workers:
                worker.answer()
                outputs.append(self.outputs(worker, name=f"half{number}"))
        for worker in workers:
            worker.ask("stop")
            self.finished(worker)
        return outputs

    def test_no_byte_of_a_request_reaches_the_disk(self):
        plain, _ = self.facts(None, self.model("half"))
        for share in ("on", "auto"):
            for texts in (["PRIVATE DATA OF BOTH"] * 2, ["PRIVATE DATA OF A", "PRIVATE DATA OF B"]):
                outputs = self.serve_and_load(share, texts)
                self.assertEqual(outputs, [plain] * len(outputs))
                self.assertEqual(self.files_with(b"PRIVATE DATA"), [])
        self.assertEqual(len(self.unpacked()), 2)

    def test_a_program_that_blocks_all_signals(self):
        def block():
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

        plain, _ = self.facts(None, self.model("half"))
        outputs = self.serve_and_load("auto", ["A", "B"], preexec_fn=block)
        self.assertEqual(outputs, [plain] * len(outputs))


class FormsTest(sharing.SharingTest):
    """Weights in other formats than those of the computation."""

    written = ("half", "bytes")

    def check(self, name):
        model = self.model(name)
        plain, _ = self.facts(None, model)
        self.assertEqual(self.facts("off", model)[0], plain)
        self.until_kept(model)
        [entry] = self.unpacked()
        self.assertGreaterEqual(entry["bytes"], 32 * sharing.MIB)

        def shares(share):
            outputs, report = self.facts(share, model)
            self.assertEqual(outputs, plain)
            return report["mapped"] >= entry["bytes"] * 8 // 10

        self.assertFalse(shares("off"))
        # Blocks that a busy machine does not copy in time are shared by a later load.
        for share in ("on", "auto"):
            self.assertTrue(any(shares(share) for _ in range(5)), f"{share}: too little is shared")

    def test_half_precision(self):
        self.check("half")

    def test_bytes_with_a_scale(self):
        self.check("bytes")


class ChurnTest(sharing.SharingTest):
    """With every event around a worker, its outputs are the same as without sharing."""

    def disturb(self, number, properties, expected):
        """Another worker starts and ends, and all entries are removed."""
        if number % 4 == 0:
            started = self.start("on")
            started.tell("load", "model", self.wide, properties)
            started.end(signal.SIGKILL)
        else:
            other = self.loaded("on", properties=properties)
            self.assertEqual(self.outputs(other), expected)
            if number % 4 == 1:
                self.finished(other)
            else:
                other.end(signal.SIGTERM if number % 4 == 2 else signal.SIGKILL)
        if number % 2:
            self.done(self.verb("prune", "--max-size", "1KiB", "--yes"))
            self.assertEqual(self.entries(), [])
        elif self.entries():
            self.done(self.verb("rm", self.wide, "--yes"))

    def check(self, streams, threads, *disturbances, precision="f32"):
        properties = {"NUM_STREAMS": str(streams), "INFERENCE_NUM_THREADS": str(threads),
                      "INFERENCE_PRECISION_HINT": precision}
        expected, _ = self.facts("off", properties=properties)
        self.until_kept(properties=properties)
        worker = self.loaded("on", properties=properties)
        self.assertGreater(worker.ask("report")["mapped"], 0)
        for number in disturbances:
            worker.tell("infer", "model", 4, 500, 12)
            self.disturb(number, properties, expected)
            self.assertEqual(worker.answer(), [[digest] for digest in expected])
        # Removed files are still shared by the processes that have mapped them.
        self.assertGreater(worker.ask("report")["mapped"], 0)
        self.finished(worker)

    def test_one_stream_of_one_thread(self):
        self.check(1, 1, 0, 1)

    def test_two_streams(self):
        self.check(2, 2, 2, 3)

    def test_four_streams(self):
        self.check(4, 2, 3, 2)

    def test_one_stream_of_two_threads_in_half_precision_where_there_is_one(self):
        self.check(1, 2, 1, 0, precision="bf16")


if __name__ == "__main__":
    harness.main()
