"""A model of one operation for every operation that the CPU plugin runs, in the types it takes.

`CASES` maps a name to a function that returns the model and its inputs, the same in every process.
"""

import zlib

import numpy as np
import openvino as ov
from openvino import opset8, opset13, opset16 as op

FLOATS = ("f32", "f16", "bf16")
INTEGERS = ("i32", "i64", "u8", "i8")
NUMBERS = FLOATS + INTEGERS
ALL_NUMBERS = NUMBERS + ("f64", "i16", "u16", "u32", "u64")

NUMPY = {"f32": np.float32, "f16": np.float16, "f64": np.float64, "bf16": np.float32,
         "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
         "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
         "boolean": np.bool_}

# Operations of the opset without a case, and the reasons.
WITHOUT_CASE = {
    "absolute": "is another name of abs",
    "assign": "is part of the case of read_value",
    "binary_convolution": "the CPU plugin needs bit packed weights, which Python cannot make",
    "ceil": "is another name of ceiling",
    "constant": "is in most cases",
    "convert_promote_types": "is removed before anything is compiled",
    "cum_sum": "is another name of cumsum",
    "if_op": "has cases of its own below",
    "loop": "has cases of its own below",
    "ops": "is a module",
    "parameter": "is in all cases",
    "result": "is in all cases",
    "string_tensor_pack": "the CPU plugin of this version does not infer strings",
    "string_tensor_unpack": "the CPU plugin of this version does not infer strings",
    "tensor_iterator": "has cases of its own below",
}

CASES = {}


class Builder:
    """Collects the parameters of a model, and their values."""

    def __init__(self, name):
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.parameters = []
        self.inputs = []
        self.sinks = []

    def values(self, kind, shape, low=-4, high=4):
        if kind == "boolean":
            return self.random.integers(0, 2, shape).astype(np.bool_)
        dtype = NUMPY[kind]
        if np.issubdtype(dtype, np.integer):
            low = max(low, 0) if np.issubdtype(dtype, np.unsignedinteger) else low
            return self.random.integers(int(low), max(int(high), int(low) + 1), shape).astype(dtype)
        return (low + (high - low) * self.random.random(shape)).astype(dtype)

    def given(self, array, kind=None):
        """A parameter with this array as its value."""
        array = np.asarray(array)
        parameter = op.parameter(list(array.shape), array.dtype.type)
        self.parameters.append(parameter)
        self.inputs.append(array)
        return op.convert(parameter, "bf16") if kind == "bf16" else parameter

    def input(self, kind, shape, low=-4, high=4):
        return self.given(self.values(kind, shape, low, high), kind)

    def constant(self, kind, shape, low=-4, high=4):
        node = op.constant(self.values(kind, shape, low, high))
        return op.convert(node, "bf16") if kind == "bf16" else node

    def model(self, outputs):
        results = []
        for output in outputs:
            if output.get_element_type() == ov.Type.bf16:
                output = op.convert(output, "f32").output(0)
            results.append(op.result(output))
        return ov.Model(results, self.sinks, self.parameters, "one operation")


def case(name, kinds, recipe):
    for kind in kinds:
        full_name = f"{name} {kind}"
        assert full_name not in CASES, full_name

        def build(full_name=full_name, kind=kind):
            builder = Builder(full_name)
            made = recipe(builder, kind)
            nodes = made if isinstance(made, (list, tuple)) else [made]
            outputs = []
            for node in nodes:
                outputs += node.outputs() if isinstance(node, ov.Node) else [node]
            return builder.model(outputs), builder.inputs

        CASES[full_name] = build


