"""A program on the `openvino` package, which does not know of larder.

usage: python_client.py SCENARIO MODELS [DIRECTORY]
Prints the findings of the scenario, as JSON.
"""

import ctypes
import json
import os
import pathlib
import shutil
import sys
import threading

if os.environ.get("PRELOAD_FROM_PYTHON"):
    ctypes.CDLL(os.environ["PRELOAD_FROM_PYTHON"], mode=ctypes.RTLD_GLOBAL)

import numpy as np  # noqa: E402
import openvino as ov  # noqa: E402

OPSET = getattr(ov, "opset13", None) or ov.runtime.opset13  # the second up to 2025

MODELS = pathlib.Path(sys.argv[2])
DENSE, OTHER, CONVOLUTION = (str(MODELS / f"{n}.xml") for n in ("dense", "other", "convolution"))


def supports(name):
    """Whether this OpenVINO lets a program ask its CPU for it."""
    return name in ov.Core().get_property("CPU", "SUPPORTED_PROPERTIES")


def was_loaded(compiled):
    return compiled.get_property("LOADED_FROM_CACHE")


def values_for(compiled):
    shape = [d.get_length() if d.is_static else 3 for d in compiled.input().partial_shape]
    return np.sin(np.arange(np.prod(shape), dtype=np.float32)).reshape(shape)


def facts(compiled):
    """Everything that a program can observe of a compiled model."""
    outputs = compiled(values_for(compiled))
    return {
        "loaded": was_loaded(compiled),
        "outputs": [float(x) for x in outputs[0].ravel()[:8]],
        "names": sorted(n for port in compiled.inputs + compiled.outputs for n in port.names),
        "shapes": [str(p.partial_shape) for p in compiled.inputs + compiled.outputs],
    }


def read(core, path=DENSE):
    return core.read_model(path)


def reshaped(core, path, shape):
    model = read(core, path)
    model.reshape(shape)
    return model


def with_other_weights(core):
    model = read(core)
    for op in model.get_ordered_ops():
        if op.get_type_name() == "Constant" and op.get_output_size() == 1 and op.data.size > 100:
            changed = OPSET.constant(op.data * 2)
            for target in op.output(0).get_target_inputs():
                target.replace_source_output(changed.output(0))
            return model
    raise AssertionError("no weights")


def from_memory(core):
    xml = pathlib.Path(OTHER).read_bytes()
    weights = pathlib.Path(OTHER).with_suffix(".bin").read_bytes()
    return core.compile_model(xml, "CPU", {}, weights=weights)


def run_async(core):
    compiled = core.compile_model(reshaped(core, CONVOLUTION, [3, 3, 32, 32]), "CPU")
    requests = [compiled.create_infer_request() for _ in range(4)]
    for number, request in enumerate(requests):
        request.start_async({0: values_for(compiled) * number})
    sums = []
    for request in requests:
        request.wait()
        sums.append(float(request.get_output_tensor().data.sum()))
    return {"loaded": was_loaded(compiled), "sums": sums}


def scenario_requests():
    """Each requests a different model, so that nothing is stored at the first time."""
    core = ov.Core()
    configured = ov.Core()
    configured.set_property("CPU", {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "64"})
    of_its_own = {"EXECUTION_MODE_HINT": "ACCURACY"}
    if supports("KEY_CACHE_GROUP_SIZE"):
        of_its_own = {"KEY_CACHE_GROUP_SIZE": 7}
    requests = {
        "path": lambda: core.compile_model(DENSE, "CPU"),
        "pathlib": lambda: core.compile_model(pathlib.Path(OTHER), "CPU"),
        "read": lambda: core.compile_model(read(core), "CPU"),
        "reshaped": lambda: core.compile_model(reshaped(core, CONVOLUTION, [2, 3, 32, 32]), "CPU"),
        "dynamic": lambda: core.compile_model(reshaped(core, CONVOLUTION, [-1, 3, 32, 32]), "CPU"),
        "changed": lambda: core.compile_model(with_other_weights(core), "CPU"),
        "memory": lambda: from_memory(core),
        "auto": lambda: core.compile_model(DENSE, "AUTO"),
        "auto model": lambda: core.compile_model(read(core), "AUTO:CPU"),
        "hetero": lambda: core.compile_model(DENSE, "HETERO:CPU"),
        "no device": lambda: core.compile_model(OTHER),
        "no device, model": lambda: core.compile_model(read(core, OTHER)),
        "property": lambda: core.compile_model(DENSE, "CPU", of_its_own),
        "core property": lambda: configured.compile_model(DENSE, "CPU"),
    }
    found = {name: facts(request()) for name, request in requests.items()}
    found["async"] = run_async(core)
    return found


