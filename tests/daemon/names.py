# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names that mean what a test says: an /etc/hosts of its own, in a mount namespace."""

import os
import subprocess

import pytest

INSIDE = 'mount --bind "$0" /etc/hosts && exec "$@"'


class Hosts:
    """A hosts file in DIRECTORY; what runs behind `wrapper` sees no other one."""

    def __init__(self, directory):
        self.path = directory / "hosts"
        self.say({})
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self.wrapper = ["unshare", *user, "--mount", "sh", "-c", INSIDE, os.fspath(self.path)]
        tried = subprocess.run([*self.wrapper, "cat", "/etc/hosts"], capture_output=True, text=True, check=False)
        if tried.stdout != self.path.read_text(encoding="ascii"):
            pytest.skip(f"no mount namespace here: {tried.stderr.strip()}")

    def say(self, names):
        """From now on the names (name: address) mean this."""
        # Into the same file: the other namespace has mounted that one.
        with open(self.path, "w", encoding="ascii") as hosts:
            hosts.writelines(["127.0.0.1 localhost\n", *(f"{address} {name}\n" for name, address in names.items())])