def unary():
    whole = {"acos": (-1, 1), "acosh": (1, 4), "asin": (-1, 1), "atanh": (-.9, .9), "log": (.1, 4),
             "sqrt": (0, 4)}
    for name in ("abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceiling",
                 "cos", "cosh", "erf", "exp", "floor", "hsigmoid", "hswish", "log",
                 "mish", "negative", "relu", "sigmoid", "sign", "sin", "sinh", "softplus",
                 "softsign", "sqrt", "tan", "tanh"):
        low, high = whole.get(name, (-4, 4))
        function = getattr(op, name)
        case(name, ("f32", "f16"), lambda b, k, f=function, low=low, high=high:
             f(b.input(k, [2, 3, 5], low, high)))
    for name in ("abs", "ceiling", "floor", "negative", "relu", "sign"):
        function = getattr(op, name)
        case(name, ("i32",), lambda b, k, f=function: f(b.input(k, [2, 3, 5])))
    case("round", FLOATS, lambda b, k: op.round(b.input(k, [2, 17]), "half_to_even"))
    case("round away", FLOATS, lambda b, k: op.round(b.input(k, [2, 17]), "half_away_from_zero"))
    case("gelu", FLOATS, lambda b, k: op.gelu(b.input(k, [2, 17]), "erf"))
    case("gelu tanh", FLOATS, lambda b, k: op.gelu(b.input(k, [2, 17]), "tanh"))
    case("elu", FLOATS, lambda b, k: op.elu(b.input(k, [2, 17]), 0.3))
    case("clamp", NUMBERS, lambda b, k: op.clamp(b.input(k, [2, 17]), -1.5, 2.25))
    case("selu", FLOATS, lambda b, k: op.selu(
        b.input(k, [2, 17]), b.constant(k, [1], 1.6, 1.7), b.constant(k, [1], 1, 1.1)))
    case("hard_sigmoid", FLOATS, lambda b, k: op.hard_sigmoid(
        b.input(k, [2, 17]), b.constant(k, [], .1, .3), b.constant(k, [], .4, .6)))
    case("swish", FLOATS, lambda b, k: op.swish(b.input(k, [2, 17]), b.constant(k, [], 1, 2)))
    case("prelu", FLOATS, lambda b, k: op.prelu(b.input(k, [2, 3, 5]), b.constant(k, [3], 0, 1)))
    case("logical_not", ("boolean",), lambda b, k: op.logical_not(b.input(k, [2, 17])))
    case("bitwise_not", ("i32", "u8", "boolean"), lambda b, k: op.bitwise_not(b.input(k, [2, 17])))
    case("identity", NUMBERS, lambda b, k: op.identity(b.input(k, [2, 17])))
    special = np.float32([[0, 1, np.inf, -np.inf, np.nan]])
    for name in ("is_finite", "is_inf", "is_nan"):
        case(name, ("f32",), lambda b, k, f=getattr(op, name): f(b.given(special)))
    for kind in ALL_NUMBERS + ("boolean",):
        case(f"convert {kind} to", [k for k in ("f32", "i32", "u8") if k != kind],
             lambda b, k, kind=kind: op.convert(b.input(kind, [3, 7]), k))
    case("convert_like", NUMBERS, lambda b, k: op.convert_like(
        b.input("f32", [3, 7]), b.input(k, [1])))


def binary():
    for name in ("add", "divide", "equal", "floor_mod", "greater", "greater_equal", "less",
                 "less_equal", "maximum", "minimum", "mod", "multiply", "not_equal",
                 "squared_difference", "subtract"):
        low = 1 if name in ("divide", "floor_mod", "mod") else -4
        function = getattr(op, name)
        case(name, ("f32", "f16", "i32", "u8"), lambda b, k, f=function, low=low:
             f(b.input(k, [2, 3, 5]), b.input(k, [3, 1], low, 6)))
        case(f"{name} constant", ("f32",), lambda b, k, f=function, low=low:
             f(b.input(k, [2, 3, 5]), b.constant(k, [5], low, 6)))
    case("power", ("f32", "f16", "i32"), lambda b, k: op.power(
        b.input(k, [2, 5], 1, 3), b.constant(k, [5], 0, 3)))
    for name in ("logical_and", "logical_or", "logical_xor"):
        case(name, ("boolean",), lambda b, k, f=getattr(op, name):
             f(b.input(k, [2, 5]), b.input(k, [5])))
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        case(name, ("i32", "u8", "boolean"), lambda b, k, f=getattr(op, name):
             f(b.input(k, [2, 5]), b.input(k, [5])))
    for name in ("bitwise_left_shift", "bitwise_right_shift"):
        case(name, ("i32", "u8"), lambda b, k, f=getattr(op, name):
             f(b.input(k, [2, 5], 0, 50), b.input(k, [5], 0, 3)))
    case("select", NUMBERS, lambda b, k: op.select(
        b.input("boolean", [2, 5]), b.input(k, [2, 5]), b.input(k, [5])))


