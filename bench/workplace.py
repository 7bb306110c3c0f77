# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a measurement works, and on what machine."""

import os
import platform
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import contestants  # pylint: disable=unused-import  # finds tests/daemon
import processes


def print_machine(what=""):
    """The line above the figures: when, WHAT, and on what."""
    print(f"# {time.strftime('%Y-%m-%d %H:%M')}, {what}{os.cpu_count()} CPUs, load "
          f"{os.getloadavg()[0]:.1f}, {platform.platform()}", flush=True)


@contextmanager
def workplace(prefix, parent):
    """A directory below PARENT (None: here); afterwards no process and no file is left of it."""
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent or ".")).resolve()
    try:
        yield directory
    finally:
        processes.kill_descendants_except({os.getpid()})
        shutil.rmtree(directory, ignore_errors=True)


def run(main):
    """Call MAIN; a figure that means nothing ends with status 1 and the reason."""
    try:
        main()
    except AssertionError as error:
        sys.exit(f"bench: {error}")
