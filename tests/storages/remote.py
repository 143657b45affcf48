"""The duties of every storage behind a network: a larder that pushes, and another that pulls."""

import os
import shutil
import subprocess

from harness import ProgramTest

LARGE_ENTRY = os.environ["LARDER_LARGE_ENTRY"]
MIB = 1 << 20


class RemoteTest(ProgramTest):
    """`self.url` is the storage; `self.settings` are the variables with which it is reached."""

    def setUp(self):
        super().setUp()
        self.other = self.root / "other"
        self.signing = self.root / "team.key"
        self.public = self.root / "team.key.pub"
        self.done("key", "generate", self.signing)
        self.settings = {}

    def large_entry(self, size, seed=1):
        return subprocess.run([LARGE_ENTRY, self.dir, str(size), str(seed)], check=True,
                              stdout=subprocess.PIPE, text=True, timeout=600).stdout.strip()

    def push(self, *words, code=0, url=None):
        outcome = self.larder("push", url or self.url, *words, "--sign", self.signing, "--json",
                              environment=self.settings)
        self.assertEqual(outcome.code, code, outcome)
        return outcome.json if outcome.out else outcome

    def away(self, verb, *words, environment=None):
        return self.run_bare(verb, *words, "--dir", self.other, environment={
            "HOME": str(self.root), **self.settings, **(environment or {})})

    def pull(self, *words, code=0, url=None):
        outcome = self.away("pull", url or self.url, *words, "--trust", self.public, "--json")
        self.assertEqual(outcome.code, code, outcome)
        return outcome.json if outcome.out else outcome

    def listed(self):
        outcome = self.larder("ls", "--remote", self.url, "--json", environment=self.settings)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome.json["entries"]

    def prune(self, *words):
        outcome = self.larder("prune", "--remote", self.url, *words, "--yes", "--json",
                              environment=self.settings)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome.json

    def states(self, report):
        return sorted(entry["state"] for entry in report["entries"])

    def check_whole(self):
        """No wrong byte was taken, and nothing is left."""
        if not self.other.exists():
            return
        outcome = self.away("verify", "--json")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(list((self.other / "tmp").iterdir()), [])

    def forget_elsewhere(self):
        shutil.rmtree(self.other, ignore_errors=True)


class Storage:
    """The tests of a storage that lists and removes; a class adds RemoteTest and a server."""

    def test_another_larder_loads_what_was_pushed(self):
        compiled = self.compile(self.models / "dense.xml")
        sent = self.push()
        self.assertEqual(self.states(sent), ["moved"])
        fetched = self.pull()
        self.assertEqual(self.states(fetched), ["moved"])
        self.assertEqual(fetched["bytes"], sent["bytes"])
        loaded = self.away("compile", self.models / "dense.xml", "--json").json
        self.assertEqual((loaded["outcome"], loaded["key"]), ("loaded", compiled["key"]))
        (entry,) = self.listed()
        self.assertEqual(entry["key"], compiled["key"])
        self.assertEqual(len(entry["signed_by"]), 1)
        self.check_whole()

    def test_what_is_there_already_is_not_moved_again(self):
        self.large_entry(9 * MIB)
        self.push()
        again = self.push()
        self.assertEqual((self.states(again), again["bytes"]), (["was there"], 0))
        self.pull()
        again = self.pull()
        self.assertEqual((self.states(again), again["bytes"]), (["was there"], 0))

    def test_contents_of_every_size_arrive(self):
        sizes = (1, 4 * MIB - 1, 4 * MIB, 8 * MIB, 8 * MIB + 1, 37 * MIB + 5)
        for seed, size in enumerate(sizes):
            self.large_entry(size, seed)
        self.assertEqual(self.push()["bytes"], sum(sizes))
        self.assertEqual(self.pull()["bytes"], sum(sizes))
        self.check_whole()

    def test_a_key_in_full_is_pulled_alone(self):
        first, second = self.large_entry(1000, 1), self.large_entry(1000, 2)
        self.push()
        (entry,) = self.pull(second)["entries"]
        self.assertEqual((entry["key"], entry["state"]), (second, "moved"))
        self.assertIn(first, [each["key"] for each in self.listed()])
        outcome = self.pull("0" * 64, code=1)
        self.check_message(outcome, 1, "0" * 64)

    def test_signatures_of_two_teams_stay(self):
        self.large_entry(1000)
        self.push()
        theirs = self.root / "theirs.key"
        self.done("key", "generate", theirs)
        ours, self.signing = self.signing, theirs
        self.assertEqual(self.states(self.push()), ["moved"])
        self.assertEqual(len(self.listed()[0]["signed_by"]), 2)
        self.signing = ours
        self.assertEqual(self.states(self.pull()), ["moved"])

    def test_what_others_have_signed_is_not_taken(self):
        theirs = self.root / "theirs.key"
        self.done("key", "generate", theirs)
        self.large_entry(1000)
        ours, self.signing = self.signing, theirs
        self.push()
        self.signing = ours
        self.assertEqual(self.states(self.pull(code=3)), ["skipped"])

    def test_pruning_takes_entries_by_age_and_leaves_young_objects(self):
        self.large_entry(1000)
        self.push()
        self.assertEqual(len(self.prune("--older-than", "1h")["entries"]), 0)
        self.assertEqual(len(self.listed()), 1)
        done = self.prune("--older-than", "0s")
        self.assertEqual((len(done["entries"]), done["objects"]), (1, 0))
        # The object is there still, and only the entry is sent again.
        self.assertEqual(self.push()["bytes"], 0)
        self.assertEqual(self.states(self.pull()), ["moved"])
