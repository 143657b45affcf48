"""A program that adds extensions to its core, and does not know of larder.

usage: extension_client.py SCENARIO WORD…
Prints what the scenario found, as JSON.
"""

import json
import sys

import numpy as np
import openvino as ov


def facts(compiled, values=(-1, 2)):
    return {"loaded": compiled.get_property("LOADED_FROM_CACHE"),
            "outputs": compiled(np.float32(values))[0].tolist()}


def compile_as(core, model, how, device="CPU"):
    return core.compile_model(model if how == "path" else core.read_model(model), device)


def scenario_operation(model, how, operation):
    """An extension defines an operation of an ONNX file."""
    from openvino.frontend.onnx import OpExtension
    core = ov.Core()
    core.add_extension(OpExtension(operation, "Mine", "test", {}, {}))
    return facts(compile_as(core, model, how))


def scenario_conversion(model, how, factor):
    """The same, in code that larder cannot see."""
    from openvino.frontend.onnx import ConversionExtension
    core = ov.Core()

    def convert(node):
        return [ov.opset13.multiply(node.get_input(0), ov.opset13.constant(np.float32(factor)))
                .output(0)]

    core.add_extension(ConversionExtension("Mine", "test", convert))
    return facts(compile_as(core, model, how))


def scenario_python_operation():
    """An operation whose code is Python."""
    class Mine(ov.Op):
        def __init__(self, inputs=None):
            super().__init__(self, inputs)

        def validate_and_infer_types(self):
            self.set_output_type(0, self.get_input_element_type(0),
                                 self.get_input_partial_shape(0))

        def clone_with_new_inputs(self, new_inputs):
            return Mine(new_inputs)

        def evaluate(self, outputs, inputs):
            outputs[0].shape = inputs[0].shape
            np.multiply(inputs[0].data, 3, out=outputs[0].data)
            return True

        def has_evaluate(self):
            return True

        def visit_attributes(self, visitor):
            return True

    x = ov.opset13.parameter([2], np.float32, name="x")
    mine = Mine([x])
    model = ov.Model([mine.output(0)], [x], "mine")
    return facts(ov.Core().compile_model(model, "CPU"))


def scenario_device(model, library):
    core = ov.Core()
    core.register_plugin(library, "MYCPU")
    return facts(core.compile_model(model, "MYCPU"))


def scenario_plain(model, how):
    return facts(compile_as(ov.Core(), model, how))


print(json.dumps(globals()["scenario_" + sys.argv[1]](*sys.argv[2:])))
