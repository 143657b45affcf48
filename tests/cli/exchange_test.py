"""Goal: what one machine has compiled, another loads; nothing damaged, and nothing that somebody
else has signed, is taken.

Method: two larders and a directory between them. Files of the directory are damaged, swapped,
signed anew and cut, as a storage that lies would.
"""

import json
import os
import shutil
import stat
import subprocess
import time

import harness
from harness import ProgramTest


class ExchangeTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.shared = self.root / "shared"
        self.url = f"file://{self.shared}"
        self.other = self.root / "other"
        self.signing = self.root / "team.key"
        self.public = self.root / "team.key.pub"
        self.done("key", "generate", self.signing)
        self.entry = self.compile(self.models / "dense.xml")

    def push(self, *words, **options):
        if "--sign" not in words:
            words += ("--sign", self.signing)
        return self.done("push", self.url, *words, "--json", **options).json

    def other_larder(self, verb, *words):
        return self.run_bare(verb, *words, "--dir", self.other,
                             environment={"HOME": str(self.root)})

    def pull(self, *words, code=0):
        words = words or ("--trust", self.public)
        outcome = self.other_larder("pull", self.url, *words, "--json")
        self.assertEqual(outcome.code, code, outcome)
        return outcome.json

    def states(self, report):
        return [entry["state"] for entry in report["entries"]]

    def files(self, kind):
        return sorted(path for path in (self.shared / kind).rglob("*") if path.is_file())

    def kept_elsewhere(self):
        return json.loads(self.other_larder("ls", "--json").out)["entries"]

    def test_another_larder_loads_what_was_pushed(self):
        sent = self.push()
        self.assertEqual(self.states(sent), ["moved"])
        self.assertTrue(sent["complete"])
        self.assertEqual(sent["bytes"], sum(path.stat().st_size for path in self.files("objects")))
        fetched = self.pull()
        self.assertEqual(self.states(fetched), ["moved"])
        self.assertEqual(fetched["bytes"], sent["bytes"])
        loaded = self.other_larder("compile", self.models / "dense.xml", "--json")
        self.assertEqual(loaded.json["outcome"], "loaded", loaded)
        self.assertEqual(loaded.json["key"], self.entry["key"])
        self.assertEqual(self.other_larder("verify").code, 0)

    def test_what_is_there_already_is_not_moved_again(self):
        self.push()
        again = self.push()
        self.assertEqual((self.states(again), again["bytes"]), (["was there"], 0))
        self.pull()
        again = self.pull()
        self.assertEqual((self.states(again), again["bytes"]), (["was there"], 0))

    def test_only_what_is_missing_is_moved(self):
        self.push()
        self.pull()
        self.other_larder("compile", self.models / "other.xml")
        before = len(self.files("objects"))
        self.compile(self.models / "other.xml")
        sent = self.push()
        self.assertEqual(sorted(self.states(sent)), ["moved", "was there"])
        self.assertEqual(len(self.files("objects")), before + 1)
        self.assertEqual(self.states(self.pull()), ["was there"] * 2)

    def test_entries_are_chosen_by_key_and_by_model(self):
        self.compile(self.models / "other.xml")
        self.assertEqual(len(self.push(self.models / "dense.xml")["entries"]), 1)
        self.assertEqual(len(self.push()["entries"]), 2)
        chosen = self.pull("--trust", self.public, self.entry["key"][:12])
        self.assertEqual([entry["key"] for entry in chosen["entries"]], [self.entry["key"]])
        chosen = self.pull("--trust", self.public, "other.xml")
        self.assertEqual(len(chosen["entries"]), 1)
        outcome = self.other_larder("pull", self.url, "--trust", self.public, "nothing.xml")
        self.check_message(outcome, 1, "nothing.xml")

    def test_a_dry_run_changes_nothing(self):
        self.push("--dry-run")
        self.assertFalse(self.shared.exists())
        self.push()
        self.pull("--trust", self.public, "--dry-run")
        self.assertFalse(self.other.exists())

    def test_nothing_is_taken_without_a_word_on_whom_to_trust(self):
        self.push()
        outcome = self.other_larder("pull", self.url)
        self.check_message(outcome, 2, "--trust")

    def test_what_others_have_signed_is_not_taken(self):
        theirs = self.root / "theirs.key"
        self.done("key", "generate", theirs)
        self.push("--sign", theirs)
        for words in (), ("--dry-run",):
            refused = self.pull("--trust", self.public, *words, code=3)
            self.assertEqual(self.states(refused), ["skipped"])
        self.assertIn("not among the trusted keys", refused["entries"][0]["reason"])
        # A second signature makes it ours, too.
        self.assertEqual(self.states(self.push()), ["moved"])
        self.assertEqual(self.states(self.pull()), ["moved"])
        shutil.rmtree(self.other)
        self.assertEqual(self.states(self.pull("--trust", f"{theirs}.pub")), ["moved"])

    def test_unsigned_entries_are_taken_where_the_url_says_so(self):
        self.refused(2, "push", self.url, says="--sign")
        self.assertFalse(self.shared.exists())
        self.done("push", self.url + "?unsigned")
        self.assertEqual(self.states(self.pull(code=3)), ["skipped"])
        self.url += "?unsigned"
        self.assertEqual(self.states(self.pull()), ["moved"])

    def test_a_storage_that_is_not_there_is_an_error(self):
        unmounted = self.root / "unmounted"
        unmounted.mkdir()
        for path in self.root / "no such", unmounted, self.models:
            url = f"file://{path}"
            outcome = self.other_larder("pull", url, "--trust", self.public)
            self.check_message(outcome, 1, [str(path), "is mounted"])
            for words in ("ls",), ("prune", "--older-than", "1d", "--yes"):
                self.refused(1, *words, "--remote", url, says=[str(path), "is mounted"])

    def test_a_push_makes_one_directory_and_uses_no_other_one(self):
        deep = self.root / "mistyped" / "deep"
        signed = ("--sign", self.signing)
        self.refused(1, "push", f"file://{deep}", *signed, says=[str(deep.parent), "is mounted"])
        self.assertFalse(deep.parent.exists())
        before = sorted(self.models.iterdir())
        self.refused(2, "push", f"file://{self.models}", *signed, says="nor empty")
        self.assertEqual(sorted(self.models.iterdir()), before)
        # Another machine has just begun to push there, or the disk is new.
        for name in "tmp", "objects", "lost+found":
            (self.shared / name).mkdir(parents=True)
        self.assertEqual(self.states(self.push()), ["moved"])
        (self.shared / "README").write_text("of the team")
        self.assertEqual(self.states(self.push()), ["was there"])

    def test_an_entry_under_another_name_is_not_taken(self):
        self.compile(self.models / "other.xml")
        self.push()
        first, second = self.files("entries")
        shutil.copy(second, first)
        report = self.pull(code=1)
        self.assertEqual(sorted(self.states(report)), ["failed", "moved"])
        self.assertEqual(len(self.kept_elsewhere()), 1)

    def test_damaged_objects_are_never_published(self):
        self.push()
        (path,) = self.files("objects")
        good = path.read_bytes()
        path.chmod(0o644)
        flipped = bytearray(good)
        flipped[len(good) // 2] ^= 1
        for bad in (bytes(flipped), good[:-1], good + b"x", b"", good + good):
            path.write_bytes(bad)
            outcome = self.other_larder("pull", self.url, "--trust", self.public, "--json")
            self.assertEqual(outcome.code, 1, outcome)
            self.assertEqual(self.states(outcome.json), ["failed"])
            self.assertEqual(self.kept_elsewhere(), [])
            self.assertEqual(list((self.other / "objects").rglob("*/*")), [])
            self.assertEqual(list((self.other / "tmp").iterdir()), [])
        path.write_bytes(good)
        self.assertEqual(self.states(self.pull()), ["moved"])

    def test_a_missing_object_fails_its_entry_alone(self):
        self.compile(self.models / "other.xml")
        self.push()
        self.files("objects")[0].unlink()
        outcome = self.other_larder("pull", self.url, "--trust", self.public, "--json")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertEqual(sorted(self.states(outcome.json)), ["failed", "moved"])
        # The next push mends the storage.
        self.assertEqual(sorted(self.states(self.push())), ["moved", "was there"])
        self.assertEqual(sorted(self.states(self.pull())), ["moved", "was there"])

    def test_entries_that_no_larder_wrote_are_damaged(self):
        self.push()
        (path,) = self.files("entries")
        for text in ("", "{}", "[" * 100_000, path.read_text()[:-2], "\0" * 64):
            path.write_text(text)
            self.assertEqual(self.states(self.pull(code=1)), ["failed"])
        (path.parent / "not-a-key").write_text("x")
        (path.parent / ".." / "readme").write_text("x")
        self.assertEqual(len(self.pull(code=1)["entries"]), 1)

    def test_a_larder_is_no_storage(self):
        outcome = self.larder("push", f"file://{self.dir}?unsigned")
        self.check_message(outcome, 2, "is a larder itself")

    def age(self, path, hours):
        then = time.time() - hours * 3600
        os.utime(path, (then, then))

    def prune(self, *words):
        return self.done("prune", "--remote", self.url, *words, "--yes", "--json").json

    def test_the_storage_is_listed(self):
        self.push()
        (entry,) = self.done("ls", "--remote", self.url, "--json").json["entries"]
        self.assertEqual(entry["key"], self.entry["key"])
        self.assertEqual(entry["signed_by"], [self.done("key", "show", self.public).out.strip()])
        self.assertEqual(entry["bytes"], sum(p.stat().st_size for p in self.files("objects")))
        self.assertRegex(entry["pushed_at"], harness.TIME)
        self.assertIn(entry["signed_by"][0][:12], self.done("ls", "--remote", self.url).out)
        self.assertEqual(self.done("ls", "--remote", self.url, "-q").out, entry["key"] + "\n")

    def test_pruning_takes_what_was_not_pushed_for_long(self):
        self.compile(self.models / "other.xml")
        self.push()
        for path in self.files("entries") + self.files("objects"):
            self.age(path, 48)
        kept = self.push("--sign", self.signing, self.models / "dense.xml")["entries"][0]["key"]
        planned = self.done("prune", "--remote", self.url, "--older-than", "24h", "-n", "--json")
        self.assertEqual((len(planned.json["entries"]), planned.json["objects"]), (1, 1))
        self.assertEqual(len(self.files("entries")), 2)
        done = self.prune("--older-than", "24h")
        self.assertEqual({**done, "dry_run": True}, planned.json)
        self.assertEqual([path.name for path in self.files("entries")], [kept])
        self.assertEqual(len(self.files("objects")), 1)
        self.assertEqual(self.states(self.pull()), ["moved"])
        self.assertEqual(self.prune("--older-than", "24h")["bytes"], 0)

    def test_pruning_leaves_objects_that_somebody_may_be_about_to_name(self):
        self.push()
        (entry,) = self.files("entries")
        entry.unlink()
        self.assertEqual(self.prune("--older-than", "1h")["objects"], 0)
        (path,) = self.files("objects")
        self.age(path, 25)
        # A push uses the object that is there, and makes it young again.
        self.assertEqual(self.push()["bytes"], 0)
        entry.unlink()
        self.assertEqual(self.prune("--older-than", "1h")["objects"], 0)
        self.age(path, 25)
        self.assertEqual(self.prune("--older-than", "1h")["objects"], 1)

    def test_pruning_takes_no_object_beside_an_entry_of_a_newer_larder(self):
        self.push()
        (path,) = self.files("objects")
        self.age(path, 48)
        (entry,) = self.files("entries")
        subprocess.run([os.environ["LARDER_FUTURE_MANIFEST"], entry], check=True)
        self.assertEqual(self.prune("--older-than", "1h")["objects"], 0)
        self.assertTrue(path.exists())

    def test_pruning_takes_no_object_beside_an_entry_that_cannot_be_read(self):
        self.push()
        (path,) = self.files("objects")
        self.age(path, 48)
        (entry,) = self.files("entries")
        good = entry.read_bytes()
        entry.write_bytes(good[:-2])
        done = self.done("prune", "--remote", self.url, "--older-than", "1h", "--yes", "--json")
        self.assertEqual((len(done.json["entries"]), done.json["objects"]), (0, 0))
        entry.write_bytes(good)
        self.assertEqual(self.states(self.pull()), ["moved"])

    def test_pruning_a_storage_is_by_age_alone(self):
        self.refused(2, "prune", "--remote", self.url, "--stale", "--yes", says="age")
        self.refused(2, "prune", "--remote", self.url, "--yes", says="--older-than")

    def test_wrong_urls_are_refused(self):
        for url, says in (
            ("/mnt/models", "file://"),
            ("s3://../models", "bucket"),
            ("https:///models", "names no host"),
            ("file://models", "absolute"),
            ("file:///models?fast", "fast"),
            ("file:///mod%zz", "percent"),
        ):
            self.refused(2, "push", url, says=says)
        self.refused(2, "push", self.url + "?read-only", says="read-only")

    def test_signing_keys_are_kept_from_others(self):
        self.assertEqual(stat.S_IMODE(self.signing.stat().st_mode), 0o600)
        self.signing.chmod(0o644)
        self.refused(1, "push", self.url, "--sign", self.signing, says="chmod 600")
        self.signing.chmod(0o600)
        self.refused(1, "key", "generate", self.signing, says=["exist", "another name"])
        self.refused(2, "push", self.url, "--sign", self.public,
                     says=["private key", "this is a public key"])
        said = self.refused(2, "key", "show", self.models / "dense.xml", says="private key")
        self.assertNotIn(f"generate {self.models}", said.error)

    def test_keys_are_those_of_other_programs(self):
        name = self.done("key", "show", self.signing).out
        self.assertEqual(name, self.done("key", "show", self.public).out)
        # RFC 8410, section 10.3: the example's key pair.
        private = self.root / "example.key"
        private.write_text(
            "-----BEGIN PRIVATE KEY-----\n"
            "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
            "-----END PRIVATE KEY-----\n")
        private.chmod(0o600)
        public = self.root / "example.key.pub"
        public.write_text(
            "-----BEGIN PUBLIC KEY-----\n"
            "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
            "-----END PUBLIC KEY-----\n")
        self.assertEqual(self.done("key", "show", private).out,
                         self.done("key", "show", public).out)

    def test_a_storage_that_cannot_be_written_is_one_message(self):
        file = self.root / "file"
        file.write_text("x")
        outcome = self.larder("push", f"file://{file}?unsigned")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn(str(file), outcome.error)
        self.assertNotIn("Traceback", outcome.error)


if __name__ == "__main__":
    harness.main()
