"""A program that uses larder, with workers that do not know of larder.

usage: workers.py spawn|forkserver|program MODEL DIRECTORY
Prints as JSON, for each of two workers and for one that is started after the installation has
ended, whether its model came from a larder.
"""

import json
import multiprocessing
import subprocess
import sys

COMPILE = ("import json, sys, openvino; "
           "compiled = openvino.Core().compile_model(sys.argv[1], 'CPU'); "
           "print(json.dumps(compiled.get_property('LOADED_FROM_CACHE')))")


def compile_in(queue, model):
    import openvino  # noqa: PLC0415

    queue.put(openvino.Core().compile_model(model, "CPU").get_property("LOADED_FROM_CACHE"))


def was_loaded_by(method, model):
    if method == "program":
        return json.loads(subprocess.check_output([sys.executable, "-c", COMPILE, model]))
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    worker = context.Process(target=compile_in, args=(queue, model))
    worker.start()
    loaded = queue.get(timeout=200)
    worker.join()
    return loaded


def main():
    import larder  # noqa: PLC0415

    method, model, directory = sys.argv[1:]
    with larder.install(dir=directory):
        found = [was_loaded_by(method, model) for _ in range(2)]
    if method != "forkserver":  # its server has the environment that it was started with
        found.append(was_loaded_by(method, model))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
