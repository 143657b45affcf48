"""Goal: kernels that the GPU plugin builds while a dynamic model runs are built once for all
programs, and the plugin gets only intact kernels of the same driver.

Method: programs on the rig of gpu_test.py, whose layer reports for each device program whether it
is built from source. The test controls the programs step by step, so that it sees all new kernels.
"""

import json
import pathlib
import subprocess
import sys
import time

import harness
from gpu_test import WITH_GPU, GpuTest
from models import MODELS

KERNELS_CLIENT = [sys.executable, str(pathlib.Path(__file__).with_name("kernels_client.py"))]
LIMIT_S = 180


class Running:
    """A program that runs a model, with all its reports so far."""

    def __init__(self, test, name, command=(), **environment):
        self.test = test
        self.folder = test.folder(name)
        self.error = self.folder / "error"
        settings = {"HOME": str(test.root), **harness.SURROUNDINGS,
                    "LARDER_FAKE_GPU_VERBOSE": "1"}
        with self.error.open("wb") as error:
            words = (WITH_GPU, *command, *KERNELS_CLIENT, "dynamic", self.folder)
            self.process = subprocess.Popen(
                [str(word) for word in words],
                env={**settings, **environment}, cwd=test.root, stdout=error, stderr=error)
        test.addCleanup(self.kill)

    def wait_for(self, what, condition):
        limit = time.monotonic() + LIMIT_S
        while not condition():
            if self.process.poll() is not None:
                self.test.fail(f"it ended before {what}: {self.error.read_text()}")
            if time.monotonic() > limit:
                self.test.fail(f"no {what} in {LIMIT_S} s: {self.error.read_text()}")
            time.sleep(0.1)

    def release(self):
        """It has run, and the device has built all its kernels."""
        (self.folder / "release").touch()
        self.wait_for("released", (self.folder / "released").exists)
        return json.loads((self.folder / "ran").read_text())

    def end(self):
        found = self.release()
        (self.folder / "end").touch()
        self.test.assertEqual(self.process.wait(timeout=LIMIT_S), 0, self.error.read_text())
        return found

    def kill(self):
        self.process.kill()
        self.process.wait()

    def built_from_source(self):
        """By compile_model, and after it."""
        said = self.error.read_text()
        return tuple(part.count("built from source") for part in said.partition("ready\n")[::2])


class Kernels(GpuTest):
    def start(self, name, **environment):
        return Running(self, name, (harness.PROGRAM, "run", "--dir", self.dir, "--"),
                       **environment)

    def kernels(self):
        """The entries of the kernels."""
        return [entry for entry in self.entries() if entry["kernels_of"]]

    def made(self):
        """Names of what programs that run have in their directories."""
        return {path.name for path in (self.dir / "tmp").glob("*/*.cl_cache")}

    def kept(self):
        """Their names."""
        return {part["name"] for entry in self.kernels()
                for part in self.larder("show", entry["key"])["objects"]}

    def count(self):
        if not (self.dir / "larder.json").exists():
            return 0
        return sum(len(self.larder("show", entry["key"])["objects"]) for entry in self.kernels())

    def keep(self, name="first", kept=0, **environment):
        """A start that is killed as soon as its kernels are stored, in addition to `kept`."""
        running = self.start(name, **environment)
        found = running.release()
        made = running.built_from_source()[1]
        self.assertGreater(made, 0)
        running.wait_for("what it made was kept", lambda: self.count() >= kept + made)
        running.kill()
        return found

    def make_nothing(self, name, **environment):
        """A start that finds all its kernels."""
        running = self.start(name, **environment)
        found = running.end()
        self.assertTrue(found["loaded"])
        self.assertEqual(running.built_from_source(), (0, 0), running.error.read_text())
        return found

    def save(self):
        """The model as a file."""
        import openvino
        model = self.root / "model.xml"
        openvino.save_model(MODELS["dynamic"]()[0], model, False)
        return model

    def objects(self):
        return [path for path in (self.dir / "objects").rglob("*")
                if path.is_file() and path.suffix != ".chunks"]