def reductions():
    axes = {"last": [-1], "two": [0, 2]}
    for name in ("reduce_l1", "reduce_l2", "reduce_max", "reduce_mean", "reduce_min",
                 "reduce_prod", "reduce_sum"):
        for label, axis in axes.items():
            case(f"{name} {label}", ("f32", "f16", "i32"),
                 lambda b, k, f=getattr(op, name), axis=axis, label=label:
                 f(b.input(k, [2, 3, 5], 1, 3), op.constant(np.int64(axis)), label == "two"))
    for name in ("reduce_logical_and", "reduce_logical_or"):
        case(name, ("boolean",), lambda b, k, f=getattr(op, name):
             f(b.input(k, [2, 5]), op.constant(np.int64([1])), False))
    case("cumsum", ("f32", "i32", "i64"), lambda b, k: op.cumsum(
        b.input(k, [2, 5]), op.constant(np.int64(1))))
    for name in ("softmax", "log_softmax"):
        case(name, FLOATS, lambda b, k, f=getattr(op, name): f(b.input(k, [2, 3, 5]), 1))
    case("topk", ("f32", "i32", "f16", "i64"), lambda b, k: op.topk(
        b.given(b.random.permutation(40).reshape(4, 10).astype(NUMPY[k])),
        op.constant(np.int32(3)), 1, "max", "value"))
    case("non_zero", ("f32", "i32"), lambda b, k: op.non_zero(b.input(k, [3, 4], 0, 2)))
    case("unique", ("f32", "i32"), lambda b, k: op.unique(
        b.given(b.values("i32", [12], 0, 4).astype(NUMPY[k]))))
    case("segment_max", ("f32", "i32"), lambda b, k: op.segment_max(
        b.input(k, [5, 3]), op.constant(np.int32([0, 0, 1, 3, 3])), op.constant(np.int32(5)),
        "zero"))
    case("search_sorted", ("f32", "i32"), lambda b, k: op.search_sorted(
        b.given(np.sort(b.values(k, [2, 7]), axis=1)), b.input(k, [2, 3])))
    case("bucketize", ("f32", "i32"), lambda b, k: op.bucketize(
        b.input(k, [2, 7]), op.constant(np.sort(b.values(k, [4])))))
    case("mvn", FLOATS, lambda b, k: op.mvn(
        b.input(k, [2, 3, 4, 5]), op.constant(np.int64([2, 3])), True, 1e-6, "inside_sqrt"))
    case("normalize_l2", FLOATS, lambda b, k: op.normalize_l2(
        b.input(k, [1, 3, 4, 4]), op.constant(np.int64([1])), 1e-6, "add"))
    case("grn", ("f32", "f16"), lambda b, k: op.grn(b.input(k, [1, 3, 4, 4]), 0.33))
    case("lrn", ("f32", "f16"), lambda b, k: op.lrn(
        b.input(k, [1, 6, 4, 4]), op.constant(np.int64([1])), 1, 1e-4, 0.75, 3))
    case("batch_norm_inference", FLOATS, lambda b, k: op.batch_norm_inference(
        b.input(k, [1, 3, 4, 4]), b.constant(k, [3]), b.constant(k, [3]), b.constant(k, [3]),
        b.constant(k, [3], .5, 2), 1e-5))
    case("group_normalization", FLOATS, lambda b, k: op.group_normalization(
        b.input(k, [1, 4, 4, 4]), b.constant(k, [4]), b.constant(k, [4]), 2, 1e-5))


