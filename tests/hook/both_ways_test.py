"""Goal: a model that programs request both by path and as a graph in memory is compiled once and
stored once; each program sees the same as from OpenVINO for its kind of request.

Method: an unmodified program makes both kinds of requests, in either order, for models with weights
in a file, and for models that only look the same.
"""

import os
import sys
import time

import harness
import numpy as np
import openvino as ov
from openvino import opset13 as ops

CLIENT = [sys.executable, str(harness.CLIENTS / "both_ways_client.py")]
SIDE = 2304  # 20 MiB of weights: more than is hashed to find the other key


def write(path, scale=1.0, name="y"):
    x = ops.parameter([-1, SIDE], np.float32, name="x")
    random = np.random.default_rng(7)
    weights = (random.standard_normal((SIDE, SIDE), np.float32) * np.float32(scale / 50))
    y = ops.relu(ops.matmul(x, ops.constant(weights), False, False), name=f"{name}/relu")
    y.output(0).set_names({name})
    result = ops.result(y, name=f"{name}/result")
    ov.save_model(ov.Model([result], [x], name), path, compress_to_fp16=False)


def write_twins(path):
    """Two results of one value, and halves of another, each with a name of its own."""
    x = ops.parameter([-1, SIDE], np.float32, name="x")
    x.output(0).set_names({"x"})
    weights = np.random.default_rng(8).standard_normal((SIDE, SIDE), np.float32) / 50
    value = ops.relu(ops.matmul(x, ops.constant(weights.astype(np.float32)), False, False))
    halves = ops.split(value, 1, 2)
    results = [ops.result(output) for output in (value, value, *halves.outputs())]
    for name, result in zip("abcd", results):
        result.output(0).set_names({name})
        result.set_friendly_name(f"{name}/result")
    ov.save_model(ov.Model(results, [x], "twins"), path, compress_to_fp16=False)


class BothWaysTest(harness.HookTest):
    def setUp(self):
        super().setUp()
        self.model = self.root / "model.xml"
        write(self.model)

    def ask(self, way, model=None, run=None):
        return (run or self.served)(*CLIENT, way, model or self.model).json

    def objects(self):
        return [path for path in (self.dir / "objects").rglob("*")
                if path.is_file() and path.suffix != ".chunks"]

    def check(self, first, second):
        plain = {way: self.ask(way, run=self.unserved) for way in (first, second)}
        for way in (first, second, second, first):
            self.settle()
            found = self.ask(way)
            for name in ("outputs", "ports"):
                self.assertEqual(found[name], plain[way][name], (way, name))
        outcomes = self.larder("stats")["by_model"].values()
        for outcome, count in (("compiled", 1), ("loaded", 3)):
            self.assertEqual(sum(one[outcome] for one in outcomes), count, outcomes)
        self.assertEqual(len(self.larder("ls")["entries"]), 2)
        # Neither holds the weights; the bytes that the compiler made may exist for each kind of
        # request.
        kept = sum(path.stat().st_size for path in self.objects())
        self.assertLess(kept, self.model.with_suffix(".bin").stat().st_size / 5)
        self.assertEqual(self.larder("verify")["findings"], [])

    def settle(self):
        """A file that was just written is not remembered."""
        os.sync()
        time.sleep(0.05)

    def test_by_path_first(self):
        self.check("path", "read")

    def test_read_first(self):
        self.check("read", "path")

    def test_names_that_get_lost_in_a_blob_by_path_first(self):
        write_twins(self.model)
        self.check("path", "read")

    def test_names_that_get_lost_in_a_blob_read_first(self):
        write_twins(self.model)
        self.check("read", "path")

    def test_a_model_that_was_changed_in_memory_is_another(self):
        self.ask("path")
        plain = self.ask("changed", run=self.unserved)
        found = self.ask("changed")
        self.assertEqual(found["outputs"], plain["outputs"])
        self.assertFalse(found["loaded"])

    def test_names_that_were_changed_in_memory_stay_with_their_program(self):
        plain = {way: self.ask(way, run=self.unserved) for way in ("renamed", "path")}
        self.assertNotEqual(plain["renamed"]["ports"], plain["path"]["ports"])
        for way in ("renamed", "path", "renamed", "path"):
            self.settle()
            self.assertEqual(self.ask(way)["ports"], plain[way]["ports"], way)

    def test_names_that_were_changed_of_what_is_kept_by_path(self):
        for write_model in (write, write_twins):
            write_model(self.model)
            plain = {way: self.ask(way, run=self.unserved) for way in ("path", "renamed")}
            for way in ("path", "renamed", "renamed", "path"):
                self.settle()
                self.assertEqual(self.ask(way)["ports"], plain[way]["ports"], way)

    def test_a_file_that_was_replaced_meanwhile_is_another(self):
        self.ask("path")
        write(self.model, 2.0)
        plain = self.ask("read", run=self.unserved)
        found = self.ask("read")
        self.assertEqual(found["outputs"], plain["outputs"])
        self.assertFalse(found["loaded"])

    def test_what_one_key_is_removed_the_other_keeps(self):
        self.ask("path")
        self.settle()
        self.ask("read")
        entries = self.larder("ls")["entries"]
        by_path = [entry["key"] for entry in entries if entry["kind"] == "ir"]
        self.done(self.run_bare(harness.PROGRAM, "rm", *by_path, "--yes", "--dir", self.dir))
        self.assertTrue(self.ask("read")["loaded"])
        self.assertEqual(len(self.objects()), 1)


if __name__ == "__main__":
    harness.main()
