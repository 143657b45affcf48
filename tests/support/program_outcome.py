"""The end of a program, for tests that start programs."""

import json


class Outcome:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout.decode()
        self.error = process.stderr.decode()

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def json_lines(self):
        return [json.loads(line) for line in self.lines]

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def warnings(self):
        """The lines of larder. A frontend of the runtime may have written others."""
        return [line for line in self.error.splitlines() if line.startswith("larder: ")]

    def __str__(self):
        return f"exit code {self.code}\n--- out\n{self.out}--- error\n{self.error}"
