"""A model's folder: complete or absent, whenever the program ends and however many programs run."""

import contextlib
import json
import os
import pathlib
import tempfile
from importlib import metadata

from models.catalog import CATALOG

# Raised when a builder writes other bytes than before: then an existing model is built again.
BUILDER_VERSION = 1
STAMP = "stamp.json"


def stamp_for(name: str, seed: int) -> dict[str, str | int]:
    return {
        "name": name,
        "seed": seed,
        "builder": BUILDER_VERSION,
        "openvino": metadata.version("openvino"),
    }


def is_finished(folder: pathlib.Path, stamp: dict[str, str | int]) -> bool:
    try:
        return json.loads((folder / STAMP).read_text()) == stamp
    except (OSError, ValueError):
        return False


def publish(work: pathlib.Path, folder: pathlib.Path, stamp: dict[str, str | int]) -> None:
    """Replaces the old folder, if any, with the new one, unless another process was faster."""
    if folder.exists() and not is_finished(folder, stamp):
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, work.with_name(work.name + ".old"))
    try:
        os.rename(work, folder)
    except OSError:
        if not is_finished(folder, stamp):
            raise


def build(name: str, out: pathlib.Path, seed: int) -> pathlib.Path:
    """The path of the model's file, built now or earlier."""
    entry = CATALOG[name]
    folder = out / name
    stamp = stamp_for(name, seed)
    if is_finished(folder, stamp):
        return folder / entry.file
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=out) as scratch:
        work = pathlib.Path(scratch) / name
        work.mkdir()
        entry.load_builder()(work / entry.file, seed)
        (work / STAMP).write_text(json.dumps(stamp) + "\n")
        publish(work, folder, stamp)
    return folder / entry.file
