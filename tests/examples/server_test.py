"""Goal: the server compiles each model at its first start and loads it at every later start, with
and without its lines for larder, and models can be loaded and unloaded while it runs."""

import stat

import harness
import numpy as np
import openvino as ov

from models.folder import build

# The IR's properties decide its key.
CONFIGURATION = """
[dense]
path = "store/small-1mb/small-1mb.xml"
properties = { EXECUTION_MODE_HINT = "ACCURACY", PERFORMANCE_HINT = "LATENCY" }

[chain]
path = "store/onnx-tiny/onnx-tiny.onnx"
device = "CPU"
"""
INSTALL = "import larder  # before openvino\n\nlarder.install()"


def tree_of(folder):
    """All properties of the files that a write would change."""
    return {path: (path.lstat().st_mtime_ns, path.lstat().st_ctime_ns, path.lstat().st_size)
            for path in (folder, *folder.rglob("*"))}


class ServerTest(harness.ExampleTest):
    def setUp(self):
        super().setUp()
        self.store = self.root / "store"
        self.paths = {"dense": build("small-1mb", self.store, 0),
                      "chain": build("onnx-tiny", self.store, 0)}
        self.configuration = self.root / "models.toml"
        self.configuration.write_text(CONFIGURATION)

    def server(self, program=harness.SERVER, before=()):
        return self.serving(*before, "python", program, self.configuration)

    def protect_the_store(self):
        for path in (self.store, *self.store.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode & ~0o222)
            self.addCleanup(path.chmod, mode)  # to be removed

    def answers_without_larder(self):
        found = {}
        for name, path in self.paths.items():
            # Processors with bf16 give other answers unless accuracy is requested.
            given = {"EXECUTION_MODE_HINT": "ACCURACY"} if name == "dense" else {}
            compiled = ov.Core().compile_model(path, "CPU", given)
            about = {"shape": [size.get_length() if size.is_static else -1
                               for size in compiled.input().partial_shape]}
            given = harness.example_of(about)
            values = np.array(given["data"], np.float32).reshape(given["shape"])
            found[name] = compiled(values)[0].ravel().tolist()
        return found

    def answers(self, server):
        return {name: list(server.infer(name).values())[0] for name in self.paths}

    def test_a_second_start_loads_every_model_from_a_store_that_is_only_read(self):
        self.protect_the_store()
        before = harness.confined([self.store])
        tree = tree_of(self.store)
        with self.server(before=before) as first:
            self.assertEqual(first.starts, {"dense": ["compiled"], "chain": ["compiled"]})
            answers = self.answers(first)
        with self.server(before=before) as second:
            self.assertEqual(second.starts, {"dense": ["loaded"], "chain": ["loaded"]})
            self.assertEqual(self.answers(second), answers)
            self.assertEqual(second.warnings, [])
        self.assertEqual(answers, self.answers_without_larder())
        self.assertEqual(tree_of(self.store), tree)
        self.assertEqual(self.outcomes(),
                         {"compiled": 2, "loaded": 2, "waited": 0, "bypassed": 0})

    def test_without_its_line_under_larder_run(self):
        text = harness.SERVER.read_text()
        self.assertEqual(text.count(INSTALL), 1)
        plain = self.root / "plain.py"
        plain.write_text(text.replace(INSTALL, "import sys\nassert 'larder' not in sys.modules\n#"))
        with self.server(plain, before=["larder", "run", "--"]) as first:
            self.assertEqual(first.starts, {"dense": ["compiled"], "chain": ["compiled"]})
        with self.server() as second:
            self.assertEqual(second.starts, {"dense": ["loaded"], "chain": ["loaded"]})

    def test_models_come_and_go(self):
        with self.server() as server:
            answer = server.infer("dense")
            self.assertEqual(server.ask("POST", "/v2/repository/models/dense/unload")[0], 200)
            self.assertEqual(server.ask("POST", "/v2/models/dense/infer", {"inputs": []})[0], 409)
            self.assertEqual(server.ask("POST", "/v2/repository/index"), (200, [
                {"name": "dense", "state": "UNAVAILABLE"}, {"name": "chain", "state": "READY"}]))
            self.assertEqual(server.ask("POST", "/v2/repository/models/dense/load")[0], 200)
            self.assertEqual(server.infer("dense"), answer)

            build("small-1mb", self.store, 1)  # another model under the same name
            self.assertEqual(server.ask("POST", "/v2/repository/models/dense/load")[0], 200)
            self.assertNotEqual(server.infer("dense"), answer)
            self.assertEqual(server.starts, {
                "dense": ["compiled", "loaded", "compiled"], "chain": ["compiled"]})

            self.paths["chain"].unlink()
            status, answer = server.ask("POST", "/v2/repository/models/chain/load")
            self.assertEqual(status, 400)
            self.assertIn("onnx-tiny.onnx", answer["error"])
            self.assertNotEqual(server.infer("chain"), {}, "it goes on with what it has")

    def test_requests_that_are_wrong(self):
        with self.server() as server:
            self.assertEqual(server.ask("GET", "/v2/health/ready"), (200, {"ready": True}))
            self.assertEqual(server.ask("GET", "/v2/models/none"),
                             (404, {"error": "there is no model 'none'"}))
            wrong = [
                {}, {"inputs": [{"name": "input"}]},
                {"inputs": [{"name": "input", "datatype": "FP32", "shape": [3], "data": [1]}]},
                {"inputs": [{"name": "none", "datatype": "FP32", "shape": [1], "data": [1]}]}]
            for body in wrong:
                status, answer = server.ask("POST", "/v2/models/dense/infer", body)
                self.assertEqual(status, 400, body)
                self.assertIn("cannot infer", answer["error"])

    def test_configurations_that_are_wrong(self):
        for text, said in (("[dense]", "KeyError('path')"),
                           ("[dense]\npath = 'x.xml'\ndevise = 'CPU'", "devise"),
                           ("dense", "models.toml"),
                           ("[dense]\npath = 'missing.xml'", "missing.xml")):
            self.configuration.write_text(text)
            done = self.run_command("python", harness.SERVER, self.configuration, code=1)
            self.assertIn("server: cannot", done.stderr)
            self.assertIn(said, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    harness.main()
