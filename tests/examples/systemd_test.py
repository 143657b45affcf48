"""Goal: systemd accepts the units, and their commands, in the order of an installation, compile
each model once and remove stale entries, with only the write access and the system calls of the
units.

Method: the units' own commands, with test folders in place of system folders. systemd itself starts
nothing here.
"""

import configparser
import ctypes.util
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import unittest

import harness

from models.folder import build

FOLDER = harness.EXAMPLES / "systemd"
CAN_FILTER = shutil.which("systemd-analyze") and ctypes.util.find_library("seccomp")
UNITS = sorted(path for kind in ("service", "timer") for path in FOLDER.glob(f"*.{kind}"))


def read_unit(name):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string((FOLDER / name).read_text())
    return unit


class SystemdTest(harness.ExampleTest):
    def setUp(self):
        super().setUp()
        self.places = {
            "%C": self.root / "cache", "%S": self.root / "state",
            "/srv/models": self.root / "models", "/etc/inference": self.root / "etc",
            "/opt/inference/venv/bin": harness.BIN,
            "/opt/inference/server.py": harness.SERVER}

    def here(self, text):
        """With this machine's paths."""
        for place, path in self.places.items():
            text = text.replace(place, str(path))
        return text

    def command(self, name):
        """Of a unit; with ProtectSystem=strict, only its own directories can be written to."""
        service = read_unit(name)["Service"]
        self.assertEqual(service["ProtectSystem"], "strict")
        own = [self.places["%C"] / service["CacheDirectory"],
               self.places["%S"] / service["StateDirectory"]]
        for folder in own:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return [*harness.confined(["/", self.root], own), *self.filtered(service),
                *shlex.split(self.here(service["ExecStart"]))]

    def filtered(self, service):
        """The prefix of a command that may use only the service's system calls."""
        if "SystemCallFilter" not in service:
            return []
        if not CAN_FILTER:
            print("not tried: SystemCallFilter=, which takes systemd-analyze and libseccomp")
            return []
        return [sys.executable, pathlib.Path(__file__).with_name("system_calls.py"),
                service["SystemCallFilter"], "--"]

    def variables(self, name):
        """Of a unit."""
        words = shlex.split(self.here(read_unit(name)["Service"]["Environment"]))
        return {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "INVOCATION_ID": "0",
                **dict(word.split("=", 1) for word in words)}

    def run_unit(self, name, *words):
        return self.run_command(*self.command(name), *words, environment=self.variables(name))

    def install(self):
        """Models, and the files that name them."""
        models, configuration = self.places["/srv/models"], self.places["/etc/inference"]
        models.mkdir()
        configuration.mkdir()
        dense = build("small-1mb", self.root, 0)
        for suffix in (".xml", ".bin"):
            shutil.copy(dense.with_suffix(suffix), models / f"detector{suffix}")
        shutil.copy(build("onnx-tiny", self.root, 0), models / "reader.onnx")
        text = (FOLDER / "models.toml").read_text()
        (configuration / "models.toml").write_text(self.here(text))

    def test_models_are_compiled_ahead_and_removed_when_they_are_gone(self):
        self.install()
        self.run_unit("larder-prune.service")  # nothing was kept yet
        self.run_unit("inference-warm.service")
        self.assertTrue((self.root / self.here("%C/larder/larder.json")).exists())
        variables = self.variables("inference.service")
        with self.serving(*self.command("inference.service"), environment=variables) as server:
            self.assertEqual(server.starts, {"detector": ["loaded"], "reader": ["loaded"]})
            self.assertEqual(server.warnings, [])
        self.assertEqual(self.outcomes(variables),
                         {"compiled": 2, "loaded": 2, "waited": 0, "bypassed": 0})

        self.run_unit("larder-prune.service")
        self.assertEqual(len(self.larder("ls", environment=variables)["entries"]), 2)
        (self.places["/srv/models"] / "reader.onnx").unlink()
        self.run_unit("larder-prune.service")
        [left] = self.larder("ls", environment=variables)["entries"]
        self.assertRegex(left["model"], "detector.xml$")

    def test_all_units_share_one_larder(self):
        services = [read_unit(path.name)["Service"] for path in UNITS if path.suffix == ".service"]
        for setting in ("User", "CacheDirectory", "StateDirectory", "Environment", "UMask"):
            self.assertEqual(len({service[setting] for service in services}), 1, setting)
        user = services[0]["User"]
        self.assertIn(f"u {user} ", (FOLDER / "inference.sysusers.conf").read_text())

    def test_what_is_warmed_is_what_is_served(self):
        warmed = shlex.split(read_unit("inference-warm.service")["Service"]["ExecStart"])
        properties = dict(word.removeprefix("--property=").split("=") for word in warmed
                          if word.startswith("--property="))
        served = tomllib.loads((FOLDER / "models.toml").read_text()).values()
        self.assertEqual([model["path"] for model in served], warmed[-2:])
        self.assertEqual([model["properties"] for model in served], [properties] * 2)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_takes_the_units(self):
        copies = [self.root / path.name for path in UNITS]
        for path, copy in zip(UNITS, copies, strict=True):
            # Its programs must exist.
            copy.write_text(path.read_text().replace("/opt/inference/venv/bin", str(harness.BIN)))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *copies], check=False,
                              env={"PATH": "/usr/bin:/bin"}, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=harness.SECONDS_MAX)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    harness.main()
