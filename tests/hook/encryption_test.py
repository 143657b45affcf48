"""Goal: a program that encrypts its cache is served, and nothing of its models is stored
unencrypted. With other callbacks, or none, every request is a miss.

Method: a Python program whose callbacks are real ciphers; every file below the larder is searched
for pieces of the weights and of the topology.
"""

import pathlib
import re
import sys

import harness


class EncryptionTest(harness.HookTest):
    def setUp(self):
        super().setUp()
        self.computed = {}  # without larder, by device

    def client(self, callbacks, *properties, device="CPU"):
        return [sys.executable, str(harness.CLIENTS / "encryption_client.py"), self.dense, device,
                callbacks, *properties]

    def start(self, *words, **options):
        """Its facts; the numbers are those of a start without larder."""
        facts = self.served(*self.client(*words, **options)).json
        self.assertEqual(facts["outputs"], self.plain(**options))
        self.assertEqual(facts.get("again", facts["outputs"]), facts["outputs"])
        return facts

    def plain(self, device="CPU"):
        if device not in self.computed:
            command = self.client("none", device=device)
            self.computed[device] = self.unserved(*command).json["outputs"]
        return self.computed[device]

    def expect_no_clear_text(self):
        weights = pathlib.Path(self.dense).with_suffix(".bin").read_bytes()
        samples = [weights[at:at + 24] for at in range(0, len(weights) - 24, len(weights) // 16)]
        self.assertTrue(any(len(set(sample)) > 8 for sample in samples))
        samples = [sample for sample in samples if len(set(sample)) > 8]
        samples += [b"<layer ", b"opset1", b"larder piece"]
        for file in self.dir.rglob("*"):
            if not file.is_file():
                continue
            content = file.read_bytes()
            for sample in samples:
                self.assertNotIn(sample, content, file)

    def test_a_program_with_a_fixed_cipher_is_served(self):
        self.assertEqual([self.start("key=a")["loaded"] for _ in range(3)], [False, True, True])
        self.expect_no_clear_text()

    def test_it_is_served_on_a_device_made_of_others(self):
        # A property prevents the program from exporting, which this device cannot do after an
        # import.
        words = "key=a", "LOG_LEVEL=LOG_NONE"
        loaded = [self.start(*words, device="HETERO:CPU")["loaded"] for _ in range(3)]
        self.assertEqual(loaded, [False, True, True])
        self.expect_no_clear_text()

    def test_a_program_whose_cipher_varies_is_served(self):
        self.assertEqual([self.start("nonce=a")["loaded"] for _ in range(3)], [False, True, True])
        self.expect_no_clear_text()

    def test_without_weights_it_is_served_too(self):
        loaded = [self.start("key=a", "CACHE_MODE=OPTIMIZE_SIZE")["loaded"] for _ in range(2)]
        self.assertEqual(loaded, [False, True])
        self.expect_no_clear_text()

    def test_other_callbacks_keep_their_own(self):
        for kind in ("key", "nonce"):
            programs = [f"{kind}={key}" for key in "abc"]
            first = [self.start(program)["loaded"] for program in programs]
            again = [self.start(program)["loaded"] for program in programs * 2]
            self.assertEqual((first, again), ([False] * 3, [True] * 6), kind)
        self.assertFalse(self.start("none")["loaded"])
        self.assertTrue(self.start("none")["loaded"])
        self.assertTrue(self.start("key=a")["loaded"])

    def test_more_callbacks_that_vary_than_keys_throw_nobody_out(self):
        for key in "abcd":
            self.assertFalse(self.start(f"nonce={key}")["loaded"])
        for _ in range(2):
            self.assertFalse(self.start("nonce=e")["loaded"])
        for key in "abcd":
            self.assertTrue(self.start(f"nonce={key}")["loaded"])

    def test_callbacks_that_do_not_work_keep_nothing(self):
        plain = self.plain()
        for kind in ("throws", "loses"):
            outcomes = [self.run_larder(command=self.client(kind)) for _ in range(2)]
            for outcome in outcomes:
                self.assertEqual(outcome.code, 0, outcome)
                self.assertEqual(outcome.json["outputs"], plain)
                self.assertFalse(outcome.json["loaded"])
                self.assertFalse([w for w in outcome.warnings if "SECRET" in w], outcome)
        self.assertEqual(self.larder("ls")["entries"], [])

    def test_damaged_cipher_text_is_a_miss(self):
        self.start("key=a")
        objects = [f for f in (self.dir / "objects").rglob("*") if f.is_file()]
        self.assertEqual(len(objects), 1)
        objects[0].chmod(0o644)
        content = bytearray(objects[0].read_bytes())
        content[len(content) // 2] ^= 1
        objects[0].write_bytes(content)
        outcome = self.run_larder(command=self.client("key=a"))
        self.assertEqual(outcome.json["outputs"], self.plain())
        self.assertFalse(outcome.json["loaded"])
        self.assertTrue(self.start("key=a")["loaded"])

    def test_entries_say_that_they_are_encrypted(self):
        self.start("key=a")
        entry, = self.larder("ls")["entries"]
        self.assertEqual(entry["encoding"], "encrypted")
        digest = entry["key_inputs"]["encryption"] if "key_inputs" in entry else None
        if digest:
            self.assertTrue(re.fullmatch(r"callbacks [0-9a-f]{64}", digest), digest)


if __name__ == "__main__":
    harness.main()
