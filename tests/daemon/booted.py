# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real systemd as process 1 of namespaces of its own, for the units.

Its file system is an overlay of this machine's, in memory; its network is this
machine's, so that it reaches the tests' BMCs.  It starts nothing by itself.
Needs root, and a kernel that lets root make namespaces and mount cgroup2.
"""

import itertools
import os
import shutil
import subprocess
import textwrap

import processes
from waiting import scaled, wait_for

PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
SYSTEMD = "/lib/systemd/systemd"

# Arguments: a directory, the name of a control group.  systemd gets a group of
# its own, so that it moves no process of ours.
OUTSIDE = """
    set -e
    mkdir -p "$1/cgroup" "$1/top"
    mount -t cgroup2 none "$1/cgroup"
    mkdir "$1/cgroup/$2"
    echo $$ >"$1/cgroup/$2/cgroup.procs"
    umount "$1/cgroup"
    exec unshare --cgroup --pid --mount --uts --ipc --fork --kill-child sh -c "$3" inside "$1"
"""
INSIDE = """
    set -e
    mount --make-rprivate /
    mount -t tmpfs tmpfs "$1/top"
    mkdir "$1/top/upper" "$1/top/work" "$1/top/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/top/upper,workdir=$1/top/work" "$1/top/root"
    mkdir -p "$1/top/root/image"
    mount --bind "$1/image" "$1/top/root/image"
    cd "$1/top/root"
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount -t cgroup2 none sys/fs/cgroup
    mount -t tmpfs tmpfs run
    mount -t tmpfs tmpfs dev
    mkdir -p run/systemd/system dev/pts dev/shm dev/mqueue
    for node in null zero full random urandom tty; do cp -a /dev/$node dev/; done
    mount -t devpts devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    printf '[Unit]\\nDefaultDependencies=no\\n' >run/systemd/system/nothing.target
    mkdir old
    pivot_root . old
    umount -l old
    # Credentials reach a service by propagation, for which a container's manager sees.
    mount --make-rshared /
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
      %s --system --unit=nothing.target --show-status=no --log-target=console
""" % SYSTEMD
TRY = """
    mount -t cgroup2 none /mnt
    umount /mnt
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/upper /mnt/work /mnt/root
    mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
"""
CLEAN = """
    mount -t cgroup2 none "$1/cgroup"
    find "$1/cgroup/$2" -depth -type d -exec rmdir {} +
    status=$?
    umount "$1/cgroup"
    exit $status
"""
_numbers = itertools.count()


class BootedSystemd:
    """systemd, booted in DIRECTORY; what lies in `image` it sees as /image."""

    def __init__(self, directory):
        self.directory = directory
        self.group = f"ipmid-test-{os.getpid()}-{next(_numbers)}"
        self.image = directory / "image"
        self.image.mkdir(parents=True)
        self.process = None
        self.pid = None

    @staticmethod
    def why_not():
        """Why this machine cannot do it; None if it can."""
        if os.geteuid() != 0:
            return "only root can boot a systemd"
        if not all(shutil.which(program) for program in ("unshare", "nsenter", "pivot_root", SYSTEMD)):
            return "systemd or util-linux is missing"
        tried = subprocess.run(["unshare", "--mount", "sh", "-e", "-c", textwrap.dedent(TRY)],
                               capture_output=True, text=True, check=False)
        return None if tried.returncode == 0 else f"this kernel does not let root do it: {tried.stderr.strip()}"

    def start(self):
        with open(self.directory / "systemd.log", "wb") as log:
            self.process = processes.spawn(
                ["unshare", "--mount", "sh", "-c", textwrap.dedent(OUTSIDE), "outside", self.directory,
                 self.group, textwrap.dedent(INSIDE)], stdout=log, stderr=subprocess.STDOUT)
        wait_for(self._find, 10, lambda: f"systemd to start: {self.log()}")
        wait_for(lambda: self.run("systemctl", "is-system-running").strip() == "running", 20,
                 lambda: f"systemd to be up: {self.log()}")

    def _find(self):
        assert self.process.poll() is None, self.log()
        found = processes.children_named(self.process.pid, "systemd")
        self.pid = found[0] if found else None
        return self.pid

    def log(self):
        return (self.directory / "systemd.log").read_text(encoding="utf-8", errors="replace")

    def run(self, *words, check=False, deadline=60):
        """Run a command there; returns what it said."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-a", "-r", "-w", "env", "-i", f"PATH={PATH}", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=scaled(deadline))
        assert not check or done.returncode == 0, f"{words}: {done.stdout}"
        return done.stdout

    def show(self, unit, key):
        """One property of a unit."""
        return self.run("systemctl", "show", "-P", key, unit).strip()

    def write(self, path, text, mode=0o644):
        """Write a file there."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1" && chmod "$3" "$1"', "sh",
                 path, text, f"{mode:o}", check=True)

    def _clean(self):
        done = subprocess.run(["unshare", "--mount", "sh", "-c", textwrap.dedent(CLEAN), "clean",
                               self.directory, self.group], check=False, capture_output=True)
        return done.returncode == 0

    def stop(self):
        if self.process:
            processes.kill_group(self.process)
            self.process = None
            # The last of its processes may still be on their way out.
            wait_for(self._clean, 20, f"the control group {self.group} to be empty")
