"""Goal: the OpenAPI file is correct: every request that it allows gets the described answer, and no
other request makes the server fail.

Method: schemathesis generates valid and invalid requests from the file, and checks each answer
against it. The endless stream of events is left out.
"""

import json
import os
import subprocess

import harness
from harness import ServeTest, entry, event

from unable import unable

SEED = "20261129"


class OpenApiTest(ServeTest):
    def setUp(self):
        super().setUp()
        if not (harness.CLIENT / "bin/schemathesis").exists():
            unable(self, "run scripts/setup_clients browser")
        self.furnish(*(entry(f"/m/{name}.onnx", bytes=5000) for name in "abcdef"),
                     event("/m/a.onnx", "loaded", saved_ms=10),
                     event("/m/a.onnx", "bypassed", reason="no export"),
                     event("/m/a.onnx", "refused", reason="not kept"))
        self.dashboard = self.serve()

    def test_every_operation(self):
        done = subprocess.run(
            [harness.CLIENT / "bin/schemathesis", "run",
             f"{self.dashboard.origin}/api/v1/openapi.json", "--url", self.dashboard.origin,
             "--header", f"Authorization: Bearer {self.dashboard.token}",
             "--exclude-path", "/api/v1/events", "--max-examples", "8", "--seed", SEED,
             "--phases", "examples,coverage,fuzzing", "--no-color"],
            cwd=self.root, capture_output=True, text=True, check=False, timeout=240,
            env={"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, done.stdout[-20000:] + done.stderr[-2000:])
        self.assertEqual(self.dashboard.ask("/healthz").status, 200)

    def test_each_operation_is_in_it(self):
        paths = self.dashboard.get("openapi.json")["paths"]
        self.assertEqual(len(paths), 19)
        for path, operations in paths.items():
            for method in ("get", "post"):
                if path == "/api/v1/events" and method == "get":
                    continue
                answer = self.dashboard.ask(path.replace("{key}", "0"), method.upper())
                with self.subTest(path=path, method=method):
                    self.assertEqual(answer.status == 405, method not in operations)
                    if answer.status >= 400:
                        self.assertIn("what", json.loads(answer.body)["error"])


if __name__ == "__main__":
    harness.main()
