"""Builds the small models and runs them on the CPU."""

import hashlib
import pathlib
import tempfile

import numpy as np
import openvino as ov

from models.catalog import CATALOG
from models.folder import build

def read(path: pathlib.Path) -> ov.Model:
    if path.suffix != ".gguf":
        return ov.Core().read_model(path)
    frontend = ov.frontend.FrontEndManager().load_by_framework("gguf")
    return frontend.convert(frontend.load(str(path)))


def example(port: ov.ConstOutput) -> np.ndarray:
    """Dynamic dimensions are 1, because the inputs of a GGUF model must fit each other."""
    shape = [size.get_length() if size.is_static else 1 for size in port.partial_shape]
    return np.zeros(shape, port.element_type.to_dtype())


def run(path: pathlib.Path) -> None:
    compiled = ov.Core().compile_model(read(path), "CPU")
    for output in compiled([example(port) for port in compiled.inputs]).values():
        if not np.all(np.isfinite(output)):
            raise ValueError(f"{path.name}: an output is not finite")


def digest(folder: pathlib.Path) -> str:
    found = hashlib.blake2b()
    for path in sorted(folder.rglob("*")):
        found.update(path.read_bytes())
    return found.hexdigest()


def check(name: str, scratch: pathlib.Path) -> None:
    path = build(name, scratch, 1)
    if not path.match("*-of-*.gguf"):  # OpenVINO reads no shards
        run(path)
    changed = path.stat().st_mtime_ns
    if build(name, scratch, 1).stat().st_mtime_ns != changed:
        raise ValueError(f"{name}: a finished model was built again")
    if digest(build(name, scratch / "again", 1).parent) != digest(path.parent):
        raise ValueError(f"{name}: the same seed gave other bytes")
    if digest(build(name, scratch, 2).parent) == digest(scratch / "again" / name):
        raise ValueError(f"{name}: another seed gave the same bytes")


def self_test() -> int:
    with tempfile.TemporaryDirectory(prefix="larder-models-") as scratch:
        for name, entry in CATALOG.items():
            if entry.is_small:
                check(name, pathlib.Path(scratch))
                print(f"{name}: ok", flush=True)
    return 0