def shapes():
    anything = ("f32", "f16", "i32", "u8", "boolean")

    def numbers(*values):
        return op.constant(np.int64(values))

    case("reshape", anything, lambda b, k: op.reshape(b.input(k, [2, 3, 4]), numbers(4, 6), False))
    case("transpose", anything, lambda b, k: op.transpose(b.input(k, [2, 3, 4]), numbers(2, 0, 1)))
    case("squeeze", ("f32", "i32"), lambda b, k: op.squeeze(b.input(k, [2, 1, 4]), numbers(1)))
    case("unsqueeze", ("f32", "i32"), lambda b, k: op.unsqueeze(b.input(k, [2, 4]), numbers(1)))
    case("concat", anything, lambda b, k: op.concat(
        [b.input(k, [2, 3]), b.constant(k, [2, 2]), b.input(k, [2, 1])], 1))
    case("split", anything, lambda b, k: op.split(
        b.input(k, [2, 6]), op.constant(np.int64(1)), 3))
    case("variadic_split", anything, lambda b, k: op.variadic_split(
        b.input(k, [2, 6]), op.constant(np.int64(1)), numbers(1, 3, 2)))
    case("slice", anything, lambda b, k: op.slice(
        b.input(k, [4, 6]), numbers(1, 5), numbers(4, 0), numbers(2, -2), numbers(0, 1)))
    case("slice_scatter", ("f32", "i32"), lambda b, k: op.slice_scatter(
        b.input(k, [4, 6]), b.input(k, [2, 6]), numbers(1), numbers(3), numbers(1), numbers(0)))
    case("strided_slice", anything, lambda b, k: op.strided_slice(
        b.input(k, [4, 6]), numbers(1, 0), numbers(3, 6), numbers(1, 2), [0, 0], [0, 0]))
    case("broadcast", anything, lambda b, k: op.broadcast(b.input(k, [3, 1]), numbers(2, 3, 4)))
    case("tile", anything, lambda b, k: op.tile(b.input(k, [2, 3]), numbers(2, 1, 2)))
    for mode in ("constant", "edge", "reflect", "symmetric"):
        case(f"pad {mode}", ("f32", "i32", "f16"), lambda b, k, mode=mode: op.pad(
            b.input(k, [3, 4]), numbers(1, 2), numbers(0, 1), mode,
            *([op.constant(NUMPY[k](2))] if mode == "constant" else [])))
    case("gather", anything, lambda b, k: op.gather(
        b.input(k, [5, 3]), b.given(np.int64([[4, 0], [2, 2]])), op.constant(np.int64(0))))
    case("gather_elements", ("f32", "i32"), lambda b, k: op.gather_elements(
        b.input(k, [3, 4]), b.given(np.int64([[0, 2, 1, 0]])), 0))
    case("gather_nd", ("f32", "i32"), lambda b, k: op.gather_nd(
        b.input(k, [3, 4]), b.given(np.int64([[0, 1], [2, 3]]))))
    case("gather_tree", ("f32", "i32"), lambda b, k: op.gather_tree(
        b.given(b.values("i32", [4, 2, 3], 0, 3).astype(NUMPY[k])),
        b.given(b.values("i32", [4, 2, 3], 0, 3).astype(NUMPY[k])),
        b.given(np.array([3, 4]).astype(NUMPY[k])), b.given(NUMPY[k](1))))
    for reduction in ("none", "sum", "max", "mean"):
        case(f"scatter_elements_update {reduction}", ("f32", "i32"),
             lambda b, k, r=reduction: op.scatter_elements_update(
                 b.input(k, [3, 4]), b.given(np.int64([[0, 2, 1, 0]])), b.input(k, [1, 4]),
                 op.constant(np.int64(0)), r, True))
        if reduction == "mean":
            continue
        case(f"scatter_nd_update {reduction}", ("f32", "i32"),
             lambda b, k, r=reduction: op.scatter_nd_update(
                 b.input(k, [4, 3]), b.given(np.int64([[1], [3]])), b.input(k, [2, 3]), r))
    case("scatter_update", ("f32", "i32"), lambda b, k: op.scatter_update(
        b.input(k, [4, 3]), b.given(np.int64([1, 3])), b.input(k, [2, 3]),
        op.constant(np.int64(0))))
    case("one_hot", ("f32", "i32", "u8"), lambda b, k: op.one_hot(
        b.given(np.int64([0, 3, 1])), op.constant(np.int64(5)), b.constant(k, [], 2, 3),
        b.constant(k, [], 0, 1), -1))
    case("reverse_sequence", ("f32", "i32"), lambda b, k: op.reverse_sequence(
        b.input(k, [3, 5]), b.given(np.int64([2, 5, 1])), 0, 1))
    case("roll", ("f32", "i32", "i8"), lambda b, k: op.roll(
        b.input(k, [3, 5]), numbers(2, -1), numbers(0, 1)))
    case("shape_of", ("f32",), lambda b, k: op.shape_of(b.input(k, [3, 5])))
    case("range", ("f32", "i32", "i64"), lambda b, k: op.range(
        b.given(NUMPY[k](1)), b.given(NUMPY[k](9)), b.given(NUMPY[k](2)), k))
    case("eye", ("f32", "i32", "u8"), lambda b, k: op.eye(
        b.given(np.int32(3)), b.given(np.int32(4)), op.constant(np.int32(1)), k))
    case("depth_to_space", ("f32", "i8", "f16"), lambda b, k: op.depth_to_space(
        b.input(k, [1, 8, 2, 3]), "blocks_first", 2))
    case("space_to_depth", ("f32", "i8", "f16"), lambda b, k: op.space_to_depth(
        b.input(k, [1, 2, 4, 6]), "depth_first", 2))
    case("batch_to_space", ("f32", "i8"), lambda b, k: op.batch_to_space(
        b.input(k, [4, 1, 2, 2]), numbers(1, 1, 2, 2), numbers(0, 0, 0, 0), numbers(0, 0, 1, 0)))
    case("space_to_batch", ("f32", "i8"), lambda b, k: op.space_to_batch(
        b.input(k, [1, 1, 4, 3]), numbers(1, 1, 2, 2), numbers(0, 0, 0, 0), numbers(0, 0, 0, 1)))
    case("shuffle_channels", ("f32", "i8"), lambda b, k: op.shuffle_channels(
        b.input(k, [1, 6, 2, 2]), 1, 3))
    case("reorg_yolo", ("f32",), lambda b, k: op.reorg_yolo(b.input(k, [1, 4, 4, 4]), [2]))
    case("sparse_fill_empty_rows", ("f32", "i32"), lambda b, k: op.sparse_fill_empty_rows(
        b.input(k, [3]), b.given(np.int64([3, 4])), b.given(np.int64([[0, 1], [0, 3], [2, 0]])),
        b.given(NUMPY[k](7))))


