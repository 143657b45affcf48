"""Goal: the Debian packages work for an ordinary user whose OpenVINO is in a virtual environment,
and leave nothing behind.

Method: in a new Debian, which try_packages makes and removes: an older version is installed, then
these packages over it. The user runs the program, Tab in each shell, man, and a compiler. The test
removes the packages at the end.
"""

import json
import os
import pathlib
import pty
import pwd
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.request

PACKAGES = pathlib.Path("/packages")
NAMES = ("larder", "liblarder0", "liblarder-dev")
HOME = pathlib.Path("/home/user")
VENV = HOME / "venv"
OLD = HOME / "old"  # with an OpenVINO of an older release
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
OPENVINO = VENV / "lib/python3.11/site-packages/openvino"
TAB_SECONDS = 60  # a limit; the shells answer at once

PROGRAM = """
import sys
import openvino as ov
from openvino import opset8 as ops
assert "larder" not in sys.modules
input = ops.parameter([1, int(sys.argv[1])], ov.Type.f32)
model = ov.Model([ops.relu(input)], [input])
if len(sys.argv) > 2:
    ov.save_model(model, sys.argv[2])
else:
    ov.Core().compile_model(model, "CPU")
"""


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600, check=False, **options)


def apt(*words):
    done = run("apt-get", "-q", "-y", *map(str, words))
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)


def files_of_larder():
    """All files of the system that a package of larder may have made."""
    found = run("find", "/", "-xdev", "-iname", "*larder*", "-not", "-path", "/packages/*",
                "-not", "-path", f"{HOME}/*", "-not", "-path", "/proc/*").stdout
    return set(found.split())


def visible(shown):
    """The text that a terminal shows, without colours and characters that were overwritten."""
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\x1b[=>]", "", shown)
    return re.sub(r".\x08", "", plain)


def as_older(package, folder):
    """The same package with an older version."""
    run("dpkg-deb", "-R", package, folder)
    control = folder / "DEBIAN/control"
    text = control.read_text()
    version = re.search(r"(?m)^Version: (.*)$", text)[1]
    control.write_text(text.replace(version, "0.0.1-1"))
    older = folder.with_suffix(".deb")
    run("dpkg-deb", "-b", folder, older)
    return older


class PackagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before = files_of_larder()
        apt("update")
        packages = [next(PACKAGES.glob(f"{name}_*.deb")) for name in NAMES]
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            program, *libraries = [as_older(package, pathlib.Path(folder, package.stem))
                                   for package in packages]
            apt("install", program)  # it needs no other package of larder
            run("larder", "--version").check_returncode()
            apt("install", *libraries)
        apt("install", "--no-install-recommends", *packages)

    @classmethod
    def tearDownClass(cls):
        apt("purge", *NAMES)
        left = files_of_larder() - cls.before
        if left:
            raise AssertionError(f"the packages leave files: {sorted(left)}")

    def setUp(self):
        self.home = HOME / self.id().rsplit(".", 1)[1]
        self.home.mkdir()
        shutil.chown(self.home, "user", "user")
        (self.home / "program.py").write_text(PROGRAM)

    def user(self, *command, code=0, stream="stdout", venv=True, **variables):
        """Runs a command of the user, and returns what it writes there."""
        environment = {"HOME": str(self.home), "PATH": f"{VENV}/bin:{SYSTEM}" if venv else SYSTEM,
                       "LANG": "C.UTF-8", **variables}
        if venv:
            environment["VIRTUAL_ENV"] = str(VENV)
        done = run(*command, user="user", group="user", extra_groups=[], cwd=self.home,
                   env=environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return getattr(done, stream)

    def test_files_are_those_of_the_packages(self):
        self.assertEqual(run("dpkg", "--verify", *NAMES).stdout, "")
        self.assertEqual(shutil.which("larder"), "/usr/bin/larder")
        for library in pathlib.Path("/usr/lib/larder").rglob("*.so*"):
            missing = [line.split()[0] for line in run("ldd", library).stdout.splitlines()
                       if "not found" in line]
            self.assertLessEqual({name.rsplit(".", 1)[0] for name in missing},
                                 {"libopenvino.so"}, library)

    def test_without_OpenVINO(self):
        self.assertRegex(self.user("larder", "--version", venv=False), r"^larder \d")
        self.user("larder", "ls", venv=False)
        self.assertEqual(self.user("larder", "run", "echo", "here", venv=False), "here\n")
        said = self.user("larder", "compile", "model.xml", venv=False, code=1,
                         stream="stderr")
        self.assertIn("pip install openvino==", said)

    def test_without_proc(self):
        said = run("unshare", "--mount", "--propagation", "unchanged", "sh", "-c",
                   "mount -t tmpfs none /proc && larder --version && larder ls",
                   env={"HOME": str(self.home), "PATH": SYSTEM})
        self.assertRegex(said.stdout, r"^larder \d", said.stderr)

    def test_a_user_with_a_virtual_environment(self):
        doctor = json.loads(self.user("larder", "doctor", "--json"))
        self.assertNotIn("error", [finding["severity"] for finding in doctor["findings"]], doctor)
        self.assertIn(str(OPENVINO), json.dumps(doctor))
        self.user("python", "program.py", 16, "model.xml")
        for outcome in "compiled", "loaded":
            report = json.loads(self.user("larder", "compile", "model.xml", "--json"))
            self.assertEqual(report["outcome"], outcome)
        self.assertIn("hit", self.user("larder", "why", "model.xml"))
        for outcome in "compiled", "loaded":
            report = json.loads(self.user("larder", "compile", "--openvino", OLD, "model.xml",
                                          "--json", venv=False))
            self.assertEqual(report["outcome"], outcome)
        entries = json.loads(self.user("larder", "ls", "--json"))["entries"]
        self.assertEqual([entry["model"] for entry in entries], [str(self.home / "model.xml")] * 2)
        self.user("larder", "verify")

    def test_programs_are_served_whether_the_environment_is_active_or_not(self):
        for size, venv, python in ((32, True, "python"), (64, False, VENV / "bin/python"),
                                   (64, False, OLD / "bin/python")):
            for outcome in "compiled", "loaded":
                said = self.user("larder", "run", "--report", python, "program.py", size,
                                 stream="stderr", venv=venv)
                self.assertIn(f"1 {outcome}", said)

    def test_entries_are_shared(self):
        self.user("larder", "key", "generate", "larder.key")
        self.user("python", "program.py", 128, "shared.xml")
        self.user("larder", "compile", "shared.xml")
        (self.home / "storage").mkdir()
        shutil.chown(self.home / "storage", "user", "user")
        self.user("larder", "push", f"file://{self.home}/storage", "--sign", "larder.key")
        self.assertTrue(any((self.home / "storage").iterdir()))

    def test_the_dashboard(self):
        with subprocess.Popen(["larder", "serve", "--port", "0", "--json"], text=True,
                              stdout=subprocess.PIPE, cwd=self.home, user="user", group="user",
                              env={"HOME": str(self.home), "PATH": SYSTEM}) as server:
            port = json.loads(server.stdout.readline())["port"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as reply:
                self.assertIn(b"larder_", reply.read())
            server.terminate()

    def test_the_manual(self):
        page = self.user("man", "larder", MANPAGER="cat", MANWIDTH="200")
        verbs = re.findall(r"(?m)^  (\w+)  ", self.user("larder", "--help"))
        self.assertIn("compile", verbs)
        for verb in verbs:
            self.assertRegex(page, rf"(?m)^ +larder {verb}\b")
        [file] = self.user("man", "-w", "larder").split()
        self.assertIn("larder - ", self.user("lexgrog", file))
        # Of the manual's own index, which `apropos` reads.
        run("mandb", "-q")
        self.assertIn("OpenVINO", self.user("whatis", "larder"))

    def typed(self, shell, keys, expected):
        """Types into a shell of the user, on a terminal, until it shows `expected`."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            user = pwd.getpwnam("user")
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            os.execve(shell[0], shell, {"HOME": str(self.home), "PATH": SYSTEM, "TERM": "xterm",
                                        "LANG": "C.UTF-8", "PS1": "% "})
        shown, end = "", time.monotonic() + TAB_SECONDS
        try:
            os.write(terminal, keys.encode())
            while expected not in visible(shown) and time.monotonic() < end:
                if select.select([terminal], [], [], 1)[0]:
                    shown += os.read(terminal, 4096).decode(errors="replace")
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(terminal)
        self.assertIn(expected, visible(shown))

    def test_bash_completes(self):
        shutil.copy("/etc/skel/.bashrc", self.home)
        self.typed(["/bin/bash", "-i"], "larder doct\t--retr\t", "larder doctor --retry")

    def test_zsh_completes(self):
        (self.home / ".zshrc").write_text("autoload -Uz compinit; compinit\n")
        self.typed(["/bin/zsh", "-i"], "larder doct\t--retr\t", "doctor --retry")

    def test_fish_completes(self):
        self.assertIn("doctor\t", self.user("fish", "-c", "complete -C 'larder doct'"))
        self.assertIn("--retry\t", self.user("fish", "-c", "complete -C 'larder doctor --retr'"))
        said = self.user("fish", "-c", "complete -C 'larder compile mod'")
        self.assertNotIn("doctor", said)

    def test_programs_are_built(self):
        for project in "store", "larder":
            folder = self.home / project
            self.user("cmake", "-S", PACKAGES / "test/consumer" / project, "-B", folder,
                      f"-DOpenVINO_DIR={OPENVINO}/cmake")
            self.user("cmake", "--build", folder)
            self.user(folder / "consumer", self.home / f"{project}.larder")
        flags = self.user("pkg-config", "--cflags", "--libs", "larder-store").split()
        self.user("g++", "-std=c++20", PACKAGES / "test/consumer/store/main.cpp", *flags, "-o",
                  "with_pkg_config")
        self.user(self.home / "with_pkg_config", self.home / "pkg-config.larder")


if __name__ == "__main__":
    unittest.main(verbosity=2)
