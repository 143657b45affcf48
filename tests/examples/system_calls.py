"""Runs a command like a service with SystemCallFilter=.

usage: system_calls.py FILTER -- COMMAND…
FILTER is names of calls, and of systemd's sets of them (@system-service). Any other call ends the
command.
"""

import ctypes
import os
import subprocess
import sys

ALLOW = 0x7FFF0000  # of libseccomp
KILL = 0x80000000
SECONDS_MAX = 60


def calls_of(filters):
    """A set may contain other sets."""
    for word in filters:
        if not word.startswith("@"):
            yield word
            continue
        listed = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, text=True,
                                stdout=subprocess.PIPE, timeout=SECONDS_MAX).stdout
        lines = (line.strip() for line in listed.splitlines()[1:])
        yield from calls_of([line for line in lines if line and not line.startswith("#")])


def restrict(filters):
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(KILL)))
    for name in set(calls_of(filters)):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        # Another architecture's call has a negative number.
        if number >= 0:
            seccomp.seccomp_rule_add(rules, ctypes.c_uint32(ALLOW), number, 0)
    if seccomp.seccomp_load(rules) != 0:
        sys.exit("system_calls: cannot load the filter")


def main():
    filters, _, *command = sys.argv[1:]
    restrict(filters.split())
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
