"""A program that does not know of larder: runs a model on a GPU, and reports its progress.

usage: kernels_client.py MODEL FOLDER: writes FOLDER/ran, what came of it, once the model has run,
and FOLDER/released once it has released it, after all that the device was making; it goes on when
there is FOLDER/release, and FOLDER/end. With FOR_CONTEXT set it compiles for the
device's own context; with WITHOUT_WEIGHTS a file that this names, of which it asks for blobs
without weights.
"""

import hashlib
import json
import os
import pathlib
import sys
import time

import openvino as ov
from idleness import wait_for_idleness
from models import MODELS

LIMIT_S = 180
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])


def say(word, text=""):
    (folder / "unfinished").write_text(text)
    (folder / "unfinished").rename(folder / word)


def wait_for(word):
    limit = time.monotonic() + LIMIT_S
    while not (folder / word).exists():
        if time.monotonic() > limit:
            sys.exit(f"nobody says {word}")
        time.sleep(0.05)


model, inputs = MODELS[name]()
start = time.monotonic()
core = ov.Core()
target = core.get_default_context("GPU") if "FOR_CONTEXT" in os.environ else "GPU"
if "WITHOUT_WEIGHTS" in os.environ:
    compiled = core.compile_model(os.environ["WITHOUT_WEIGHTS"], target,
                                  {"CACHE_MODE": "OPTIMIZE_SIZE"})
else:
    compiled = core.compile_model(model, target)
ready = time.monotonic()
print("ready", file=sys.stderr, flush=True)
request = compiled.create_infer_request()
output = request.infer([inputs])[0].copy()
say("ran", json.dumps({
    "loaded": bool(compiled.get_property("LOADED_FROM_CACHE")),
    "ready_s": ready - start,
    "first_s": time.monotonic() - ready,
    "output": hashlib.sha256(output.tobytes()).hexdigest()[:16]}))
wait_for("release")
if (request.infer([inputs])[0] != output).any():
    sys.exit("another inference has another answer")
wait_for_idleness()
del request, compiled
say("released")
wait_for("end")
