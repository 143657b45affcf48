"""Checks larder on this machine's GPU and prints a report with all data that a maintainer needs.

usage: report.py --build DIRECTORY [--quick]
The checks are those of tests/gpu; checks that need the rig, such as another driver, are skipped on
a GPU.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import gpu as bench  # noqa: E402

SECONDS_MAX = 900
# A check of each kind.
QUICK = "GpuStale.ChangedWeights*:GpuDamage.ACompressed*:*AreLoaded*/dense"
GROUP = re.compile(r"\[-+\] \d+ tests? from (\S+?)(?:, where .*)? \((\d+) ms total\)")
RESULT = re.compile(r"\[ +(OK|FAILED|SKIPPED) +\] (\S+?)(?:, where .*)? \((\d+) ms\)")


def say(text=""):
    print(text, flush=True)


def processor_time():
    """Of all programs that this one has started, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Report:
    def __init__(self, build):
        self.program = build / "bin/larder"
        self.checks = build / "tests/gpu_tests"
        self.load_once = build / "bench/load_once"
        self.failed = 0

    def larder(self, *words):
        done = subprocess.run([self.program, *words], stdout=subprocess.PIPE, text=True,
                              timeout=SECONDS_MAX, check=False)
        return json.loads(done.stdout)

    def machine(self, folder):
        """The GPUs of this machine, by name."""
        facts = self.larder("doctor", "--dir", folder / "larder", "--json")
        cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
        say(f"larder     {facts['version']}")
        say(f"OpenVINO   {facts['openvino']}")
        say(f"system     {platform.platform()}")
        say(f"processor  {cpu[1] if cpu else 'unknown'}, {os.cpu_count()} logical, {memory:.0f} GB")
        gpus = []
        for device in facts["devices"]:
            what = device["error"] or device["full_name"]
            say(f"device     {device['name']}: {what}")
            if device["name"].startswith("GPU") and device["export_import"]:
                gpus.append(device["name"])
        if "OPENCL_LAYERS" in os.environ:
            say("           an OpenCL layer is loaded: no real GPU; the times say nothing")
        return gpus

    def requirements(self, folder, gpus):
        model = folder / "models/layers.xml"
        for gpu in gpus:
            words = ("--dir", folder / "larder")
            self.larder("compile", model, "--device", gpu, *words, "--json")
            for entry in self.larder("ls", *words, "--json")["entries"]:
                if entry["device"] != gpu:
                    continue
                shown = self.larder("show", entry["key"], *words, "--json")
                say(f"requires   {gpu}: {shown.get('requirements')}")

    def run_checks(self, quick):
        command = [self.checks, *([f"--gtest_filter={QUICK}"] if quick else [])]
        began, counts, last, said = time.monotonic(), {}, "", []
        spent, groups = processor_time(), {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as process:
            for line in process.stdout:
                found = RESULT.match(line)
                if found:
                    result, name, milliseconds = found.groups()
                    counts[result] = counts.get(result, 0) + 1
                    say(f"{result.lower():8} {int(milliseconds) / 1e3:6.1f} s  {name}")
                    if result != "OK":
                        say("".join(f"         | {text}" for text in said).rstrip())
                    last, said = "", []
                elif group := GROUP.match(line):
                    name = group[1].rpartition("/")[2]
                    groups[name] = groups.get(name, 0) + int(group[2]) / 1e3
                elif line.startswith("[ RUN"):
                    last, said = line.split("]")[1].strip(), []
                else:
                    said.append(line)
            code = process.wait()
        if last:
            say(f"ended    in {last}, with {code}")
            say("".join(f"         | {text}" for text in said[-20:]).rstrip())
        self.failed = counts.get("FAILED", 0) + (1 if last else 0)
        if code != 0 or not counts.get("OK"):
            self.failed = max(self.failed, 1)
        took = time.monotonic() - began
        summary = ", ".join(f"{number} {result.lower()}" for result, number in counts.items())
        for name, seconds in sorted(groups.items(), key=lambda group: -group[1]):
            say(f"group    {seconds:6.1f} s  {name}")
        say(f"checks   {summary or 'none ran'}, in {took:.0f} s, "
            f"{processor_time() - spent:.0f} s of it on processors")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="a check of each kind")
    arguments = parser.parse_args()
    report = Report(arguments.build)
    with tempfile.TemporaryDirectory(prefix="larder-gpu-check-") as folder:
        folder = pathlib.Path(folder)
        gpus = report.machine(folder)
        if not gpus:
            say("\nOpenVINO finds no GPU here. See that its driver (intel-opencl-icd) is")
            say("installed, and that this user may open /dev/dri/renderD128.")
            return 1
        bench.prepare(folder / "models")
        report.requirements(folder, gpus)
        say()
        report.run_checks(arguments.quick)
        say(f"\ntimes to the first answer, and the most memory of the process, on {gpus[0]}")
        rounds, models = (1, bench.MODELS[:1]) if arguments.quick else (3, bench.MODELS)
        for line in bench.table(report.load_once, folder / "models", gpus[0], rounds, models):
            say(line)
    say(f"\n{'FAILED: ' + str(report.failed) if report.failed else 'all is well'}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
