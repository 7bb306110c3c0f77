# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ipmid under test, started with a configuration file."""

import os
import subprocess

from daemon import CONNECTED, Ipmid
from waiting import scaled, wait_for


class ConfiguredIpmid(Ipmid):
    """One ipmid -c FILE in DIRECTORY that watches BMCS.

    TEXT is the configuration; {state}, {output}, {password} and {directory} in
    it are paths, and {0}, {1} … the addresses of the BMCs.  The password of the
    first BMC is in the file {password}.
    """

    def __init__(self, directory, text, bmcs=(), *, options=(), environment=None, daemonize=False, build=None):
        super().__init__(None, directory, connection=(), options=options, environment=environment,
                         daemonize=daemonize, build=build)
        self.bmcs = list(bmcs)
        self.options = list(options)
        self.config = self.directory / "ipmid.conf"
        self.password_file = self.directory / "password"
        if self.bmcs:
            self.password_file.write_text(self.bmcs[0].password + "\n", encoding="ascii")
            self.password_file.chmod(0o600)
        self.configure(text)

    def configure(self, text):
        """Write TEXT into the configuration file."""
        self.config.write_text(text.format(
            *(f"{bmc.address}:{bmc.port}" for bmc in self.bmcs), state=self.state_dir, output=self.output,
            password=self.password_file, directory=self.directory), encoding="utf-8")

    def command(self):
        return [os.fspath(self.build.core), "-c", os.fspath(self.config), *self.build.options(self.plugin_dir),
                *([] if self.daemonize else ["-b"]), "--pid-file", os.fspath(self.pid_file), *self.options]

    def ask(self, *words, deadline=10.0):
        done = subprocess.run([os.fspath(self.build.core), "-c", os.fspath(self.config), *words],
                              capture_output=True, text=True, timeout=scaled(deadline), check=False)
        return done.stdout

    def check(self):
        """Run --check: (exit status, standard output, the lines of standard error)."""
        done = subprocess.run(
            [os.fspath(self.build.core), "-c", os.fspath(self.config), *self.build.options(self.plugin_dir), "--check"],
            capture_output=True, text=True, timeout=scaled(10), check=False)
        return done.returncode, done.stdout, done.stderr.splitlines()

    def wait_connected(self, deadline=20.0):
        wait_for(lambda: len(CONNECTED.findall(self.status())) >= len(self.bmcs), deadline,
                 lambda: f"{len(self.bmcs)} BMCs to be connected:\n{self.status()}\n{self.log()[-2000:]}", poll=0.05)

    def wait_for_json(self, count, deadline=20.0):
        """Wait for COUNT events in the output file; returns them all."""
        wait_for(lambda: len(self.json_events()) >= count, deadline,
                 lambda: f"{count} events, there are {len(self.json_events())}; log:\n{self.log()[-2000:]}")
        return self.json_events()
