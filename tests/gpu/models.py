"""Small models that the GPU plugin compiles in seconds with its generic kernels, each with an
input."""

import numpy as np
import openvino as ov
from openvino import opset13 as ops


def _weights(random, *shape):
    fan_in = int(np.prod(shape[1:]))
    return (random.standard_normal(shape) * (2 / fan_in) ** 0.5).astype(np.float32)


def layers(batch=8):
    """Two layers. With a batch of -1 (any), the plugin also builds kernels at run time."""
    random = np.random.default_rng(1)
    x = ops.parameter([batch, 256], np.float32, name="x")
    y = ops.relu(ops.matmul(x, ops.constant(_weights(random, 512, 256)), False, True))
    y = ops.softmax(ops.matmul(y, ops.constant(_weights(random, 128, 512)), False, True), 1)
    return ov.Model([y], [x], "layers"), random.standard_normal((8, 256)).astype(np.float32)


def single():
    """Of batch one, which OpenVINO can change: where the hint is THROUGHPUT, it puts BATCH around
    the device."""
    model, inputs = layers(1)
    return model, inputs[:1]


def split():
    """Its second layer is for the CPU, with HETERO over both."""
    model, inputs = layers()
    device = "GPU.0"
    for node in model.get_ordered_ops():
        node.get_rt_info()["affinity"] = device
        if node.get_type_name() == "Relu":
            device = "CPU"
    return model, inputs


def pictures():
    random = np.random.default_rng(2)
    x = ops.parameter([1, 3, 64, 64], np.float32, name="x")
    y, channels = x, 3
    for more, step in ((16, 2), (32, 1), (64, 2)):
        weights = ops.constant(_weights(random, more, channels, 3, 3))
        y = ops.relu(ops.convolution(y, weights, [step, step], [1, 1], [1, 1], [1, 1]))
        channels = more
    y = ops.max_pool(y, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
    y = ops.reduce_mean(y, ops.constant(np.array([2, 3], np.int64)), False)
    y = ops.matmul(y, ops.constant(_weights(random, 10, 64)), False, True)
    return ov.Model([y], [x], "pictures"), random.standard_normal((1, 3, 64, 64)).astype(np.float32)


def state():
    """Adds its input to its state."""
    x = ops.parameter([4, 64], np.float32, name="x")
    held = ops.read_value(ops.constant(np.zeros((4, 64), np.float32)), "held")
    total = ops.add(held, x)
    kept = ops.assign(total, "held")
    random = np.random.default_rng(3)
    y = ops.matmul(total, ops.constant(_weights(random, 64, 64)), False, True)
    return (ov.Model([ops.result(y)], [kept], [x], "state"),
            random.standard_normal((4, 64)).astype(np.float32))


def tuned(**scales):
    """46 MB as a blob. Models that differ in the scale of one layer differ as what was tuned does
    from what it was tuned from: the second refers to the first for what they share."""
    random = np.random.default_rng(5)
    x = ops.parameter([4, 2048], np.float32, name="x")
    y = x
    for name, wide, width in (("first", 4096, 2048), ("second", 2048, 4096), ("third", 2048, 2048),
                              ("last", 1024, 2048)):
        weights = _weights(random, wide, width) * np.float32(scales.get(name, 1))
        y = ops.relu(ops.matmul(y, ops.constant(weights), False, True))
    return ov.Model([y], [x], "tuned"), random.standard_normal((4, 2048)).astype(np.float32)


def wide():
    """A blob of 100 MB, which larder reads ahead where it is not in memory."""
    random = np.random.default_rng(6)
    x = ops.parameter([4, 4096], np.float32, name="x")
    y = x
    for _ in range(3):
        weights = ops.constant(_weights(random, 4096, 4096))
        y = ops.relu(ops.matmul(y, weights, False, True))
    return ov.Model([y], [x], "wide"), random.standard_normal((4, 4096)).astype(np.float32)


MODELS = {
    "layers": layers,
    "dynamic": lambda: layers(-1),
    "single": single,
    "split": split,
    "pictures": pictures,
    "state": state,
    "tuned": tuned,
    "tuned_first": lambda: tuned(first=3),
    "tuned_last": lambda: tuned(last=3),
    "wide": wide,
}
