"""A program that does not know of larder: compiles models, one after the other.

usage: fleet_client.py [watch|adopt] MODEL…
Prints the outputs of each model as JSON; with `watch`, what it saw of children meanwhile. With
`adopt`, it adopts orphans, as the first process of a container does.
"""

import ctypes
import json
import os
import signal
import sys

import numpy as np
import openvino as ov

PR_SET_CHILD_SUBREAPER = 36


def outputs_of(compiled):
    shape = [d.get_length() if d.is_static else 3 for d in compiled.input().partial_shape]
    values = np.sin(np.arange(np.prod(shape), dtype=np.float32)).reshape(shape)
    return [round(float(np.sum(output)), 3) for output in compiled(values).values()]


def main():
    words = sys.argv[1:]
    seen = []
    watches = words[0] in ("watch", "adopt")
    if watches:
        if words.pop(0) == "adopt":
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.signal(signal.SIGCHLD, lambda *_: seen.append("SIGCHLD"))
        before = set(os.listdir("/proc/self/fd"))
    core = ov.Core()
    if watches:
        core.available_devices  # opens what it keeps open
    results = {}
    for path in words:
        results[os.path.basename(path)] = outputs_of(core.compile_model(path, "CPU"))
        if not watches:
            continue
        try:
            seen.append(f"waitpid: {os.waitpid(-1, os.WNOHANG)}")
        except ChildProcessError:
            pass
    if watches:
        for name in set(os.listdir("/proc/self/fd")) - before:
            try:
                seen.append(f"descriptor: {os.readlink(f'/proc/self/fd/{name}')}")
            except FileNotFoundError:
                pass  # that of listdir itself
        # The state and the model's files stay open in any case.
        seen = [each for each in seen if not each.startswith("descriptor") or "pipe" in each]
        results["seen"] = seen
    print(json.dumps(results))


if __name__ == "__main__":
    main()
