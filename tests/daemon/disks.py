# SPDX-License-Identifier: LGPL-2.1-or-later
"""File systems of the tests' own, which can be full, or lose power.

Mounting needs root, or sudo without a password.
"""

import os
import shutil
import subprocess


# Users that are not root may not have these in their PATH.
_ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}


def privileged(*command):
    """Run a command as root."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    done = subprocess.run([*sudo, *map(os.fspath, command)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, f"{command[0]} needs root: {done.stderr}"


class Disk:
    """A mounted file system; `path` is where."""

    def __init__(self, path):
        self.path = path
        self.path.mkdir()

    def own(self):
        privileged("chown", f"{os.geteuid()}:{os.getegid()}", self.path)

    def fill(self):
        """Leave no room at all."""
        with open(self.path / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def free(self):
        """How many bytes are free."""
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def make_room(self):
        (self.path / "filler").unlink()

    def unmount(self):
        privileged("umount", "-l", self.path)


class SmallDisk(Disk):
    """A tmpfs of SIZE bytes."""

    def __init__(self, path, size):
        super().__init__(path)
        privileged("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "none", path)
        self.own()


class ImageDisk(Disk):
    """An ext4 in a file, which shows at any moment what a disk would hold after a power cut.

    What programs wrote, but the kernel did not, is in its page cache and not
    in the file; what they synchronised is.  The kernel is told to be lazy.
    """

    def __init__(self, path, image, size="24M"):
        super().__init__(path)
        self.image = image
        if not image.exists():
            with open(image, "wb") as file:
                file.truncate(int(size[:-1]) << 20)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", "-J", "size=4",
                            image], check=True, env=_ENVIRONMENT)
        privileged("mount", "-o", "loop,commit=300", image, path)
        self.own()

    def cut_power(self, path):
        """The file system as it comes back after a power cut now, mounted at PATH.

        This one lives on.
        """
        image = path.with_suffix(".img")
        shutil.copyfile(self.image, image)
        done = subprocess.run(["e2fsck", "-fy", image], capture_output=True, text=True,
                              check=False, env=_ENVIRONMENT)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return ImageDisk(path, image)