def networks():
    def conv_arguments(n=2):
        return [1] * n, [0] * n, [1] * n, [1] * n

    for dims, label in ((1, "1d"), (2, "2d"), (3, "3d")):
        space = [6] * dims
        case(f"convolution {label}", FLOATS, lambda b, k, d=dims, s=space: op.convolution(
            b.input(k, [1, 3, *s]), b.constant(k, [4, 3] + [3] * d), *conv_arguments(d)))
        case(f"group_convolution {label}", FLOATS, lambda b, k, d=dims, s=space:
             op.group_convolution(b.input(k, [1, 4, *s]), b.constant(k, [2, 3, 2] + [3] * d),
                                  *conv_arguments(d)))
        case(f"max_pool {label}", ("f32", "f16", "bf16", "i8"), lambda b, k, d=dims, s=space:
             op.max_pool(b.input(k, [1, 3, *s]), [2] * d, [1] * d, [0] * d, [0] * d, [2] * d)
             .output(0))
        # The newest one crashes the CPU plugin of 2026.4.1, without larder too.
        case(f"avg_pool {label}", FLOATS, lambda b, k, d=dims, s=space: opset13.avg_pool(
            b.input(k, [1, 3, *s]), [2] * d, [0] * d, [0] * d, [2] * d, True))
    case("convolution_backprop_data", FLOATS, lambda b, k: op.convolution_backprop_data(
        b.input(k, [1, 3, 6, 6]), b.constant(k, [3, 4, 3, 3]), [2, 2]))
    case("group_convolution_backprop_data", FLOATS, lambda b, k:
         op.group_convolution_backprop_data(b.input(k, [1, 4, 6, 6]),
                                            b.constant(k, [2, 2, 3, 3, 3]), [2, 2]))
    case("deformable_convolution", ("f32",), lambda b, k: op.deformable_convolution(
        b.input(k, [1, 4, 6, 6]), b.input(k, [1, 18, 4, 4], -1, 1), b.constant(k, [4, 4, 3, 3]),
        [1, 1], [0, 0], [0, 0], [1, 1]))
    case("matmul", FLOATS + ("i32",), lambda b, k: op.matmul(
        b.input(k, [2, 3, 8]), b.input(k, [8, 5]), False, False))
    case("matmul constant", FLOATS, lambda b, k: op.matmul(
        b.input(k, [2, 3, 8]), b.constant(k, [5, 8]), False, True))
    for weight in ("u8", "i8"):
        case(f"matmul {weight} weights", ("f32",), lambda b, k, w=weight: op.matmul(
            b.input(k, [3, 64]),
            op.multiply(op.convert(b.constant(w, [32, 64], 0, 100), "f32"),
                        b.constant("f32", [32, 1], .01, .1)), False, True))
    case("einsum", ("f32", "f16"), lambda b, k: op.einsum(
        [b.input(k, [2, 3, 4]), b.input(k, [2, 4, 5])], "bij,bjk->bik"))
    case("scaled_dot_product_attention", FLOATS, lambda b, k: op.scaled_dot_product_attention(
        b.input(k, [1, 2, 4, 16]), b.input(k, [1, 2, 6, 16]), b.input(k, [1, 2, 6, 16])))
    case("fake_quantize", ("f32",), lambda b, k: op.fake_quantize(
        b.input(k, [1, 3, 4, 4]), b.constant(k, [], -3, -2), b.constant(k, [], 2, 3),
        b.constant(k, [], -3, -2), b.constant(k, [], 2, 3), 256))
    case("fake_convert", ("f32",), lambda b, k: op.fake_convert(
        b.input(k, [2, 8]), b.constant(k, [1], 1, 2), b.constant(k, [1], 0, 1)))
    case("adaptive_avg_pool", ("f32",), lambda b, k: op.adaptive_avg_pool(
        b.input(k, [1, 2, 7, 7]), op.constant(np.int32([3, 3]))))
    case("adaptive_max_pool", ("f32",), lambda b, k: op.adaptive_max_pool(
        b.input(k, [1, 2, 7, 7]), op.constant(np.int32([3, 3])), "i32"))
    case("col2im", ("f32", "i32"), lambda b, k: op.col2im(
        b.input(k, [1, 12, 9]), op.constant(np.int64([4, 4])), op.constant(np.int64([2, 2]))))
    case("extract_image_patches", ("f32", "i8"), lambda b, k: op.extract_image_patches(
        b.input(k, [1, 2, 6, 6]), [3, 3], [2, 2], [1, 1], "valid"))
    for mode in ("nearest", "linear", "linear_onnx", "cubic", "bilinear_pillow"):
        case(f"interpolate {mode}", ("f32", "f16"), lambda b, k, mode=mode: op.interpolate(
            b.input(k, [1, 2, 4, 5]), op.constant(np.int64([7, 9])), mode, "sizes",
            axes=op.constant(np.int64([2, 3]))))
    case("grid_sample", ("f32",), lambda b, k: op.grid_sample(
        b.input(k, [1, 2, 5, 5]), b.input(k, [1, 3, 4, 2], -1, 1),
        {"align_corners": True, "mode": "bilinear", "padding_mode": "zeros"}))
    case("inverse", ("f32",), lambda b, k: op.inverse(
        b.given((np.eye(4) * 5 + b.values(k, [2, 4, 4], 0, 1)).astype(np.float32))))
    for name in ("dft", "idft"):
        case(name, ("f32",), lambda b, k, f=getattr(op, name): f(
            b.input(k, [2, 8, 2]), op.constant(np.int64([1]))))
    case("rdft", ("f32",), lambda b, k: op.rdft(b.input(k, [2, 8]), op.constant(np.int64([1]))))
    case("irdft", ("f32",), lambda b, k: op.irdft(
        b.input(k, [2, 5, 2]), op.constant(np.int64([1]))))
    case("stft", ("f32",), lambda b, k: op.stft(
        b.input(k, [2, 64]), b.constant(k, [16], 0, 1), op.constant(np.int64(16)),
        op.constant(np.int64(4)), True))
    case("istft", ("f32",), lambda b, k: op.istft(
        b.input(k, [2, 9, 13, 2]), b.constant(k, [16], .2, 1), op.constant(np.int64(16)),
        op.constant(np.int64(4)), True, False))


