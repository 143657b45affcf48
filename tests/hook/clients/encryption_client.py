"""Compiles a model with encryption callbacks of its own.

    encryption_client.py MODEL DEVICE CALLBACKS [PROPERTY=VALUE…]

CALLBACKS is `key=TEXT` (deterministic), `nonce=TEXT` (a different result each time), `throws`,
`loses` (encrypted text cannot be decrypted) or `none`. Prints, as JSON, the outputs, and whether
its export can be imported with the same callbacks.
"""

import hashlib
import io
import json
import os
import sys

import numpy as np
import openvino as ov


def stream(key, size):
    return np.frombuffer(hashlib.shake_128(key).digest(size), np.uint8)


def cipher(text, key):
    return (np.frombuffer(text, np.uint8) ^ stream(key, len(text))).tobytes()


def callbacks(kind, key):
    if kind == "none":
        return {}
    if kind == "throws":
        def refuse(_text):
            raise RuntimeError("SECRET that no log may hold")
        return {"CACHE_ENCRYPTION_CALLBACKS": [refuse, refuse]}
    if kind == "loses":
        return {"CACHE_ENCRYPTION_CALLBACKS": [lambda text: as_bytes(text)[:5], as_bytes]}

    if kind == "key":
        both = [lambda text: cipher(as_bytes(text), key)] * 2
        return {"CACHE_ENCRYPTION_CALLBACKS": both}

    def encrypt(text):
        nonce = os.urandom(8)
        return nonce + cipher(as_bytes(text), key + nonce)

    def decrypt(text):
        text = as_bytes(text)
        return cipher(text[8:], key + text[:8])
    return {"CACHE_ENCRYPTION_CALLBACKS": [encrypt, decrypt]}


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def values_for(compiled):
    shape = [d.get_length() if d.is_static else 3 for d in compiled.input().partial_shape]
    return np.sin(np.arange(np.prod(shape), dtype=np.float32)).reshape(shape)


def main():
    kind, _, key = sys.argv[3].partition("=")
    properties = callbacks(kind, key.encode())
    more = dict(word.split("=", 1) for word in sys.argv[4:])
    core = ov.Core()
    compiled = core.compile_model(sys.argv[1], sys.argv[2], {**properties, **more})
    values = values_for(compiled)
    facts = {"loaded": compiled.get_property("LOADED_FROM_CACHE"),
             "outputs": compiled(values)[0].ravel()[:8].tolist()}
    # OpenVINO itself reads beyond the text if encryption makes it longer.
    if kind == "key" and not more:
        blob = compiled.export_model()
        blob = blob if isinstance(blob, bytes) else blob.read()
        again = core.import_model(io.BytesIO(blob), sys.argv[2], properties)
        facts["again"] = again(values)[0].ravel()[:8].tolist()
    json.dump(facts, sys.stdout)


main()