class KernelsTest(Kernels):
    def test_the_first_start_keeps_them_even_if_it_is_killed(self):
        plain = Running(self, "plain").end()
        first = self.keep()
        self.assertFalse(first["loaded"])
        self.assertEqual(first["output"], plain["output"])
        second = self.make_nothing("second")
        self.assertEqual(second["output"], plain["output"])
        self.assertEqual(len(self.kernels()), 1)
        # Without them, it builds some.
        self.verb("rm", self.kernels()[0]["key"], "--yes")
        self.assertTrue(self.keep("without")["loaded"])

    def test_they_go_with_their_blob_and_are_said_to_be_its(self):
        self.keep()
        [kernels] = self.kernels()
        [blob] = [entry for entry in self.entries() if not entry["kernels_of"]]
        self.assertEqual(kernels["kernels_of"], blob["key"])
        self.assertEqual(kernels["encoding"], "files")
        self.assertGreater(kernels["bytes"], 0)
        self.assertIn("kernels", self.verb("ls").out)
        self.assertIn("kernels of", self.verb("show", kernels["key"]).out)
        self.verb("verify")
        self.verb("rm", blob["key"], "--yes")
        self.assertEqual(self.entries(), [])
        self.assertEqual(self.objects(), [])

    def test_two_programs_at_once_keep_all_of_them(self):
        plain = Running(self, "plain").end()
        both = [self.start(name) for name in ("one", "other")]
        for running in both:
            self.assertEqual(running.release()["output"], plain["output"])
        made = self.made()
        self.assertGreater(len(made), 0)
        both[0].wait_for("what both made was kept", lambda: made <= self.kept())
        for running in both:
            running.end()
        self.assertLessEqual(made, self.kept())
        self.assertEqual(len(self.entries()), 2)
        self.assertEqual(len(self.kernels()), 1)
        self.verb("verify")
        # And load them at once.
        both = [self.start(name) for name in ("third", "fourth")]
        for running in both:
            found = running.end()
            self.assertEqual((found["loaded"], found["output"]), (True, plain["output"]))
            self.assertEqual(running.built_from_source(), (0, 0), running.error.read_text())

    def test_a_damaged_one_is_never_handed_over(self):
        first = self.keep()
        for path in self.objects():
            content = bytearray(path.read_bytes())
            if content.startswith(b"\x7fELF"):
                path.chmod(0o644)
                content[len(content) // 2] ^= 1
                path.write_bytes(content)
        again = self.keep("again", LARDER_LOG="error")
        self.assertTrue(again["loaded"])
        self.assertEqual(again["output"], first["output"])
        self.make_nothing("third")

    def test_another_driver_has_its_own(self):
        drivers = [{"LARDER_FAKE_GPU_DRIVER": version} for version in ("26.30.1", "26.99.2")]
        for number, driver in enumerate(drivers):
            self.assertFalse(self.keep(f"first{number}", self.count(), **driver)["loaded"])
        self.assertEqual(len(self.kernels()), 2)
        for number, driver in enumerate(drivers):
            self.make_nothing(f"second{number}", **driver)

    def test_a_larder_that_is_only_read_hands_them_over(self):
        first = self.keep()
        again = self.make_nothing("again", LARDER_MODE="read-only")
        self.assertEqual(again["output"], first["output"])

    def test_a_blob_without_weights_has_them(self):
        model = self.save()
        first = self.keep(WITHOUT_WEIGHTS=str(model))
        self.assertFalse(first["loaded"])
        [blob] = [entry for entry in self.entries() if not entry["kernels_of"]]
        self.assertLess(blob["bytes"], model.with_suffix(".bin").stat().st_size)
        again = self.start("again", WITHOUT_WEIGHTS=str(model))
        found = again.end()
        self.assertTrue(found["loaded"])
        self.assertEqual(found["output"], first["output"])
        # The plugin stores the kernels that the import needs for the weights nowhere.
        self.assertEqual(again.built_from_source()[1], 0)

    def test_a_static_model_has_none(self):
        for loaded in (False, True):
            self.assertEqual(self.ask("layers")["loaded"], loaded)
        self.assertEqual(len(self.entries()), 1)


if __name__ == "__main__":
    harness.main()