def scenario_exceptions():
    core = ov.Core()
    folder = pathlib.Path(sys.argv[3])
    (folder / "broken.xml").write_text(pathlib.Path(DENSE).read_text()[:700])
    (folder / "broken.onnx").write_text("not at all")
    (folder / "broken.gguf").write_bytes(b"GGUF" + bytes(40))
    shutil.copy(DENSE, folder / "short.xml")
    (folder / "short.bin").write_bytes(b"x" * 10)
    models = {name: str(folder / name) for name in
              ("missing.xml", "broken.xml", "broken.onnx", "broken.gguf", "short.xml")}
    models.update({"empty": "", "directory": str(folder), "good": DENSE, "model": read(core)})
    found = {}
    for name, model in models.items():
        for device in ("CPU", "AUTO", "HETERO:CPU", "NOSUCH", "CPU.9", ""):
            for config in ({}, {"NO_SUCH_PROPERTY": 1}, {"PERFORMANCE_HINT": "NONE OF THEM"}):
                try:
                    core.compile_model(model, device, config)
                    found[f"{name} {device} {config}"] = "no exception"
                except Exception as error:  # whatever it is
                    found[f"{name} {device} {config}"] = [type(error).__name__, str(error)]
    return found


def scenario_own_cache():
    """The program requests OpenVINO's own cache, in every way."""
    folder = pathlib.Path(sys.argv[3])
    found = {}
    has_mode = supports("CACHE_MODE")
    for device in ("CPU", "AUTO", "HETERO:CPU"):
        for way in ("call", "call, by path", "core", "device", "size",
                    "map", "text", "map of texts", "name"):
            if way == "size" and not has_mode:
                continue
            own = folder / f"{device}-{way}".replace(":", "-").replace(" ", "-")
            own.mkdir()
            core = ov.Core()
            config = {}
            if way.startswith("call"):
                config = {"CACHE_DIR": str(own)}
            if way == "size":
                config = {"CACHE_DIR": str(own), "CACHE_MODE": "OPTIMIZE_SIZE"}
            nested = {"map": {"DEVICE_PROPERTIES": {"CPU": {"CACHE_DIR": str(own)}}},
                      "text": {"DEVICE_PROPERTIES": f"{{CPU:{{CACHE_DIR:{own}}}}}"},
                      "map of texts": {"DEVICE_PROPERTIES": {"CPU": f"{{CACHE_DIR:{own}}}"}},
                      "name": {"DEVICE_PROPERTIES_CPU": {"CACHE_DIR": str(own)}}}
            config = nested.get(way, config)
            if way == "core":
                core.set_property({"CACHE_DIR": str(own)})
            if way == "device":
                core.set_property("CPU", {"CACHE_DIR": str(own)})
            model = DENSE if way in ("call, by path", "size") else read(core)
            compiled = core.compile_model(model, device, config)
            compiled(values_for(compiled))
            files = len(list(own.rglob("*")))
            found[f"{device} {way}"] = {"files": files, "loaded": was_loaded(compiled)}
    return found


def scenario_threads():
    """Eight threads ask for the same model at once, some with a core of their own."""
    barrier = threading.Barrier(8)
    cores = [ov.Core() for _ in range(4)]
    compiled = [None] * 8

    def ask(number):
        barrier.wait()
        compiled[number] = cores[number % 4].compile_model(CONVOLUTION, "CPU")

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [facts(model)["outputs"] for model in compiled]


def scenario_paths():
    """Relative, through a link, and with non-ASCII letters."""
    folder = pathlib.Path(sys.argv[3]) / "modèles été"
    folder.mkdir(exist_ok=True)
    for end in ("xml", "bin"):
        shutil.copy(MODELS / f"dense.{end}", folder / f"モデル.{end}")
    os.chdir(folder)
    core = ov.Core()
    return {name: facts(core.compile_model(name, "CPU"))["outputs"]
            for name in ("モデル.xml", "../modèles été/モデル.xml")}


def scenario_untouched():
    """The arguments of a program are unchanged after the call."""
    core = ov.Core()
    model = read(core)

    def description():
        return [(op.get_friendly_name(), op.get_type_name(), sorted(op.get_rt_info()),
                 [str(o.partial_shape) for o in op.outputs()]) for op in model.get_ordered_ops()]

    before = description()
    config = {"PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": sys.argv[3]}
    compiled = core.compile_model(model, "CPU", config)
    return {"same": before == description(), "config": config,
            "core": core.get_property("CACHE_DIR"),
            "hint": str(compiled.get_property("PERFORMANCE_HINT"))}


def scenario_fork():
    """A server that starts its workers by fork, and compiles only in them."""
    core = ov.Core()
    found = []
    for _ in range(2):
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(theirs, json.dumps(facts(core.compile_model(OTHER, "CPU"))).encode())
            sys.exit(0)
        os.close(theirs)
        with os.fdopen(ours) as answer:
            found.append(json.loads(answer.read() or "null"))
        found.append(os.waitpid(child, 0)[1])
    return found


def scenario_one():
    compiled = ov.Core().compile_model(DENSE, "CPU")
    return facts(compiled)


def scenario_worker():
    """Like multiprocessing ends its workers."""
    print(json.dumps(scenario_one()), flush=True)
    os._exit(0)


def scenario_miss():
    """Of Mode::cache_only."""
    core = ov.Core()
    found = []
    for model in (OTHER, read(core, OTHER)):
        try:
            core.compile_model(model, "CPU")
            found.append("no exception")
        except RuntimeError as error:
            found.append(str(error))
    return found


print(json.dumps(globals()["scenario_" + sys.argv[1]]()))
