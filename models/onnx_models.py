"""A perceptron as ONNX, with its weights in the file or in a file beside it."""

import math
import pathlib

import onnx
from onnx import TensorProto, helper, numpy_helper

from models.weights import Weights

WIDTHS = [64, 128, 128, 10]
# Old enough for every OpenVINO that larder meets.
OPSET = 17
IR_VERSION = 8


def perceptron(seed: int) -> onnx.ModelProto:
    weights = Weights(seed)
    nodes, tensors, x = [], [], "input"
    for number, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        name = f"layers.{number}"
        deviation = math.sqrt(2.0 / inputs)
        weight = weights.normal(f"{name}.weight", [outputs, inputs], deviation)
        bias = weights.normal(f"{name}.bias", [outputs], 0.02)
        tensors.append(numpy_helper.from_array(weight, f"{name}.weight"))
        tensors.append(numpy_helper.from_array(bias, f"{name}.bias"))
        summed, y = f"{name}.sum", f"{name}.relu"
        nodes.append(
            helper.make_node("Gemm", [x, f"{name}.weight", f"{name}.bias"], [summed], transB=1)
        )
        nodes.append(helper.make_node("Relu", [summed], [y]))
        x = y
    nodes.append(helper.make_node("Softmax", [x], ["output"], axis=-1))
    graph = helper.make_graph(
        nodes,
        "perceptron",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", WIDTHS[0]])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", WIDTHS[-1]])],
        tensors,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model)
    return model


def build_tiny(path: pathlib.Path, seed: int) -> None:
    onnx.save_model(perceptron(seed), path)


def build_external(path: pathlib.Path, seed: int) -> None:
    onnx.save_model(
        perceptron(seed),
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=path.name + ".data",
        size_threshold=1024,
    )
