"""A program that uses OpenVINO's own cache. usage: own_cache.py MODEL CACHE_DIR"""

import sys

import openvino

openvino.Core().compile_model(sys.argv[1], "CPU", {"CACHE_DIR": sys.argv[2]})
