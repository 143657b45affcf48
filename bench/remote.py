"""larder pull and push over loopback, in turns with curl: one object, verified and durable, against
curl writing the same bytes to files in four ranges and syncing them, and against `curl -T`.

Server and clients share the machine. Compare the ratios of one run.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "storages"))

import servers  # noqa: E402

RANGES = 4


class Bench:
    def __init__(self, options):
        self.options = options
        self.root = pathlib.Path(options.directory).resolve()
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        self.bytes = options.megabytes << 20
        self.environment = {"HOME": str(self.root), "PATH": os.environ["PATH"]}
        subprocess.run([options.large_entry, self.root / "from", str(self.bytes), "7"], check=True,
                       stdout=subprocess.DEVNULL)
        self.object = max((self.root / "from" / "objects").rglob("*"),
                          key=lambda path: path.stat().st_size if path.is_file() else 0)
        if options.s3:
            self.server = servers.Ceph(self.root)
            servers.S3(self.server.url).done("PUT", "/models")
            self.url = "s3://models/fleet?unsigned"
            self.base = f"{self.server.url}/models/"
            self.environment |= {"AWS_ACCESS_KEY_ID": servers.KEY,
                                 "AWS_SECRET_ACCESS_KEY": servers.SECRET,
                                 "AWS_ENDPOINT_URL": self.server.url}
        else:
            self.server = servers.Nginx(self.root)
            self.url = f"{self.server.url}/fleet?unsigned"
            self.base = f"{self.server.url}/"

    def curl(self, *words):
        """Sends and reads where anybody may: a bucket's signature would need another client."""
        return subprocess.Popen(["curl", "--silent", "--fail", *map(str, words)],
                                stdout=subprocess.DEVNULL)

    @staticmethod
    def ended(*processes):
        for process in processes:
            if process.wait(timeout=3600) != 0:
                raise SystemExit("bench: curl failed")

    def larder(self, verb, directory):
        subprocess.run([self.options.larder, verb, self.url, "--dir", directory], check=True,
                       env=self.environment, stdout=subprocess.DEVNULL)

    def timed(self, work):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        work()
        seconds = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return seconds, cpu

    def stored(self):
        return f"fleet/objects/{self.object.parent.name}/{self.object.name}"

    def pull_by_curl(self):
        part = -(-self.bytes // RANGES)
        files = [self.root / f"part{index}" for index in range(RANGES)]
        self.ended(*(self.curl("-o", file, "-r", f"{index * part}-{(index + 1) * part - 1}",
                               self.base + self.stored()) for index, file in enumerate(files)))
        subprocess.run(["sync", *files], check=True)
        for file in files:
            file.unlink()

    def push_by_curl(self):
        self.ended(self.curl("-T", self.object, self.base + "fleet/curl"))

    def pull(self):
        shutil.rmtree(self.root / "to", ignore_errors=True)
        self.larder("pull", self.root / "to")

    def push(self):
        self.larder("push", self.root / "from")

    def forget(self):
        if self.options.s3:
            servers.S3(self.server.url).call("DELETE", f"/models/{self.stored()}")
        else:
            shutil.rmtree(self.server.files / "fleet", ignore_errors=True)

    def run(self):
        contenders = {"push": self.push, "pull": self.pull}
        if not self.options.s3:
            contenders |= {"curl -T": self.push_by_curl, "curl, 4 ranges": self.pull_by_curl}
        taken = {name: [] for name in contenders}
        for _ in range(self.options.rounds):
            self.forget()
            for name in ("curl -T", "push", "curl, 4 ranges", "pull"):
                if name in contenders:
                    taken[name].append(self.timed(contenders[name]))
        return {name: {"mb_per_s": round(self.bytes / 1e6 / statistics.median(
                           seconds for seconds, _ in rounds)),
                       "cpu_s_per_gb": round(statistics.median(
                           cpu for _, cpu in rounds) / (self.bytes / 1e9), 2)}
                for name, rounds in taken.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--larder", required=True)
    parser.add_argument("--large-entry", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    bench = Bench(options)
    try:
        report = bench.run()
    finally:
        bench.server.stop()
        shutil.rmtree(bench.root, ignore_errors=True)
    print(f"{'':16}{'MB/s':>8}{'CPU s/GB':>10}")
    for name, figures in report.items():
        print(f"{name:16}{figures['mb_per_s']:>8}{figures['cpu_s_per_gb']:>10}")
    for name, against in (("push", "curl -T"), ("pull", "curl, 4 ranges")):
        if against in report:
            ratio = report[name]["mb_per_s"] / report[against]["mb_per_s"]
            print(f"{name} is {ratio:.2f} of {against}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
