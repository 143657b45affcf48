"""Goal: properties of the GPU that act only at run time make no separate entry, and a hit with any
property equals a compile with it.

Method: each property of the plugin is in one class here. A portrait of a compiled model holds its
properties, its kernels, its profile and its outputs: the portraits of a hit and of a compile must
be equal.
"""

import json
import pathlib
import sys

import harness
from gpu_test import WITH_GPU, GpuTest

PORTRAITS = [sys.executable, str(pathlib.Path(__file__).with_name("portraits.py"))]

# Values other than the default.
RUN_TIME = {
    "COMPILATION_NUM_THREADS": ["1"],
    "DEVICE_ID": ["0"],
    "ENABLE_CPU_PINNING": ["YES"],
    "ENABLE_CPU_RESERVATION": ["YES"],
    "GPU_HOST_TASK_PRIORITY": ["LOW", "HIGH"],
    "GPU_QUEUE_THROTTLE": ["LOW", "HIGH"],
}
# In the key. Some reach the blob; others decide settings of the plugin during a compile, see
# docs/key.md.
IN_THE_KEY = {
    "ACTIVATIONS_SCALE_FACTOR": "8.0",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "64",
    "EXECUTION_MODE_HINT": "ACCURACY",
    "GPU_DISABLE_WINOGRAD_CONVOLUTION": "YES",
    "GPU_ENABLE_LOOP_UNROLLING": "NO",
    "GPU_ENABLE_LORA_OPERATION": "NO",
    "GPU_ENABLE_SDPA_OPTIMIZATION": "NO",
    "GPU_QUEUE_PRIORITY": "HIGH",
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f16",
    "MODEL_PRIORITY": "LOW",
    "NUM_STREAMS": "2",
    "OFFLOAD_RATIO": "50",
    "PERFORMANCE_HINT": "THROUGHPUT",
    "PERFORMANCE_HINT_NUM_REQUESTS": "4",
    "PERF_COUNT": "YES",
}
# In the key as well; the rig has not enough memory to test it.
NOT_ON_THE_RIG = {"GPU_ENABLE_LARGE_ALLOCATIONS"}
# Settings of the runtime's own cache, or a reason to store nothing.
NO_INPUT = {"CACHE_DIR", "CACHE_MODE", "WEIGHTS_PATH"}
NEVER_KEPT = {"CACHE_ENCRYPTION_CALLBACKS", "CONFIG_FILE", "MODEL_PTR"}


class Portraits(GpuTest):
    def portraits(self, sets, model="dynamic", larder=True, device="GPU"):
        run = [harness.PROGRAM, "run", "--dir", self.dir, "--"] if larder else []
        command = [WITH_GPU, *run, *PORTRAITS, model, json.dumps(sets), device]
        found = self.done(self.run_bare(*command, timeout=480)).json_lines
        return [each["portrait"] for each in found], [each["loaded"] for each in found]

    def compare(self, sets, expected, found):
        for properties, one, other in zip(sets, expected, found, strict=True):
            with self.subTest(properties=properties):
                for part, value in one.items():
                    self.assertEqual(value, other[part])


class PropertiesTest(Portraits):
    def test_every_property_has_a_class(self):
        code = ("import openvino, json; print(json.dumps([name for name, kind in openvino.Core()"
                ".get_property('GPU', 'SUPPORTED_PROPERTIES').items() if kind != 'RO']))")
        writable = set(self.done(self.run_bare(WITH_GPU, sys.executable, "-c", code)).json)
        classes = [set(RUN_TIME), set(IN_THE_KEY), NOT_ON_THE_RIG, NO_INPUT, NEVER_KEPT]
        self.assertEqual(writable, set.union(*classes))
        self.assertEqual(len(writable), sum(len(each) for each in classes))

    def test_what_acts_at_run_time_shares_an_entry(self):
        sets = [{}, *({name: value} for name, values in RUN_TIME.items() for value in values)]
        expected, _ = self.portraits(sets, larder=False)
        found, loaded = self.portraits(sets)
        self.assertEqual(loaded, [False] + [True] * (len(sets) - 1))
        self.compare(sets, expected, found)
        blobs = [entry for entry in self.entries() if not entry["kernels_of"]]
        self.assertEqual(len(blobs), 1)

    def test_a_blob_compiled_with_it_serves_a_request_without_it(self):
        # And vice versa, without larder, which would restore more settings.
        [plain], _ = self.portraits([[{}, {}]], larder=False)
        ways = [[{name: value}, {}] for name, values in RUN_TIME.items() for value in values]
        found, _ = self.portraits(ways, larder=False)
        self.compare(ways, [plain] * len(ways), found)

    def test_a_hit_with_any_other_property_is_what_compiling_gives(self):
        sets = [{}, *({name: value} for name, value in IN_THE_KEY.items())]
        expected, _ = self.portraits(sets, "layers", larder=False)
        _, loaded = self.portraits(sets, "layers")
        self.assertEqual(loaded, [False] * len(sets))
        found, loaded = self.portraits(sets, "layers")
        self.assertEqual(loaded, [True] * len(sets))
        self.compare(sets, expected, found)


if __name__ == "__main__":
    harness.main()