def recurrent():
    def weights(b, gates, hidden=4, size=3, bias=None):
        return (b.constant("f32", [gates * hidden, size]),
                b.constant("f32", [gates * hidden, hidden]),
                b.constant("f32", [(bias or gates) * hidden]))

    def stacked(b, gates, hidden=4, size=3, bias=None):
        return (b.constant("f32", [1, gates * hidden, size]),
                b.constant("f32", [1, gates * hidden, hidden]),
                b.constant("f32", [1, (bias or gates) * hidden]))

    case("rnn_cell", ("f32",), lambda b, k: op.rnn_cell(
        b.input(k, [2, 3]), b.input(k, [2, 4]), *weights(b, 1), 4, ["tanh"], [], []))
    case("gru_cell", ("f32",), lambda b, k: op.gru_cell(
        b.input(k, [2, 3]), b.input(k, [2, 4]), *weights(b, 3), 4))
    case("lstm_cell", ("f32",), lambda b, k: op.lstm_cell(
        b.input(k, [2, 3]), b.input(k, [2, 4]), b.input(k, [2, 4]), *weights(b, 4), 4))
    lengths = op.constant(np.int32([5, 5]))
    case("rnn_sequence", ("f32",), lambda b, k: op.rnn_sequence(
        b.input(k, [2, 5, 3]), b.input(k, [2, 1, 4]), lengths, *stacked(b, 1), 4, "forward"))
    case("gru_sequence", ("f32",), lambda b, k: op.gru_sequence(
        b.input(k, [2, 5, 3]), b.input(k, [2, 1, 4]), lengths, *stacked(b, 3), 4, "forward"))
    case("lstm_sequence", ("f32",), lambda b, k: op.lstm_sequence(
        b.input(k, [2, 5, 3]), b.input(k, [2, 1, 4]), b.input(k, [2, 1, 4]), lengths,
        *stacked(b, 4), 4, "reverse"))

    def state(b, k):
        variable = "state 1"
        value = op.read_value(b.input(k, [1, 4]), variable)
        total = op.add(value, b.input(k, [1, 4]))
        b.sinks.append(op.assign(total, variable))
        return total

    case("read_value", ("f32", "f16"), state)

    def choice(b, k):
        condition = b.input("boolean", [])
        then_x, else_x = op.parameter([2, 4], NUMPY[k]), op.parameter([2, 4], NUMPY[k])
        then = ov.Model([op.result(op.relu(then_x))], [then_x], "then")
        other = ov.Model([op.result(op.negative(else_x))], [else_x], "else")
        node = opset8.if_op(condition)
        node.set_then_body(then)
        node.set_else_body(other)
        node.set_input(b.input(k, [2, 4]).output(0), then_x, else_x)
        return node.set_output(then.results[0], other.results[0])

    case("if", ("f32", "i32"), choice)

    def repeated(b, k):
        times, start = b.given(np.int64(3)), b.input(k, [2, 4])
        round_number, value = op.parameter([], np.int64), op.parameter([2, 4], NUMPY[k])
        body = ov.Model([op.result(op.add(value, op.constant(NUMPY[k](2)))),
                         op.result(op.constant(np.array(True)))], [round_number, value], "body")
        node = op.loop(times, op.constant(np.array(True)))
        node.set_function(body)
        node.set_special_body_ports([0, 1])
        node.set_merged_input(value, start.output(0), body.results[0].output(0))
        return node.get_iter_value(body.results[0].output(0), -1)

    case("loop", ("f32", "i32"), repeated)

    def iterated(b, k):
        source, start = b.input(k, [2, 4, 3]), b.input(k, [2, 1, 3])
        slice_, value = op.parameter([2, 1, 3], NUMPY[k]), op.parameter([2, 1, 3], NUMPY[k])
        body = ov.Model([op.result(op.add(slice_, value))], [slice_, value], "body")
        node = op.tensor_iterator()
        node.set_body(body)
        node.set_sliced_input(slice_, source.output(0), 0, 1, 1, -1, 1)
        node.set_merged_input(value, start.output(0), body.results[0].output(0))
        return node.get_concatenated_slices(body.results[0].output(0), 0, 1, 1, -1, 1)

    case("tensor_iterator", ("f32", "i32"), iterated)


