"""A program that uses OpenVINO's own cache on a GPU.

usage: fill_cache.py DIRECTORY
"""

import sys

import openvino as ov
from models import MODELS

core = ov.Core()
model, inputs = MODELS["dynamic"]()
compiled = core.compile_model(model, "GPU", {"CACHE_DIR": sys.argv[1]})
compiled([inputs])
