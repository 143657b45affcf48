"""Goal: all verbs work correctly for referring entries.

Method: a model of half a megabyte with a very small entry; the test damages the entry, changes the
model, and removes it.
"""

import random
import struct

import harness
from harness import ProgramTest

ROWS, COLUMNS = 512, 256
WEIGHTS_BYTES = ROWS * COLUMNS * 4
SMALL_BYTES = 64 << 10


def port(number, *dimensions):
    inside = "".join(f"<dim>{dimension}</dim>" for dimension in dimensions)
    return f'<port id="{number}" precision="FP32">{inside}</port>'


def layer(number, kind, data, inputs, outputs):
    return (
        f'<layer id="{number}" name="{kind.lower()}{number}" type="{kind}" version="opset1">'
        + (f"<data {data}/>" if data else "")
        + (f"<input>{inputs}</input>" if inputs else "")
        + (f"<output>{outputs}</output>" if outputs else "")
        + "</layer>"
    )


TOPOLOGY = (
    '<?xml version="1.0"?><net name="m" version="11"><layers>'
    + layer(0, "Parameter", f'shape="1,{COLUMNS}" element_type="f32"', "", port(0, 1, COLUMNS))
    + layer(
        1,
        "Const",
        f'element_type="f32" shape="{ROWS},{COLUMNS}" offset="0" size="{WEIGHTS_BYTES}"',
        "",
        port(0, ROWS, COLUMNS),
    )
    + layer(
        2,
        "MatMul",
        'transpose_a="false" transpose_b="true"',
        port(0, 1, COLUMNS) + port(1, ROWS, COLUMNS),
        port(2, 1, ROWS),
    )
    + layer(3, "Result", "", port(0, 1, ROWS), "")
    + '</layers><edges><edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>'
    '<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>'
    '<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/></edges></net>'
)


class ReferringTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.root / "m.xml"
        self.model.write_text(TOPOLOGY)
        self.write_weights(1)
        report = self.compile(self.model)
        self.assertEqual(report["outcome"], "compiled")
        self.key = report["key"]

    def write_weights(self, seed):
        numbers = random.Random(seed)
        values = [numbers.uniform(-1, 1) for _ in range(ROWS * COLUMNS)]
        self.model.with_suffix(".bin").write_bytes(struct.pack(f"<{len(values)}f", *values))

    def objects(self):
        return [path for path in (self.dir / "objects").rglob("*") if path.is_file()]

    def kept_bytes(self):
        return sum(path.stat().st_size for path in self.objects())

    def damage(self):
        (made,) = self.objects()
        made.chmod(0o644)
        content = bytearray(made.read_bytes())
        content[len(content) // 2] ^= 1
        made.write_bytes(content)

    def test_verbs_say_where_weights_are_and_why(self):
        self.assertRegex(self.done("ls", "-v").out, r"\(weights: .+ in the model's own files\)")
        self.assertIsNone(self.entries()[0]["weights_kept"])
        weights = self.larder("doctor", "--json").json["weights"]
        # All but what it takes to lie in pages as it does in the file.
        self.assertGreater(weights["referred_bytes"], WEIGHTS_BYTES * 0.99)
        self.assertEqual(weights["kept"], {})
        self.compile(self.model, "--mode", "refresh", environment={"LARDER_WEIGHTS": "keep"})
        self.assertIn("(weights: kept: LARDER_WEIGHTS=keep)", self.done("ls", "-v").out)
        [entry] = self.entries()
        self.assertEqual(entry["weights_kept"], "LARDER_WEIGHTS=keep")
        self.assertRegex(self.larder("doctor").out,
                         "kept: .+ of 1 entry, because LARDER_WEIGHTS=keep")

    def test_next_to_nothing_is_kept_and_it_is_whole(self):
        self.assertLess(self.kept_bytes(), SMALL_BYTES)
        self.assertEqual(self.compile(self.model)["outcome"], "loaded")
        report = self.done("verify", "--json").json
        self.assertEqual((report["objects"], report["findings"]), (1, []))
        self.done("show", self.key)
        self.done("ls")
        self.assertEqual(len(self.entries()), 1)
        self.done("compress", "--older-than", "0", "--yes")
        self.assertLess(self.kept_bytes(), SMALL_BYTES)
        self.assertEqual(self.compile(self.model)["outcome"], "loaded")

    def test_damage_is_found_and_mended(self):
        self.damage()
        self.assertNotEqual(self.larder("verify").code, 0)
        self.assertEqual(self.compile(self.model)["outcome"], "compiled")
        self.damage()
        report = self.done("repair", "--json").json
        (repair,) = report["repairs"]
        self.assertEqual((repair["key"], repair["outcome"]), (self.key, "recompiled"))
        self.assertLess(self.kept_bytes(), SMALL_BYTES)
        self.assertEqual(self.compile(self.model)["outcome"], "loaded")

    def test_changed_model_is_no_damage(self):
        self.write_weights(2)
        self.assertEqual(self.done("verify", "--json").json["findings"], [])
        self.assertEqual(self.done("repair", "--json").json["repairs"], [])
        report = self.compile(self.model)
        self.assertEqual(report["outcome"], "compiled")
        self.assertNotEqual(report["key"], self.key)
        self.write_weights(1)
        self.assertEqual(self.compile(self.model)["outcome"], "loaded")

    def test_model_that_is_gone_is_no_damage_but_stale(self):
        self.model.unlink()
        self.model.with_suffix(".bin").unlink()
        self.assertEqual(self.done("verify", "--json").json["findings"], [])
        self.done("prune", "--stale", "--yes")
        self.assertEqual(self.entries(), [])
        self.assertEqual(self.objects(), [])

    def test_limit_counts_what_is_kept(self):
        self.done("prune", "--max-size", "300KiB", "--yes")
        self.assertEqual(len(self.entries()), 1)
        self.assertEqual(self.compile(self.model)["outcome"], "loaded")
        small = {"LARDER_MAX_SIZE": "300KiB"}
        self.write_weights(2)
        self.assertEqual(self.compile(self.model, environment=small)["outcome"], "compiled")
        self.assertEqual(len(self.entries()), 2)

    def test_setting_decides(self):
        for weights, is_small in (("refer", True), ("auto", True), ("keep", False)):
            self.done("rm", self.key, "--yes")
            environment = {"LARDER_WEIGHTS": weights}
            self.assertEqual(
                self.compile(self.model, environment=environment)["outcome"], "compiled"
            )
            self.assertEqual(self.kept_bytes() < SMALL_BYTES, is_small, weights)
        self.model.with_suffix(".bin").rename(self.root / "moved.bin")
        self.model.rename(self.root / "moved.xml")
        self.assertEqual(self.compile(self.root / "moved.xml")["outcome"], "loaded")


if __name__ == "__main__":
    harness.main()