def pictures():
    def boxes(b, *shape):
        corners = b.values("f32", [*shape, 2], 0, 4)
        return np.concatenate([corners, corners + b.values("f32", [*shape, 2], 1, 4)], -1)

    for name in ("nv12_to_bgr", "nv12_to_rgb", "i420_to_bgr", "i420_to_rgb"):
        case(name, ("u8", "f32"), lambda b, k, f=getattr(op, name): f(
            b.input(k, [1, 6, 4, 1], 0, 250)))
    case("roi_pooling", ("f32",), lambda b, k: op.roi_pooling(
        b.input(k, [1, 2, 8, 8]), b.given(np.float32([[0, 0, 0, 4, 4], [0, 1, 2, 7, 7]])), [2, 2],
        np.float32(1), "max"))
    case("roi_align", ("f32",), lambda b, k: op.roi_align(
        b.input(k, [1, 2, 8, 8]), b.given(boxes(b, 3)), op.constant(np.int32([0, 0, 0])), 2, 2, 2,
        1.0, "avg"))
    case("roi_align_rotated", ("f32",), lambda b, k: op.roi_align_rotated(
        b.input(k, [1, 2, 8, 8]), b.given(np.float32([[4, 4, 3, 2, .5]])),
        op.constant(np.int32([0])), 2, 2, 2, 1.0, True))
    case("psroi_pooling", ("f32",), lambda b, k: op.psroi_pooling(
        b.input(k, [1, 8, 8, 8]), b.given(np.float32([[0, 0, 0, 4, 4]])), 2, 2, 1.0, 1, 1,
        "average"))
    case("deformable_psroi_pooling", ("f32",), lambda b, k: op.deformable_psroi_pooling(
        b.input(k, [1, 8, 8, 8]), b.given(np.float32([[0, 0, 0, 4, 4]])), 2, 1.0, 2,
        "bilinear_deformable", 1, 1, .1, 2))
    case("region_yolo", ("f32",), lambda b, k: op.region_yolo(
        b.input(k, [1, 18, 2, 2]), 4, 1, 2, True, [0, 1], 1, 3, [1., 2., 3., 4.]))
    for name in ("prior_box", "prior_box_clustered"):
        attributes = {"offset": .5, "variance": [.1], "step": 4.}
        attributes |= ({"min_size": [2.], "aspect_ratio": [2.], "flip": True, "clip": False,
                        "scale_all_sizes": True} if name == "prior_box"
                       else {"width": [2.], "height": [3.], "clip": False})
        case(name, ("i64",), lambda b, k, f=getattr(op, name), a=attributes: f(
            b.given(np.int64([2, 2])), b.given(np.int64([8, 8])), a))
    case("non_max_suppression", ("f32",), lambda b, k: op.non_max_suppression(
        b.given(boxes(b, 1, 8)), b.input(k, [1, 2, 8], 0, 1), op.constant(np.int64(4)),
        op.constant(np.float32(.4)), op.constant(np.float32(.1))))
    case("nms_rotated", ("f32",), lambda b, k: op.nms_rotated(
        b.given(np.concatenate([b.values(k, [1, 8, 4], 1, 4), b.values(k, [1, 8, 1], 0, 1)], -1)),
        b.input(k, [1, 2, 8], 0, 1), op.constant(np.int64(4)), op.constant(np.float32(.4)),
        op.constant(np.float32(.1))))
    case("matrix_nms", ("f32",), lambda b, k: op.matrix_nms(
        b.given(boxes(b, 1, 8)), b.input(k, [1, 2, 8], 0, 1), nms_top_k=4))
    case("multiclass_nms", ("f32",), lambda b, k: op.multiclass_nms(
        b.given(boxes(b, 1, 8)), b.input(k, [1, 2, 8], 0, 1), nms_top_k=4))
    case("detection_output", ("f32",), lambda b, k: op.detection_output(
        b.input(k, [1, 32]), b.input(k, [1, 16]), b.given(boxes(b, 8).reshape(1, 1, 32) / 8),
        {"background_label_id": 0, "top_k": 4, "keep_top_k": [4], "nms_threshold": .5,
         "code_type": "caffe.PriorBoxParameter.CORNER", "normalized": True,
         "variance_encoded_in_target": True, "share_location": True}))
    case("proposal", ("f32",), lambda b, k: op.proposal(
        b.input(k, [1, 2, 4, 4], 0, 1), b.input(k, [1, 4, 4, 4], -.1, .1),
        b.given(np.float32([32, 32, 1])),
        {"base_size": np.uint32(8), "pre_nms_topn": np.uint32(8), "post_nms_topn": np.uint32(4),
         "nms_thresh": np.float32(.7), "feat_stride": np.uint32(8), "min_size": np.uint32(1),
         "ratio": np.float32([1]), "scale": np.float32([1])}))
    case("generate_proposals", ("f32",), lambda b, k: op.generate_proposals(
        b.given(np.float32([[32, 32, 1]])), b.given(boxes(b, 4, 4, 1)),
        b.input(k, [1, 4, 4, 4], -.1, .1), b.input(k, [1, 1, 4, 4], 0, 1), 1., .7, 8, 4))


