"""Goal: all files that the image and the manifest name exist, and their commands, run in the order
of the pods, compile each model once for all of them.

Method: the commands of the manifest and the image, with folders in place of volumes. No image is
built and no cluster is used, because this machine has neither.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess

import harness
import yaml

from models.folder import build

FOLDER = harness.EXAMPLES / "containers"
DOCKERFILE = FOLDER / "Dockerfile"
REPLICAS = 2


def instructions():
    """The words of each line of the Dockerfile; continued lines are joined."""
    text = re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text()).replace("\\\n", " ")
    return [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]


def values_of(instruction):
    return [value for name, value in instructions() if name == instruction]


def manifests():
    """By kind and name."""
    text = (FOLDER / "kubernetes.yaml").read_text()
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}


def pod():
    return manifests()[("Deployment", "inference")]["spec"]["template"]["spec"]


def container(kind, name):
    [found] = [each for each in pod()[kind] if each["name"] == name]
    return found


class DockerfileTest(harness.ExampleTest):
    def test_what_is_copied_is_there_and_not_ignored(self):
        ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
        copied = [source for value in values_of("COPY") for source in value.split()[:-1]
                  if not value.startswith("--from=build ")]
        self.assertNotEqual(copied, [])
        for source in copied:
            self.assertTrue((harness.ROOT / source).exists(), source)
            self.assertNotIn(source.split("/")[0], ignored)

    def test_what_is_built_lies_where_it_is_taken_from(self):
        self.assertTrue(os.access(harness.ROOT / values_of("RUN")[0], os.X_OK))
        script = (harness.ROOT / values_of("RUN")[0]).read_text()
        [folder] = re.findall(r" (\S+)/larder_openvino-\*.whl ", DOCKERFILE.read_text())
        self.assertIn(f"build_wheel.py build/release {folder})", script)
        for value in values_of("COPY"):
            if value.startswith("--from=build "):
                _, source, _ = value.split()
                self.assertIn(f" {source} ", values_of("RUN")[1])

    def test_what_is_started_was_copied(self):
        [(*sources, target)] = [value.split() for value in values_of("COPY")
                                if "examples/server" in value]
        _, program, *_ = json.loads(values_of("CMD")[0])
        self.assertIn(program, [target + source.split("/")[-1] for source in sources])

    def test_the_pins_are_those_that_are_tested(self):
        def pins(path):
            return set(re.findall(r"(?m)^\w+==\S+", path.read_text()))
        self.assertLessEqual(pins(harness.EXAMPLES / "server/requirements.txt"),
                             pins(harness.ROOT / "requirements/clients/web.txt"))


class ManifestTest(harness.ExampleTest):
    def containers(self):
        return [*pod()["initContainers"], *pod()["containers"]]

    def test_every_name_leads_somewhere(self):
        volumes = {volume["name"]: volume for volume in pod()["volumes"]}
        for each in self.containers():
            self.assertRegex(each["image"], r"^[a-z]+$", "an image of one's own")
            for mount in each["volumeMounts"]:
                self.assertIn(mount["name"], volumes)
            for source in each["envFrom"]:
                self.assertIn(("ConfigMap", source["configMapRef"]["name"]), manifests())
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                self.assertIn(("PersistentVolumeClaim", claim), manifests())
            if "configMap" in volume:
                self.assertIn(("ConfigMap", volume["configMap"]["name"]), manifests())
        claim = manifests()[("PersistentVolumeClaim", "larder")]
        self.assertEqual(claim["spec"]["accessModes"], ["ReadWriteMany"])

    def test_all_are_the_user_of_the_image_and_only_warm_writes_to_the_larder(self):
        security = pod()["securityContext"]
        user = f"{security['runAsUser']}:{security['runAsGroup']}"
        self.assertEqual(user, values_of("USER")[0])
        self.assertEqual(security["fsGroup"], security["runAsGroup"])
        for each in self.containers():
            self.assertFalse(each["securityContext"]["allowPrivilegeEscalation"])
            self.assertTrue(each["securityContext"]["readOnlyRootFilesystem"])
        for kind, name, only_reads in (("initContainers", "warm", None),
                                       ("containers", "server", True)):
            [mount] = [mount for mount in container(kind, name)["volumeMounts"]
                       if mount["name"] == "larder"]
            self.assertEqual(mount.get("readOnly"), only_reads)

    def test_the_limit_leaves_room_on_the_volume(self):
        settings = manifests()[("ConfigMap", "larder")]["data"]
        claim = manifests()[("PersistentVolumeClaim", "larder")]["spec"]["resources"]["requests"]
        limit = int(settings["LARDER_MAX_SIZE"].removesuffix("GiB"))
        self.assertLessEqual(limit, 0.95 * int(claim["storage"].removesuffix("Gi")))


class Pod:
    """Its containers, each as a command on this machine, with a folder for each volume."""

    def __init__(self, test, name, shared):
        self.test = test
        self.folders = {volume["name"]: test.make_volume(f"{name}-{volume['name']}")
                        for volume in pod()["volumes"] if volume["name"] not in shared} | shared
        configuration = manifests()[("ConfigMap", "inference-models")]["data"]
        for file, text in configuration.items():
            path = self.folders["configuration"] / file
            path.write_text(self.here(text, container("containers", "server")))

    def here(self, text, of):
        """With this machine's paths."""
        for mount in of["volumeMounts"]:
            text = re.sub(rf"{mount['mountPath']}(?=/|$)", str(self.folders[mount["name"]]), text)
        return text.replace("/opt/inference/server.py", str(harness.SERVER)).replace(
            "0.0.0.0", "127.0.0.1")

    def environment(self, of):
        settings = manifests()[("ConfigMap", "larder")]["data"] | {
            each["name"]: each["value"] for each in of.get("env", [])}
        return {"PATH": self.test.environment["PATH"], "PYTHONDONTWRITEBYTECODE": "1",
                **{name: self.here(value, of) for name, value in settings.items()}}

    def command(self, of, words):
        """The command can write only to its volumes that are not read-only."""
        writable = [self.folders[mount["name"]] for mount in of["volumeMounts"]
                    if not mount.get("readOnly")]
        before = harness.confined(["/", self.test.root], writable)
        return [*before, *(self.here(word, of) for word in words)]

    def warm(self):
        """The init container, running."""
        warm = container("initContainers", "warm")
        return subprocess.Popen(
            [*self.command(warm, warm["command"]), "--json"], env=self.environment(warm),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def serving(self):
        server = container("containers", "server")
        command = self.command(server, json.loads(values_of("CMD")[0]))
        return self.test.serving(*command, environment=self.environment(server))


class PodsTest(harness.ExampleTest):
    def make_volume(self, name):
        """Like an emptyDir: world-writable."""
        folder = self.root / name
        folder.mkdir()
        folder.chmod(0o777)
        return folder

    def outcomes_of(self, process):
        out, error = process.communicate(timeout=harness.SECONDS_MAX)
        self.assertEqual((process.returncode, error), (0, b""), out)
        return [json.loads(line)["outcome"] for line in out.splitlines()]

    def test_one_pod_compiles_and_every_server_loads(self):
        shared = {name: self.make_volume(name) for name in ("larder", "models")}
        dense = build("small-1mb", self.root, 0)
        for suffix in (".xml", ".bin"):
            shutil.copy(dense.with_suffix(suffix), shared["models"] / f"detector{suffix}")
        shutil.copy(build("onnx-tiny", self.root, 0), shared["models"] / "reader.onnx")

        pods = [Pod(self, f"pod{number}", shared) for number in range(REPLICAS)]
        warming = [each.warm() for each in pods]
        outcomes = list(zip(*(self.outcomes_of(process) for process in warming), strict=True))
        self.assertEqual(len(outcomes), 2)
        for of_one_model in outcomes:
            self.assertEqual(of_one_model.count("compiled"), 1, outcomes)
            self.assertNotIn("bypassed", of_one_model)

        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(each.serving()) for each in pods]
            for server in servers:
                self.assertEqual(server.starts, {"detector": ["loaded"], "reader": ["loaded"]})
                self.assertEqual(server.warnings, [])
                for each in ("startupProbe", "readinessProbe", "livenessProbe"):
                    probe = container("containers", "server")[each]["httpGet"]["path"]
                    self.assertEqual(server.ask("GET", probe)[0], 200)
            self.assertEqual(servers[0].infer("detector"), servers[1].infer("detector"))
            self.assertEqual(servers[0].infer("reader"), servers[1].infer("reader"))

    def test_a_volume_that_everybody_can_write_to_is_no_larder(self):
        folder = self.make_volume("volume")
        model = build("onnx-tiny", self.root, 0)
        report = self.larder("compile", "--best-effort", "--dir", folder, model)
        self.assertEqual(report["outcome"], "bypassed")
        self.assertIn("every user can write", report["reason"])


if __name__ == "__main__":
    harness.main()
