# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real Prometheus Alertmanager, for the bodies that the webhook handler makes for it."""

import json
import shutil
import socket
import urllib.request

import processes
from loopback import own_address
from waiting import wait_for

PROGRAM = shutil.which("prometheus-alertmanager")

CONFIG = """\
route:
  receiver: hook
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
receivers:
- name: hook
  webhook_configs:
  - url: {url}
    send_resolved: true
"""


class Alertmanager:
    """One in DIRECTORY, which tells the server at URL of what fires and what is resolved."""

    def __init__(self, directory, url):
        directory.mkdir()
        self.directory = directory
        (directory / "config.yml").write_text(CONFIG.format(url=url), encoding="ascii")
        with socket.socket() as probe:
            probe.bind((own_address(), 0))
            self.address = f"{own_address()}:{probe.getsockname()[1]}"
        self.api = f"http://{self.address}/api/v2/alerts"
        self.process = None

    def start(self):
        with open(self.directory / "output.log", "wb") as output:
            self.process = processes.spawn(
                [PROGRAM, f"--config.file={self.directory}/config.yml", f"--storage.path={self.directory}/data",
                 f"--web.listen-address={self.address}", "--cluster.listen-address="], stdout=output, stderr=output)
        wait_for(self._answers, 20, "Alertmanager to listen")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.directory / "output.log").read_text(encoding="utf-8")
        return self.alerts() is not None

    def alerts(self):
        """What fires, as the API's objects; None while it does not answer."""
        try:
            with urllib.request.urlopen(self.api, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

    def stop(self):
        if self.process:
            processes.kill_group(self.process)
