"""Serves the models of a configuration file by the Open Inference Protocol (version 2, HTTP).

usage: server.py MODELS.toml [--host HOST] [--port PORT]
"""

import larder  # before openvino

larder.install()  # the settings are LARDER_DIR, LARDER_MODE, …

import argparse
import concurrent.futures
import dataclasses
import pathlib
import sys
import time
import tomllib

import numpy as np
import openvino as ov
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

# One compile keeps few cores busy, but may take several times its model's memory.
PARALLEL_LOADS = 2

# Of the protocol.
DATA_TYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32}
NAMES = {np.dtype(data_type): name for name, data_type in DATA_TYPES.items()}


class ModelError(Exception):
    """A model cannot be loaded."""


@dataclasses.dataclass
class Model:
    name: str
    path: pathlib.Path
    device: str = "CPU"
    properties: dict[str, str | int | float | bool] = dataclasses.field(default_factory=dict)
    # None while it is not loaded. Running requests keep the model with which they began.
    compiled: ov.CompiledModel | None = None

    def load(self, core: ov.Core) -> None:
        """Also if it is already loaded: its file may have changed."""
        start = time.perf_counter()
        try:
            compiled = core.compile_model(self.path, self.device, self.properties)
        except RuntimeError as error:
            raise ModelError(f"cannot load '{self.name}' from '{self.path}' on {self.device}; "
                             f"correct the file or its table\n{error}") from error
        seconds = time.perf_counter() - start
        # OpenVINO's own property is also correct for models from a larder.
        how = "loaded" if compiled.get_property("LOADED_FROM_CACHE") else "compiled"
        self.compiled = compiled
        print(f"{self.name}: {how} in {seconds:.2f} s", flush=True)


class Server:
    def __init__(self, models: list[Model]) -> None:
        self.core = ov.Core()
        self.models = {model.name: model for model in models}

    def load_all(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(PARALLEL_LOADS) as pool:
            loads = [pool.submit(model.load, self.core) for model in self.models.values()]
            for load in concurrent.futures.as_completed(loads):
                load.result()

    def model(self, request: Request) -> Model:
        name = request.path_params["name"]
        if name not in self.models:
            raise HTTPException(404, f"there is no model '{name}'")
        return self.models[name]

    def compiled(self, request: Request) -> ov.CompiledModel:
        model = self.model(request)
        if model.compiled is None:
            raise HTTPException(409, f"'{model.name}' is not loaded")
        return model.compiled

    async def ready(self, request: Request) -> JSONResponse:
        return JSONResponse({"ready": True})

    async def index(self, request: Request) -> JSONResponse:
        return JSONResponse([
            {"name": model.name, "state": "READY" if model.compiled else "UNAVAILABLE"}
            for model in self.models.values()])

    async def load(self, request: Request) -> JSONResponse:
        model = self.model(request)
        try:
            await run_in_threadpool(model.load, self.core)
        except ModelError as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse({})

    async def unload(self, request: Request) -> JSONResponse:
        self.model(request).compiled = None
        return JSONResponse({})

    async def describe(self, request: Request) -> JSONResponse:
        compiled = self.compiled(request)
        return JSONResponse({
            "name": request.path_params["name"],
            "platform": "openvino",
            "inputs": [description_of(port) for port in compiled.inputs],
            "outputs": [description_of(port) for port in compiled.outputs]})

    async def infer(self, request: Request) -> JSONResponse:
        compiled = self.compiled(request)
        try:
            inputs = {each["name"]: tensor_of(each) for each in (await request.json())["inputs"]}
            outputs = await run_in_threadpool(infer, compiled, inputs)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise HTTPException(400, f"cannot infer from these inputs: {error!r}") from error
        return JSONResponse({"model_name": request.path_params["name"], "outputs": outputs})

    def app(self) -> Starlette:
        model, repository = "/v2/models/{name}", "/v2/repository/models/{name}"
        return Starlette(
            routes=[
                Route("/v2/health/live", self.ready),
                Route("/v2/health/ready", self.ready),
                Route("/v2/repository/index", self.index, methods=["POST"]),
                Route(f"{repository}/load", self.load, methods=["POST"]),
                Route(f"{repository}/unload", self.unload, methods=["POST"]),
                Route(model, self.describe),
                Route(f"{model}/infer", self.infer, methods=["POST"])],
            exception_handlers={HTTPException: error_response})


def infer(compiled: ov.CompiledModel, inputs: dict[str, np.ndarray]) -> list[dict]:
    # A request of its own: `compiled(inputs)` has one for all threads.
    results = compiled.create_infer_request().infer(inputs)
    return [
        {"name": name_of(port), "datatype": NAMES[value.dtype], "shape": value.shape,
         "data": value.ravel().tolist()}
        for port, value in results.items()]


def tensor_of(given: dict) -> np.ndarray:
    return np.array(given["data"], DATA_TYPES[given["datatype"]]).reshape(given["shape"])


def name_of(port: ov.ConstOutput) -> str:
    return port.any_name if port.names else str(port.index)


def description_of(port: ov.ConstOutput) -> dict:
    shape = [size.get_length() if size.is_static else -1 for size in port.partial_shape]
    return {"name": name_of(port), "datatype": NAMES[port.element_type.to_dtype()], "shape": shape}


async def error_response(request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": error.detail}, error.status_code)


def read_models(path: pathlib.Path) -> list[Model]:
    try:
        tables = tomllib.loads(path.read_text())
        return [Model(name, **{**table, "path": path.parent / table["path"]})
                for name, table in tables.items()]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"cannot read '{path}': {error!r}; a model is a table with a path, and "
                         "may have a device and properties") from error


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves the models of a configuration file.")
    parser.add_argument("models", type=pathlib.Path, metavar="MODELS.toml")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    try:
        server = Server(read_models(arguments.models))
        server.load_all()
    except ModelError as error:
        sys.exit(f"server: {error}")
    # Listens only now: a client that can connect finds every model ready.
    uvicorn.run(server.app(), host=arguments.host, port=arguments.port)


if __name__ == "__main__":
    main()
