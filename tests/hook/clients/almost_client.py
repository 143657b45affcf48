"""Similar models, and everything that a program can observe of each compiled one.

usage: almost_client.py write FOLDER
       almost_client.py table FOLDER
       almost_client.py names SUFFIX
       almost_client.py values
Prints JSON.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import openvino as ov
from openvino import Layout, PartialShape, Type, layout_helpers, opset1, opset8, opset13 as op

PAIRS = {}


def pair(function):
    """`function(second)` builds one of two models."""
    PAIRS[function.__name__] = function
    return function


def called(node, name):
    node.set_friendly_name(name)
    return node


def source(shape, name="x", dtype=np.float32, tensor=None):
    node = op.parameter(shape, dtype, name=name)
    node.output(0).get_tensor().set_names({tensor or f"{name}_in"})
    return node


def model(values, inputs, name="m", outputs=None):
    results = []
    for number, value in enumerate(values):
        output = value.output(0) if isinstance(value, ov.Node) else value
        node = output.get_node()
        if node.friendly_name.startswith(f"{node.get_type_name()}_"):
            called(node, f"node_{number}")
        if not output.get_names():
            output.get_tensor().set_names({(outputs or "yz")[number]})
        results.append(called(op.result(output), f"result_{number}"))
    return ov.Model(results, inputs, name)


def apply(function, shape=(2, 4), dtype=np.float32):
    x = source(shape, dtype=dtype)
    return model([called(function(x), "last")], [x])


def weights(value, dtype=np.float32):
    return op.constant(np.array(value, dtype))


@pair
def last_bit_of_a_weight(second):
    return apply(lambda x: op.multiply(x, weights(np.nextafter(np.float32(1), second + 1))))


@pair
def sign_of_zero(second):
    return apply(lambda x: op.multiply(op.abs(x), weights(-0.0 if second else 0.0)))


@pair
def payload_of_a_nan(second):
    nan = np.array([[0x7FC00000 + second]] * 2, np.uint32).view(np.float32)
    return apply(lambda x: op.concat([x, op.constant(nan)], 1))


@pair
def signed_bytes(second):
    raw = np.array([1, 200, 128, 255], np.uint8).view(np.int8 if second else np.uint8)
    return apply(lambda x: op.add(x, op.convert(op.constant(raw), "f32")))


@pair
def halves_of_two_kinds(second):
    raw = np.array([0x3C00, 0x4200, 0x4500, 0x3555], np.uint16)
    kind = Type.bf16 if second else Type.f16
    tensor = ov.Tensor(raw.view(np.float16), ov.Shape([4]), kind)
    return apply(lambda x: op.add(x, op.convert(op.constant(tensor), "f32")))


@pair
def numbers_over_the_same_bytes(second):
    raw = np.array([1, 1 << 23, 3 << 23, 7], np.int32)
    raw = raw.view(np.float32) if second else raw
    return apply(lambda x: op.add(x, op.convert(op.constant(raw), "f32")))


@pair
def shape_of_a_weight(second):
    shape = (1, 4) if second else (4, 1)
    return apply(lambda x: op.add(x, weights(np.arange(4).reshape(shape))), (4, 4))


@pair
def exchanged_weights(second):
    a, b = (weights([1, 2, 3, 4]), weights([5, 6, 7, 9]))
    a, b = (b, a) if second else (a, b)
    return apply(lambda x: op.add(op.multiply(x, a), b))


@pair
def exchanged_operands(second):
    a, b = source((2, 4), "a"), source((2, 4), "b")
    return model([op.subtract(b, a) if second else op.subtract(a, b)], [a, b])


@pair
def exchanged_inputs(second):
    a, b = source((2, 4), "a"), source((2, 4), "b")
    return model([op.subtract(a, b)], [b, a] if second else [a, b])


@pair
def exchanged_outputs(second):
    x = source((2, 4))
    values = [called(op.relu(x), "relu"), called(op.tanh(x), "tanh")]
    return model(values[::-1] if second else values, [x])


@pair
def outputs_with_exchanged_names(second):
    x = source((2, 4))
    values = [called(op.relu(x), "a"), called(op.tanh(x), "b")]
    return model(values, [x], outputs="zy" if second else "yz")


@pair
def one_more_output(second):
    x = source((2, 4))
    y = called(op.relu(x), "last")
    return model([y, y] if second else [y], [x])


@pair
def eighth_digit_of_an_attribute(second):
    alpha = float(np.nextafter(np.float32(0.5), np.float32(0.5 + second)))
    return apply(lambda x: op.elu(x, alpha))


@pair
def axis(second):
    return apply(lambda x: op.softmax(x, second))


@pair
def opset_of_an_operation(second):
    return apply(lambda x: opset8.softmax(x, 1) if second else opset1.softmax(x, 1))


@pair
def transposed_operand(second):
    square = weights(np.arange(16).reshape(4, 4))
    return apply(lambda x: op.matmul(x, square, False, bool(second)))


@pair
def levels_of_quantisation(second):
    low, high = weights(-1), weights(1)
    return apply(lambda x: op.fake_quantize(x, low, high, low, high, 16 if second else 255))


@pair
def type_of_an_index(second):
    def indices(x):
        kind = "i64" if second else "i32"
        node = op.topk(x, op.constant(np.int64(2)), 1, "max", "value", index_element_type=kind)
        return called(node, "top").output(1)
    x = source((2, 4))
    return model([indices(x)], [x])


@pair
def type_of_the_result(second):
    return apply(lambda x: op.convert(x, "i64" if second else "i32"))


@pair
def shape_of_the_input(second):
    return apply(op.relu, (4, 2) if second else (2, 4))


@pair
def bounds_of_a_dimension(second):
    return apply(op.relu, PartialShape("1..8,4" if second else "1..4,4"))


@pair
def unknown_dimension(second):
    return apply(op.relu, PartialShape("?,4" if second else "2,4"))


@pair
def type_of_the_input(second):
    return apply(op.relu, dtype=np.float16 if second else np.float32)


@pair
def layout_of_the_input(second):
    found = apply(op.relu, (1, 2, 4, 4))
    found.get_parameters()[0].set_layout(Layout("NHWC" if second else "NCHW"))
    return found


@pair
def layout_of_the_output(second):
    found = apply(op.relu, (1, 2, 4, 4))
    layout_helpers.set_layout(found.output(0), Layout("NHWC" if second else "NCHW"))
    return found


@pair
def name_of_the_input(second):
    x = source((2, 4), "b" if second else "a", tensor="x")
    return model([op.relu(x)], [x])


@pair
def name_of_the_input_tensor(second):
    x = source((2, 4), tensor="b" if second else "a")
    return model([op.relu(x)], [x])


@pair
def name_of_the_result(second):
    found = apply(op.relu)
    found.results[0].set_friendly_name("b" if second else "a")
    return found


@pair
def name_of_the_output_tensor(second):
    x = source((2, 4))
    return model([op.relu(x)], [x], outputs="b" if second else "a")


@pair
def name_of_the_node_behind(second):
    found = apply(op.relu)
    return called(found.results[0].input_value(0).get_node(), "b" if second else "a") and found


@pair
def names_of_a_body(second):
    return loop(1.5, "b" if second else "a")


@pair
def constant_of_a_body(second):
    return loop(2.5 if second else 1.5, "a")


def loop(addend, name):
    x, count = source((2, 4)), op.constant(np.int64(3))
    turn, value = op.parameter([], np.int64, name=f"turn_{name}"), op.parameter([2, 4], np.float32)
    body = ov.Model([op.result(called(op.add(value, weights(addend)), f"sum_{name}")),
                     op.result(op.constant(np.array(True)))], [turn, value], name)
    node = called(op.loop(count, op.constant(np.array(True))), "loop")
    node.set_function(body)
    node.set_special_body_ports([0, 1])
    node.set_merged_input(value, x.output(0), body.results[0].output(0))
    return model([node.get_iter_value(body.results[0].output(0), -1)], [x])


@pair
def variable_of_the_state(second):
    x = source((2, 4))
    name = "b" if second else "a"
    old = op.read_value(op.constant(np.zeros((2, 4), np.float32)), name, Type.f32, [2, 4])
    new = called(op.add(old, x), "sum")
    assign = op.assign(new, name)
    new.output(0).get_tensor().set_names({"y"})
    return ov.Model([called(op.result(new), "result_0")], [assign], [x], "m")


def noted(value):
    found = apply(op.relu)
    found.set_rt_info(value, ["runtime_options", "ACTIVATIONS_SCALE_FACTOR"])
    return found


@pair
def eighth_digit_of_a_note(second):
    return noted(0.51234564 if second else 0.51234561)


@pair
def text_of_a_number(second):
    return noted("1" if second else 1)


@pair
def fraction_of_a_number(second):
    return noted(1.0 if second else 1)


@pair
def note_of_the_precision(second):
    found = apply(op.relu)
    found.set_rt_info("u8" if second else "f16", ["runtime_options", "KV_CACHE_PRECISION"])
    return found


def values_for(port, number):
    shape = [d.get_length() if d.is_static else 3 for d in port.partial_shape]
    values = 3 * np.sin(np.arange(np.prod(shape)) + 1.0 + number).reshape(shape)
    kind = port.element_type.to_dtype()
    return ov.Tensor((np.abs(values) if kind == np.uint8 else values).astype(kind))


def ports_of(compiled):
    ports = compiled.inputs + compiled.outputs
    rows = [[port.node.friendly_name, sorted(port.names), port.any_name, str(port.partial_shape),
             str(port.element_type), str(layout_helpers.get_layout(port))] for port in ports]
    behind = [port.node.input_value(0).node.friendly_name for port in compiled.outputs]
    return [rows, behind]


def facts(compiled):
    """Everything that a program can observe of a compiled model."""
    request = compiled.create_infer_request()
    for number, port in enumerate(compiled.inputs):
        request.set_tensor(port.any_name, values_for(port, number))
    request.infer()
    outputs = [hashlib.sha256(request.get_tensor(port.any_name).data.tobytes()).hexdigest()[:16]
               for port in compiled.outputs]
    states = sorted(state.name for state in request.query_state())
    return {"loaded": bool(compiled.get_property("LOADED_FROM_CACHE")), "outputs": outputs,
            "ports": ports_of(compiled), "states": states}


def file_of(folder, name, second):
    return folder / f"{name}_{second}.xml"


def write(folder):
    for name, build in PAIRS.items():
        for second in (0, 1):
            ov.serialize(build(second), file_of(folder, name, second))


def compile_text(core, file):
    return core.compile_model(file.read_bytes(), "CPU", {},
                              weights=file.with_suffix(".bin").read_bytes())


def table(folder):
    found = {}
    for name, build in PAIRS.items():
        for second in (0, 1):
            file = file_of(folder, name, second)
            core = ov.Core()
            ways = {"memory": lambda: core.compile_model(build(second), "CPU"),
                    "path": lambda: core.compile_model(str(file), "CPU"),
                    "text": lambda: compile_text(core, file)}
            for way, compile_it in ways.items():
                found[f"{name}/{way}/{second}"] = facts(compile_it())
    return found


# Models to whose ports the compiler gives names that are not the model's own.

def several_outputs():
    x = source((2, 8))
    node = called(op.split(x, 1, 4), "split")
    return model([node.output(3), node.output(1)], [x])


def other_types():
    inputs = [source((2, 4), name, kind) for name, kind in
              (("f", np.float16), ("d", np.float64), ("i", np.int64), ("b", np.uint8))]
    values = [called(op.add(x, x), f"sum_{x.friendly_name}") for x in inputs]
    return model(values, inputs, outputs="opqr")


def input_as_output():
    x = source((2, 4))
    results = [called(op.result(x), "same"), called(op.result(op.relu(x)), "relu")]
    return ov.Model(results, [x], "m")


def outputs_of_one_value(*own):
    x = source((2, 4))
    y = called(op.relu(x), "last")
    y.output(0).get_tensor().set_names({"y"})
    results = [called(op.result(y), f"result_{n}") for n in range(len(own))]
    for result, name in zip(results, own):
        if name:
            result.output(0).get_tensor().set_names({name})
    return ov.Model(results, [x], "m")


def body_taken_out():
    x, value, other = source((2, 4)), op.parameter([2, 4], np.float32), op.parameter(
        [2, 4], np.float32)
    bodies = [ov.Model([called(op.result(called(f(v), n)), f"result_{n}")], [v], n)
              for f, v, n in ((op.relu, value, "then"), (op.tanh, other, "else"))]
    node = called(opset8.if_op(op.constant(np.array(True))), "choice")
    node.set_then_body(bodies[0])
    node.set_else_body(bodies[1])
    node.set_input(x.output(0), value, other)
    return model([node.set_output(bodies[0].results[0], bodies[1].results[0])], [x])


def nobody_named():
    x = op.parameter([2, 4], np.float32)
    turn, value = op.parameter([], np.int64), op.parameter([2, 4], np.float32)
    body = ov.Model([op.result(op.add(value, weights(3))), op.result(op.constant(np.array(True)))],
                    [turn, value])
    node = op.loop(op.constant(np.int64(3)), op.constant(np.array(True)))
    node.set_function(body)
    node.set_special_body_ports([0, 1])
    node.set_merged_input(value, x.output(0), body.results[0].output(0))
    return ov.Model([op.relu(node.get_iter_value(body.results[0].output(0), -1))], [x])


NAMED = {
    "several_outputs": several_outputs, "other_types": other_types,
    "input_as_output": input_as_output, "body_taken_out": body_taken_out,
    "first_has_own_name": lambda: outputs_of_one_value("a", ""),
    "last_has_own_name": lambda: outputs_of_one_value("", "a"),
    "all_have_own_names": lambda: outputs_of_one_value("a", "b", "c"),
    "nobody_named": nobody_named,
}


def append_to_names(graph, suffix):
    """Appends to every name, also of tensors, except the own names of results."""
    for node in graph.get_ordered_ops():
        node.set_friendly_name(node.friendly_name + suffix)
        if node.get_type_name() == "Result":
            continue
        for output in node.outputs():
            if output.get_names():
                output.get_tensor().set_names({name + suffix for name in output.get_names()})
    return graph


def names(suffix):
    for _ in suffix:
        op.parameter([1])  # generated names continue to count
    found = {}
    for name, build in NAMED.items():
        graph = append_to_names(build(), suffix) if name != "nobody_named" else build()
        asked = [[port.node.friendly_name, sorted(port.get_names())]
                 for port in graph.inputs + graph.outputs]
        found[name] = {**facts(ov.Core().compile_model(graph, "CPU")), "asked": asked}
    return found


class Own:
    pass


VALUES = {
    "bool": True, "int": 1 << 40, "float": 0.1, "str": "text", "bools": [True, False],
    "ints": [1, 2], "floats": [1.5, 2.5], "strs": ["a", "b"], "empty": [], "dict": {"a": "b"},
    "deep": {"a": {"b": 1}}, "type": Type.bf16, "none": None, "tuple": (1, 2), "own": Own(),
}


def values():
    """The result for run-time information of each type that Python may store."""
    found = {}
    for name, value in VALUES.items():
        graph = apply(lambda x: op.add(x, weights(len(found))))
        try:
            graph.set_rt_info(value, ["noted", name])
        except Exception:  # whatever OpenVINO says to it
            continue
        found[name] = facts(ov.Core().compile_model(graph, "CPU"))
    return found


def main():
    scenario, argument = sys.argv[1], sys.argv[2:]
    if scenario == "write":
        found = write(pathlib.Path(argument[0]))
    elif scenario == "table":
        found = table(pathlib.Path(argument[0]))
    elif scenario == "names":
        found = names(argument[0])
    else:
        found = values()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
