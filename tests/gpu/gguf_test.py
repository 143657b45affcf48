"""Goal: a GGUF that a program reads with OpenVINO's frontend is kept and loaded on a GPU, with what
the frontend hangs on it about its tokenizer; one whose tokens differ is another.

Method: the smallest Llama, on the rig.
"""

import json
import pathlib
import sys

import harness
from gpu_test import WITH_GPU, GpuTest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENT = [sys.executable, str(pathlib.Path(__file__).with_name("gguf_client.py"))]
# One of its kernels crashes in the rig's runtime.
PROPERTIES = json.dumps({"GPU_ENABLE_SDPA_OPTIMIZATION": "NO"})


class GgufTest(GpuTest):
    def ask_gguf(self, model, *run):
        return self.done(self.run_bare(WITH_GPU, *run, *CLIENT, model, "GPU", PROPERTIES)).json

    def test_it_is_kept_and_loaded(self):
        made = self.done(self.run_bare(
            sys.executable, "-m", "models", "gguf-tiny", "--out", self.root / "models",
            environment={"PYTHONPATH": str(ROOT)}))
        model = pathlib.Path(made.lines[-1])
        run = (harness.PROGRAM, "run", "--dir", self.dir, "--")
        plain = self.ask_gguf(model)
        self.assertTrue(plain["tokenizer"])
        for loaded in (False, True):
            found = self.ask_gguf(model, *run)
            self.assertEqual(found, {**plain, "loaded": loaded})
        # "<unk>", the first of its tokens, under another name.
        content = model.read_bytes()
        self.assertEqual(content.count(b"<unk>"), 1)
        model.write_bytes(content.replace(b"<unk>", b"<ukn>"))
        self.assertEqual(self.ask_gguf(model, *run), plain)


if __name__ == "__main__":
    harness.main()
