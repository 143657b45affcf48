"""Goal: a bucket serves a fleet as a directory does: one compile for all, and nothing noticed.

Method: the tests of fleet_test.py and fleet_waits_test.py on Ceph's gateway.
"""

import pathlib
import shutil
import tempfile

import fleet_test
import fleet_waits_test
import harness
import servers
from unable import unable


class OverCeph:
    ceph = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not servers.is_installed("radosgw"):
            return
        root = pathlib.Path(tempfile.mkdtemp(prefix="larder-ceph-"))
        cls.addClassCleanup(shutil.rmtree, root, ignore_errors=True)
        cls.ceph = servers.Ceph(root)
        cls.addClassCleanup(cls.ceph.stop)

    def setUp(self):
        super().setUp()
        if self.ceph is None:
            unable(self, "radosgw is not installed")
        self.s3 = servers.S3(self.ceph.url)
        self.bucket = "b" + self._testMethodName.removeprefix("test_").replace("_", "-")[:50]
        self.s3.done("PUT", f"/{self.bucket}")
        self.url = f"s3://{self.bucket}/models"
        self.settings |= {"AWS_ACCESS_KEY_ID": servers.KEY, "AWS_REGION": servers.REGION,
                          "AWS_SECRET_ACCESS_KEY": servers.SECRET,
                          "AWS_ENDPOINT_URL": self.ceph.url}

    def keys_of(self, kind):
        body = self.s3.done("GET", f"/{self.bucket}", query={"list-type": "2"}).decode()
        keys = [part.split("</Key>")[0] for part in body.split("<Key>")[1:]]
        return [key for key in keys if key.startswith(f"models/{kind}/")]

    def entries_there(self):
        return self.keys_of("entries")

    def leases(self):
        return self.keys_of("leases")

    def lease_text(self):
        """Of those that are still there."""
        contents = [self.s3.call("GET", f"/{self.bucket}/{key}") for key in self.leases()]
        return "".join(content.decode() for status, content in contents if status == 200)


class FleetOverCephTest(OverCeph, fleet_test.FleetTest):
    # They change or look at files of the storage.
    test_a_lease_is_waited_for_until_the_time_limit = None
    test_a_lease_that_is_too_old_is_taken_over = None
    test_a_storage_that_is_only_read_gets_nothing = None
    test_entries_that_could_not_be_sent_are_sent_later = None
    # They are the same for every storage.
    test_a_password_in_a_url_is_refused_and_not_repeated = None
    test_entries_that_nobody_trusted_has_signed_are_not_taken = None
    test_the_larder_itself_must_not_name_storages_or_keys = None
    test_the_second_storage_is_asked_after_the_first = None
    test_what_must_not_be_compiled_is_fetched = None


class FleetWaitsOverCephTest(OverCeph, fleet_waits_test.FleetWaitsTest):
    # They are the same for every storage.
    test_a_machine_that_hangs_is_waited_for_until_the_lock_timeout = None
    test_a_program_that_ends_while_it_waits_leaves_no_helper = None


if __name__ == "__main__":
    harness.main()
