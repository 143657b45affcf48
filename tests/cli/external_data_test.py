"""Goal: a model with data in another file is compiled if and only if OpenVINO reads it, for every
way of naming the file.

Method: one ONNX model for each way of naming; OpenVINO itself reads it, and the program compiles
it.
"""

import onnx
import openvino
from onnx import TensorProto, helper

import harness
from harness import ProgramTest

FLOATS = 4
DATA = bytes(4 * FLOATS)


def model_with_data_in(location):
    data = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[FLOATS],
                       data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", str(len(DATA)))):
        data.external_data.add(key=key, value=value)
    value = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [FLOATS])
             for name in ("x", "y")}
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [value["x"]],
                              [value["y"]], [data])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


class ExternalDataTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.folder = self.root / "above/folder"
        (self.folder / "sub").mkdir(parents=True)
        for name in ("w", "w..x", "..w", "a\\w", " w", "sub/w", "../w"):
            (self.folder / name).write_bytes(DATA)
        (self.folder / "link").symlink_to("sub")
        (self.folder / "linked").symlink_to("sub/w")

    def openvino_reads(self, model):
        try:
            openvino.Core().read_model(model)
        except RuntimeError:
            return False
        return True

    def test_the_same_as_openvino(self):
        here = str(self.folder)
        read = ["w", "./w", "sub/w", "sub//w", "sub/./w", "sub/../w", "none/../w", "w..x", "..w",
                "a\\w", " w", "../folder/w", "sub/../../folder/w", f"{here}/w", f"{here}/sub/../w",
                f"{here}/../folder/w", "link/w", "linked", f"{here}/link/w"]
        not_read = ["../w", "sub/../../w", "none", "/w", f"{here}/../w", "/dev/zero"]
        for location in read + not_read:
            with self.subTest(location):
                model = self.folder / "model.onnx"
                onnx.save(model_with_data_in(location), model)
                self.assertEqual(self.openvino_reads(model), location in read)
                run = self.larder("compile", model, "--json")
                self.assertEqual(run.code == 0, location in read, run)
                if location in read:
                    self.assertIn(run.json["outcome"], ("compiled", "loaded"), run)


if __name__ == "__main__":
    harness.main()
