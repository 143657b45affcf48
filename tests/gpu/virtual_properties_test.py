"""Goal: properties of a GPU behind HETERO, AUTO or MULTI, set in any way, make separate entries if
and only if they decide a blob; and a hit with any property equals a compile with it, or, if the
runtime reads its own files, a hit of its own cache.

Method: like properties_test.py, with the same classes.
"""

import pathlib
import harness
from properties_test import IN_THE_KEY, RUN_TIME, Portraits

# The blob of HETERO contains the number of the GPU.
BEHIND = {name: values[0] for name, values in RUN_TIME.items() if name != "DEVICE_ID"}
# If a GPU has reserved the processor's cores, none are left for the CPU.
BESIDE_CPU = {name: value for name, value in BEHIND.items() if name != "ENABLE_CPU_RESERVATION"}
OF_CPU = {"ENABLE_CPU_PINNING": "YES", "INFERENCE_NUM_THREADS": "1", "NUM_STREAMS": "2"}


def nested(device, properties):
    return {"DEVICE_PROPERTIES": {device: properties}}


def each_nested(device, properties):
    return [nested(device, {name: value}) for name, value in properties.items()]


def each(properties):
    return [{name: value} for name, value in properties.items()]


class HeteroTest(Portraits):
    def check(self, sets, model, first, device="HETERO:GPU,CPU"):
        """All are hits except those in `first`."""
        expected, _ = self.portraits(sets, model, larder=False, device=device)
        found, loaded = self.portraits(sets, model, device=device)
        self.assertEqual([properties for properties, hit in zip(sets, loaded, strict=True)
                          if not hit], first)
        self.compare(sets, expected, found)
        # The others were hits already.
        again, loaded = self.portraits(first, model, device=device)
        self.assertEqual(loaded, [True] * len(first))
        self.compare(first, [expected[sets.index(each)] for each in first], again)

    def test_what_acts_at_run_time_shares_an_entry(self):
        sets = [{}, *each(BEHIND), *each_nested("GPU", BEHIND)]
        sets += each_nested("GPU.0", {"GPU_QUEUE_THROTTLE": "LOW"})
        # Properties that cannot be set for one device by name are in the key.
        self.check(sets, "layers", [{}, sets[-1]])

    def test_all_others_make_their_own(self):
        sets = [{}, *each_nested("GPU", IN_THE_KEY), *each({
            name: IN_THE_KEY[name] for name in ("NUM_STREAMS", "PERF_COUNT", "PERFORMANCE_HINT")})]
        self.check(sets, "layers", sets)

    def test_a_model_on_both(self):
        # Streams act only at run time on a CPU, but not on a GPU.
        shared = [*each_nested("CPU", OF_CPU), *each(BESIDE_CPU), {"INFERENCE_NUM_THREADS": "1"}]
        own = [{"NUM_STREAMS": "2"}, nested("GPU", {"NUM_STREAMS": "2"}),
               {**nested("GPU", {"NUM_STREAMS": "2"}), "PERFORMANCE_HINT": "THROUGHPUT"}]
        # The default of a processor that has no bf16.
        flags = pathlib.Path("/proc/cpuinfo").read_text()
        (own if "bf16" in flags else shared).append(
            nested("CPU", {"INFERENCE_PRECISION_HINT": "f32"}))
        self.check([{}, *shared, *own], "split", [{}, *own])

    def test_a_cpu_alone(self):
        self.check([{}, *each(OF_CPU), *each_nested("CPU", OF_CPU)], "layers", [{}], "HETERO:CPU")


class AutoTest(Portraits):
    def own_cache(self, sets, device):
        """The results of OpenVINO's own cache at a second start, each from a directory of its
        own."""
        with_directory = []
        for number, properties in enumerate(sets):
            folder = self.root / "own" / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            with_directory.append({**properties, "CACHE_DIR": str(folder)})
        self.portraits(with_directory, "layers", larder=False, device=device)
        found, loaded = self.portraits(with_directory, "layers", larder=False, device=device)
        self.assertEqual(loaded, [True] * len(sets))
        return found

    def check(self, device, sets, first):
        expected = self.own_cache(sets, device)
        found, loaded = self.portraits(sets, "layers", device=device)
        self.assertEqual([properties for properties, hit in zip(sets, loaded, strict=True)
                          if not hit], first)
        again, loaded = self.portraits(first, "layers", device=device)
        self.assertEqual(loaded, [True] * len(first))
        # Those that were compiled before are compared as hits.
        for properties, each in zip(first, again, strict=True):
            found[sets.index(properties)] = each
        self.compare(sets, expected, found)

    def test_properties_of_a_gpu_behind_auto(self):
        own = [{}, *each_nested("GPU", {name: IN_THE_KEY[name] for name in (
            "INFERENCE_PRECISION_HINT", "NUM_STREAMS", "PERF_COUNT")}),
            {"PERF_COUNT": "YES"}, {"PERFORMANCE_HINT": "THROUGHPUT"}]
        shared = [*each(BEHIND), *each_nested("GPU", {"GPU_QUEUE_THROTTLE": "LOW"})]
        self.check("AUTO:GPU", [*own, *shared], own)

    def test_properties_of_a_cpu_alone(self):
        own = [{}, {"PERF_COUNT": "YES"}]
        self.check("AUTO:CPU", [*own, *each(OF_CPU), *each_nested("CPU", OF_CPU)], own)

    def test_properties_of_a_gpu_behind_multi(self):
        own = [{}, nested("GPU", {"PERF_COUNT": "YES"}), {"NUM_STREAMS": "2"}]
        shared = [*each({"GPU_QUEUE_THROTTLE": "LOW"}), *each_nested("GPU", {
            "COMPILATION_NUM_THREADS": "1"})]
        self.check("MULTI:GPU", [*own, *shared], own)


if __name__ == "__main__":
    harness.main()
