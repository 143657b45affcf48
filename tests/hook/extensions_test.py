"""Goal: a stored model is served only to a program whose core has the same extensions and devices.

Method: programs change the extensions of their core, and not the model; each must get the same
numbers as without larder, and a hit if nothing changed.
"""

import os
import pathlib
import shutil
import struct

import harness
import onnx
from onnx import TensorProto, helper

PROGRAM = [*harness.PYTHON[:1], str(harness.CLIENTS / "extension_client.py")]
CPU_PLUGIN = str(pathlib.Path(harness.OPENVINO).parent / "libopenvino_intel_cpu_plugin.so")


def port(number, names=""):
    return f'<port id="{number}" precision="FP32"{names}><dim>4</dim></port>'


def layer(number, kind, version, data, inputs, outputs):
    inputs = f"<input>{''.join(port(n) for n in inputs)}</input>" if inputs else ""
    outputs = f"<output>{outputs}</output>" if outputs else ""
    return (f'<layer id="{number}" name="n{number}" type="{kind}" version="{version}">'
            f"{data}{inputs}{outputs}</layer>")


def write_scale(folder, folds):
    """y = Scale(10) + x, or y = Scale(x): with a constant, the compiler runs the operation."""
    layers = [
        layer(0, "Parameter", "opset1", '<data shape="4" element_type="f32"/>', [],
              port(0, ' names="x"')),
        layer(1, "Scale", "larder", "", [0], port(1)),
        layer(2, "Result", "opset1", "", [0], ""),
        layer(3, "Const", "opset1", '<data element_type="f32" shape="4" offset="0" size="16"/>',
              [], port(0)),
        layer(4, "Add", "opset1", '<data auto_broadcast="numpy"/>', [0, 1], port(2)),
    ]
    edges = [(3, 0, 1, 0), (0, 0, 4, 0), (1, 1, 4, 1), (4, 2, 2, 0)]
    if not folds:
        layers, edges = layers[:3], [(0, 0, 1, 0), (1, 1, 2, 0)]
    path = folder / ("folded.xml" if folds else "plain.xml")
    path.with_suffix(".bin").write_bytes(struct.pack("4f", 10, 10, 10, 10))
    path.write_text(
        f'<?xml version="1.0"?><net name="m" version="11"><layers>{"".join(layers)}</layers><edges>'
        + "".join(f'<edge from-layer="{a}" from-port="{b}" to-layer="{c}" to-port="{d}"/>'
                  for a, b, c, d in edges) + "</edges></net>")
    return path


def write_onnx(folder, operation="Mine", domain="test"):
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy"]
    nodes = [helper.make_node(operation, ["x"], ["y"], domain=domain)]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("test", 1)]
    model = helper.make_model(helper.make_graph(nodes, "g", info[:1], info[1:]),
                              opset_imports=opsets, ir_version=9)
    path = folder / f"{operation}.onnx"
    onnx.save(model, path)
    return path


class ExtensionsTest(harness.HookTest):
    def library(self, factor, name="own.so"):
        """A new build of the library."""
        path = self.root / name
        shutil.copy(harness.BUILT / f"libscale_by_{factor}.so", f"{path}~")
        os.rename(f"{path}~", path)
        return path

    def start(self, *command, **options):
        """The findings of a program, which must be the same as without larder, and whether it was a
        hit."""
        plain = self.unserved(*command, **options).json
        self.assertFalse(plain.pop("loaded"))
        found = self.served(*command, **options).json
        loaded = found.pop("loaded")
        self.assertEqual(found, plain)
        return loaded

    def client(self, model, how, library, factor=2):
        return [harness.BUILT / f"scale_client_{factor}", model, how, library]

    def test_a_rebuilt_library_is_another(self):
        model = write_scale(self.root, folds=True)
        for how in ("path", "model"):
            loaded = [self.start(*self.client(model, how, self.library(factor)))
                      for factor in (2, 2, 3, 3, 2)]
            self.assertEqual(loaded, [False, True, False, True, True], how)

    def test_the_place_of_a_library_does_not_count(self):
        model = write_scale(self.root, folds=True)
        self.assertFalse(self.start(*self.client(model, "path", self.library(2))))
        other = self.folder("other")
        self.assertTrue(self.start(*self.client(model, "path", self.library(2, other / "own.so"))))

    def test_an_operation_that_runs_in_the_compiled_model_is_imported(self):
        model = write_scale(self.root, folds=False)
        for how in ("path", "model"):
            for library in (self.library(2), "-"):
                command = self.client(model, how, library)
                self.assertEqual([self.start(*command) for _ in range(2)], [False, True])
                shutil.rmtree(self.dir)

    def test_an_operation_of_the_program_is_known_by_the_program(self):
        model = write_scale(self.root, folds=True)
        for how in ("path", "model"):
            loaded = [self.start(*self.client(model, how, "-", factor)) for factor in (2, 2, 3, 3)]
            # By path the file is read first, and is then a model in memory.
            expected = [False, True, False, True] if how == "path" else [True] * 4
            self.assertEqual(loaded, expected, how)

    def test_a_file_means_what_the_extension_says(self):
        model = write_onnx(self.root)
        for scenario, words in (("operation", ("Relu", "Sigmoid")), ("conversion", ("2", "3"))):
            for how in ("path", "model"):
                loaded = [self.start(*PROGRAM, scenario, model, how, word)
                          for word in (words[0], words[0], words[1], words[1], words[0])]
                expected = [False, True, False, True, True] if how == "path" else [True] * 5
                self.assertEqual(loaded, expected, f"{scenario} by {how}")

    def test_a_model_without_extensions_is_found_by_its_file(self):
        model = write_onnx(self.root, "Relu", "")
        self.assertEqual([self.start(*PROGRAM, "plain", model, "path") for _ in range(2)],
                         [False, True])
        keys = self.larder("ls")["entries"]
        self.assertEqual([entry["kind"] for entry in keys], ["onnx"])

    def test_an_operation_in_python_is_never_kept(self):
        command = [*PROGRAM, "python_operation"]
        self.assertEqual([self.start(*command) for _ in range(2)], [False, False])
        self.assertEqual(self.outcomes()["bypassed"], 2)

    def test_a_rebuilt_device_is_another(self):
        model = write_onnx(self.root, "Relu", "")
        device = self.root / "mine.so"

        def start(version):
            shutil.copy(harness.BUILT / f"libforwarding_plugin_{version}.so", f"{device}~")
            os.rename(f"{device}~", device)
            return self.start(*PROGRAM, "device", model, device,
                              environment={"LARDER_CPU_PLUGIN": CPU_PLUGIN})

        self.assertEqual([start(version) for version in (1, 1, 2, 2, 1)],
                         [False, True, False, True, True])


if __name__ == "__main__":
    harness.main()