def sequences():
    case("ctc_greedy_decoder", ("f32",), lambda b, k: op.ctc_greedy_decoder(
        b.input(k, [6, 2, 5], 0, 1), b.given(np.ones([6, 2], np.float32)), True))
    case("ctc_greedy_decoder_seq_len", ("f32",), lambda b, k: op.ctc_greedy_decoder_seq_len(
        b.input(k, [2, 6, 5], 0, 1), b.given(np.int32([6, 4])), op.constant(np.int32(4))))
    case("ctc_loss", ("f32",), lambda b, k: op.ctc_loss(
        b.input(k, [2, 6, 5]), b.given(np.int32([6, 5])),
        b.given(np.int32([[0, 1, 2, 0, 0, 0], [1, 0, 0, 0, 0, 0]])), b.given(np.int32([3, 2])),
        op.constant(np.int32(4))))
    table = [6, 3]
    case("embedding_bag_offsets_sum", ("f32",), lambda b, k: op.embedding_bag_offsets_sum(
        b.input(k, table), b.given(np.int32([0, 2, 3, 4])), op.constant(np.int32([0, 0, 2])),
        op.constant(np.int32(0))))
    case("embedding_bag_offsets", ("f32",), lambda b, k: op.embedding_bag_offsets(
        b.input(k, table), b.given(np.int32([0, 2, 3, 4])), op.constant(np.int32([0, 0, 2])),
        op.constant(np.int32(0)), None, "mean"))
    case("embedding_bag_packed_sum", ("f32",), lambda b, k: op.embedding_bag_packed_sum(
        b.input(k, table), b.given(np.int32([[0, 2], [1, 2], [3, 4]]))))
    case("embedding_bag_packed", ("f32",), lambda b, k: op.embedding_bag_packed(
        b.input(k, table), b.given(np.int32([[0, 2], [1, 2], [3, 4]])), None, "mean"))
    case("embedding_segments_sum", ("f32",), lambda b, k: op.embedding_segments_sum(
        b.input(k, table), b.given(np.int32([0, 2, 3, 4])), b.given(np.int32([0, 0, 2, 2])),
        op.constant(np.int32(3)), op.constant(np.int32(0))))
    case("random_uniform", ("f32", "i32"), lambda b, k: op.random_uniform(
        b.given(np.int64([2, 5])), op.constant(NUMPY[k](0)), op.constant(NUMPY[k](9)), k, 3, 5))
    case("multinomial", ("f32",), lambda b, k: op.multinomial(
        b.input(k, [2, 5], .1, 1), op.constant(np.int32(3)), "i32", True, False, 3, 5))


for group in (unary, binary, reductions, shapes, networks, recurrent, pictures, sequences):
    group()
