"""ResNet-50: bottleneck blocks, the batch norms folded into the convolutions."""

import math
import pathlib

import openvino as ov
from openvino import opset15 as ops

from models.ir import write_ir
from models.layers import Layers, integers, parameter, result

STAGES = [(3, 64), (4, 128), (6, 256), (3, 512)]
EXPANSION = 4
CLASSES = 1000
# Preserves the magnitude behind a ReLU.
RELU_GAIN = math.sqrt(2.0)


def bottleneck(layers: Layers, name: str, x: ov.Node, inputs: int, width: int, stride: int):
    outputs = width * EXPANSION
    y = ops.relu(layers.convolution(f"{name}.conv1", x, inputs, width, [1, 1], gain=RELU_GAIN))
    y = ops.relu(layers.convolution(f"{name}.conv2", y, width, width, [3, 3], stride, RELU_GAIN))
    # Small, because otherwise the sum would double with every block.
    y = layers.convolution(f"{name}.conv3", y, width, outputs, [1, 1], gain=0.3)
    if inputs != outputs:
        x = layers.convolution(f"{name}.downsample", x, inputs, outputs, [1, 1], stride)
    return ops.relu(ops.add(x, y))


def build_resnet50(path: pathlib.Path, seed: int) -> None:
    layers = Layers(seed)
    image = parameter("input", [1, 3, 224, 224])
    x = ops.relu(layers.convolution("conv1", image, 3, 64, [7, 7], 2, RELU_GAIN))
    x = ops.max_pool(x, [2, 2], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)
    inputs = 64
    for stage, (blocks, width) in enumerate(STAGES):
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            x = bottleneck(layers, f"layer{stage + 1}.{block}", x, inputs, width, stride)
            inputs = width * EXPANSION
    x = ops.reduce_mean(x, integers(2, 3), False)
    x = ops.reshape(x, integers(0, 1, inputs), True)
    x = layers.linear("fc", x, inputs, CLASSES)
    write_ir([image], [result("output", ops.reshape(x, integers(0, CLASSES), True))], path)
