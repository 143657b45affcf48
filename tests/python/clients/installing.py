"""A program that calls larder.install.

usage: installing.py SCENARIO MODEL ROOT
Prints the findings of the scenario, as JSON: mostly whether a compiled model came from a larder.
"""

import _ctypes
import datetime
import json
import os
import pathlib
import sys
import sysconfig
import threading
import traceback

MODEL, ROOT = sys.argv[2], pathlib.Path(sys.argv[3])
ONE, TWO = ROOT / "one", ROOT / "two"


def was_loaded():
    import openvino  # noqa: PLC0415

    compiled = openvino.Core().compile_model(MODEL, "CPU")
    return compiled.get_property("LOADED_FROM_CACHE")


def scenario_before():
    import larder

    larder.install(dir=ONE, max_size="1GiB")
    return was_loaded()


def scenario_environment():
    import larder

    os.environ["LARDER_DIR"] = str(ONE)
    larder.install()
    return was_loaded()


def scenario_scopes():
    import larder

    found = [was_loaded()]
    with larder.install(dir=ONE):
        found += [was_loaded(), was_loaded()]
    found.append(was_loaded())
    with larder.install(dir=TWO):
        found.append(was_loaded())
    outer = larder.install(dir=ONE)
    found.append(was_loaded())
    with larder.install(dir=TWO):
        found.append(was_loaded())
    found.append(was_loaded())
    outer.uninstall()
    outer.uninstall()
    return [*found, was_loaded(), "LARDER_DIR" in os.environ]


def scenario_switched_off():
    import larder

    with larder.install(dir=ONE, mode="off"):
        found = [was_loaded(), was_loaded()]
    with larder.install(dir=ONE):
        return [*found, was_loaded(), was_loaded()]


def scenario_fork():
    import larder

    larder.install(dir=ONE)
    child = os.fork()
    if child == 0:
        sys.exit(was_loaded())
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), was_loaded()]


def scenario_too_late():
    import openvino  # noqa: F401

    import larder

    try:
        larder.install(dir=ONE)
    except larder.Error as error:
        return [error.message, error.hint, was_loaded(), "LARDER_DIR" in os.environ]


def scenario_unreadable():
    import larder

    try:
        larder.install(dir=ONE, max_size="lots")
    except larder.UsageError as error:
        return [error.message, was_loaded(), "LARDER_MAX_SIZE" in os.environ]


def scenario_operator_is_off():
    import larder

    os.environ["LARDER_MODE"] = "off"
    larder.install(dir=ONE, mode="on")
    found = [was_loaded(), was_loaded()]
    outcome = larder.Cache(ONE, mode="on").compile(MODEL)[0]["outcome"]
    return [*found, outcome, os.environ["LARDER_MODE"]]


def scenario_operator_is_wrong():
    import larder

    os.environ["LARDER_VERIFY"] = "sometimes"
    larder.install(dir=ONE)
    return was_loaded()


def scenario_ended_in_order():
    import larder

    one, two = larder.install(dir=ONE), larder.install(dir=TWO)
    one.uninstall()
    found = [was_loaded(), was_loaded()]  # in TWO, which lasts
    two.uninstall()
    one.uninstall()
    return [*found, was_loaded(), "LARDER_DIR" in os.environ]


def scenario_other_preloads():
    import larder

    def preloads():
        return [pathlib.PurePath(path).name for path in os.environ["LD_PRELOAD"].split(":")]

    with larder.install(dir=ONE):
        found = [preloads()]
        os.environ["LD_PRELOAD"] += ":/nowhere/libother.so"
        found.append(preloads())
    return [*found, preloads()]


def scenario_asked():
    import larder

    def facts(installation):
        directory = installation.directory
        return [directory and str(directory), installation.mode, installation.lasts,
                installation.is_serving]

    one = larder.install(dir=ONE)
    found = {"alone": facts(one), "texts": [repr(one)]}
    two = larder.install(dir=TWO, mode="off")
    found |= {"behind": facts(one), "off": facts(two)}
    found["texts"] += [repr(one), repr(two)]
    two.uninstall()
    found |= {"ended": facts(two), "again": facts(one)}
    found["texts"].append(repr(two))
    # Not even root may enter a file.
    (ROOT / "file").write_text("no larder")
    found["closed"] = larder.install(dir=ROOT / "file").is_serving
    os.environ["LARDER_VERIFY"] = "sometimes"
    found["unreadable"] = facts(larder.install())
    return found


def scenario_values():
    import larder

    larder.install(dir=ONE, max_size=20 * 2**30, lock_timeout=9.5, release_memory=True)
    found = [os.environ["LARDER_MAX_SIZE"], os.environ["LARDER_LOCK_TIMEOUT"]]
    larder.install(lock_timeout=datetime.timedelta(minutes=1.5))
    found += [os.environ["LARDER_LOCK_TIMEOUT"], os.environ["LARDER_RELEASE_MEMORY"]]
    # An empty text is no setting, as an empty variable is none.
    os.environ["LARDER_DIR"] = str(TWO)
    return [*found, str(larder.install(dir="").directory)]


def scenario_traceback():
    import larder

    try:
        larder.install(dir=ONE, max_size="lots")
    except larder.UsageError:
        return traceback.format_exc()


def scenario_started_by_run():
    import openvino  # noqa: F401

    import larder

    found = [was_loaded()]
    with larder.install():
        found.append(was_loaded())
    with larder.install(dir=TWO):
        found.append(was_loaded())
    return [*found, was_loaded()]


def scenario_while_another_thread_loads_libraries():
    """Simulates a thread that waits for the loader's lock while it holds the interpreter's lock."""
    import larder

    library = next(pathlib.Path(sysconfig.get_config_var("DESTSHARED")).glob("audioop.*so"))
    has_ended = threading.Event()

    def load():
        while not has_ended.is_set():
            _ctypes.dlclose(_ctypes.dlopen(str(library), os.RTLD_NOW))

    thread = threading.Thread(target=load, daemon=True)
    sys.setswitchinterval(1e-6)
    thread.start()
    found = {larder._hook._preload_in_memory()._name for _ in range(2000)}
    has_ended.set()
    thread.join()
    return len(found)


print(json.dumps(globals()[f"scenario_{sys.argv[1]}"]()))
