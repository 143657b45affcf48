"""A check of a larder that takes hours, until Ctrl-C. usage: slow_check.py DIRECTORY"""

import os
import sys

import larder

told = []


def tell(done, total):
    if not told:
        told.append(done)
        print("begun", flush=True)


try:
    larder.Cache(sys.argv[1]).verify(max_rate="1kB", progress=tell)
except KeyboardInterrupt:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("the check has ended")
