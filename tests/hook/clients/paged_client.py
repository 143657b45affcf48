"""Compiles a language model with paged attention, like openvino_genai.

    paged_client.py MODEL
"""

import json
import sys

import openvino as ov
from openvino._offline_transformations import paged_attention_transformation


def main():
    core = ov.Core()
    model = core.read_model(sys.argv[1])
    paged_attention_transformation(model)
    for parameter in model.get_parameters():
        if "cache." in parameter.get_friendly_name():
            parameter.set_element_type(ov.Type.f32)
    model.validate_nodes_and_infer_types()
    compiled = core.compile_model(model, "CPU")
    json.dump({"names": sorted(name for port in compiled.inputs for name in port.names)},
              sys.stdout)


main()
