"""A program that does not know of larder: compiles a model for a GPU, and prints how many bytes of
files whose paths contain a word are in its memory.

usage: memory_client.py MODEL WORD
"""

import json
import re
import sys

import openvino as ov
from models import MODELS


def resident_kb(word):
    """The mapped bytes of these files, and the resident part of them."""
    found = {"Size": 0, "Rss": 0}
    is_one = False
    with open("/proc/self/smaps", encoding="utf-8") as maps:
        for line in maps:
            if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
                is_one = word in line
            elif is_one and line.split(":")[0] in found:
                found[line.split(":")[0]] += int(line.split()[1])
    return found


model, inputs = MODELS[sys.argv[1]]()
compiled = ov.Core().compile_model(model, "GPU")
loaded = bool(compiled.get_property("LOADED_FROM_CACHE"))
ready = resident_kb(sys.argv[2])
compiled([inputs])
after = resident_kb(sys.argv[2])
del compiled
print(json.dumps({"loaded": loaded, "ready": ready, "after": after,
                  "at_last": resident_kb(sys.argv[2])}))
