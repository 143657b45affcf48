"""The plugin makes kernels behind an inference, and drops what it has not begun to make when its
model goes: how many it makes would hang on who is quicker. And the rig's runtime crashes where a
program ends while it builds one.
"""

import pathlib
import sys
import threading
import time

LIMIT_S = 180
# In a row, at which every other thread sleeps.
LOOKS = 10


def wait_for_idleness():
    """Until no other thread of this program does anything."""
    limit, idle = time.monotonic() + LIMIT_S, 0
    me = threading.get_native_id()
    while idle < LOOKS:
        busy = False
        for thread in pathlib.Path("/proc/self/task").iterdir():
            try:
                state = (thread / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue  # it has ended
            busy |= int(thread.name) != me and state != "S"
        idle = 0 if busy else idle + 1
        if time.monotonic() > limit:
            sys.exit("the device does not come to an end")
        time.sleep(0.02)
