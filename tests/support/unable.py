"""Tests that this machine cannot run: without root, or if another user cannot access the files."""

import os


def unable(test, reason):
    """Skips `test`; if everything must run (LARDER_NO_SKIPS, as in CI), it has failed."""
    if os.environ.get("LARDER_NO_SKIPS"):
        test.fail(f"cannot be run here: {reason}")
    test.skipTest(reason)
