"""The application of each worker of web.py, on plain ASGI."""

import fcntl
import json
import os
import time

import numpy as np
import openvino as ov
from client_program import was_loaded


class Server:
    def __init__(self):
        self.compiled = None
        self.ready_at = None

    def compile(self):
        own_cache = os.environ["WEB_CACHE"]
        properties = {"CACHE_DIR": own_cache} if own_cache else {}
        self.compiled = ov.Core().compile_model(os.environ["WEB_MODEL"], "CPU", properties)
        self.ready_at = time.monotonic()

    def tell(self):
        shape = [d.get_length() if d.is_static else 1 for d in self.compiled.input().partial_shape]
        values = np.sin(np.arange(np.prod(shape), dtype=np.float32)).reshape(shape)
        outputs = self.compiled(values)[0].ravel()[:8]
        return {
            "pid": os.getpid(),
            "ready_at": self.ready_at,
            "outputs": [float(x) for x in outputs],
            "loaded": was_loaded(self.compiled),
        }


server = Server()


async def live(receive, send):
    while True:
        message = await receive()
        starts = message["type"] == "lifespan.startup"
        if starts:
            server.compile()
        await send({"type": message["type"] + ".complete"})
        if not starts:
            return


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    line = json.dumps(server.tell()).encode() + b"\n"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": line, "more_body": True})
    # This worker is stopped on purpose, so that the next request reaches another one.
    with open(os.environ["WEB_HOLD"], encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
    await send({"type": "http.response.body", "body": b""})
