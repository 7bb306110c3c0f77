# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real rsyslogd with a configuration of its own, and certificates for it."""

import json
import re
import socket
import subprocess

import processes
from loopback import free_port, own_address
from waiting import wait_for

CONFIG = """
global(workDirectory="{directory}" maxMessageSize="64k" {globals})
{module}
template(name="all" type="list" option.jsonf="on") {{
  property(outname="raw" name="rawmsg" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="sd" name="structured-data" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}}
{input}
if $app-name == "ipmid" then action(type="omfile" file="{output}" template="all")
"""
MODULES = {
    "local": ('module(load="imuxsock" SysSock.Use="off")',
              'input(type="imuxsock" Socket="{path}" UseSpecialParser="off" IgnoreTimestamp="off" RateLimit.Interval="0")'),
    "udp": ('module(load="imudp")', 'input(type="imudp" address="{address}" port="{port}" rcvbufSize="4m")'),
    "tcp": ('module(load="imtcp")', 'input(type="imtcp" address="{address}" port="{port}")'),
    "tls": ('module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="{auth}")',
            'input(type="imtcp" address="{address}" port="{port}")'),
}
TLS = ('defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{ca}" '
       'defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}"')
PARAMETER = re.compile(r' ([a-z_]+)="((?:[^"\\\]]|\\["\\\]])*)"')


class Message:
    """What rsyslog made of one message."""

    def __init__(self, line):
        vars(self).update(json.loads(line))
        found = re.fullmatch(r"\[(\S+)((?: [a-z_]+=\"(?:[^\"\\\]]|\\[\"\\\]])*\")*)\]", self.sd)
        assert found, f"no structured data: {self.sd}"
        self.sd_id = found[1]
        self.fields = {name: re.sub(r"\\(.)", r"\1", value) for name, value in PARAMETER.findall(found[2])}


class Rsyslog:
    """An rsyslogd that listens by TRANSPORT: local, udp, tcp or tls.

    Its socket or port stays the same when it is started again.  CERTIFICATES
    are for tls, and AUTH says what it asks of clients.
    """

    def __init__(self, directory, transport, certificates=None, auth="anon"):
        self.directory = directory
        self.directory.mkdir()
        self.transport = transport
        self.address = own_address()
        self.port = free_port(self.address)
        self.path = directory / "socket"
        self.output = directory / "output"
        self.config = directory / "rsyslog.conf"
        self.process = None
        module, listen = (part.format(path=self.path, address=self.address, port=self.port, auth=auth)
                          for part in MODULES[transport])
        of_tls = TLS.format(ca=certificates.ca, certificate=certificates.server, key=certificates.server_key) \
            if certificates else ""
        self.config.write_text(CONFIG.format(directory=directory, module=module, input=listen, output=self.output,
                                             globals=of_tls), encoding="utf-8")

    def handler(self, *more):
        """The group of a handler that sends to it."""
        where = [f"path = {self.path}"] if self.transport == "local" else \
            [f"transport = {self.transport}", f"server = {self.address}", f"port = {self.port}"]
        return "\n".join(["[handler syslog]", "plugin = syslog", "retry-min = 100ms", "retry-max = 500ms", *where,
                          *more])

    def start(self):
        self.path.unlink(missing_ok=True)
        with open(self.directory / "rsyslogd.log", "ab") as log:
            self.process = processes.spawn(["/usr/sbin/rsyslogd", "-n", "-iNONE", "-f", self.config],
                                           stdout=log, stderr=subprocess.STDOUT)
        wait_for(self._listens, 20, lambda: f"rsyslogd to listen: {self.log()}")
        return self

    def _listens(self):
        assert self.process.poll() is None, self.log()
        if self.transport == "local":
            return self.path.is_socket()
        # To try the port would be to take it from rsyslogd in that moment.
        table = "udp" if self.transport == "udp" else "tcp"
        address = socket.inet_aton(self.address)[::-1].hex().upper()
        place = f"{address}:{self.port:04X} 00000000:0000"
        with open(f"/proc/net/{table}", encoding="ascii") as sockets:
            return place in sockets.read()

    def log(self):
        return (self.directory / "rsyslogd.log").read_text(encoding="utf-8", errors="replace")

    def kill(self):
        """As a crash does."""
        processes.kill_group(self.process)
        self.process = None

    def stop(self):
        if self.process:
            processes.stop(self.process)
            self.process = None

    def messages(self):
        """What has come; a torn last line is left out."""
        if not self.output.exists():
            return []
        return [Message(line) for line in self.output.read_bytes().split(b"\n")[:-1]]

    def raw(self, bmc):
        """The SEL records of one BMC that have come, in that order."""
        return [bytes.fromhex(message.fields["raw"]) for message in self.messages()
                if message.fields["bmc"] == bmc and "raw" in message.fields]


class Certificates:
    """An authority, a server's certificate for NAME and a client's, by openssl."""

    def __init__(self, directory, name, *, days=2, authority=None):
        self.directory = directory
        self.directory.mkdir()
        self.ca, self.ca_key = (authority.ca, authority.ca_key) if authority else self._authority()
        self.server, self.server_key = self._certificate("server", f"IP:{name},DNS:log.example", days)
        self.client, self.client_key = self._certificate("client", "DNS:ipmid.example", 2)

    def _openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)

    def _authority(self):
        certificate, key = self.directory / "ca.pem", self.directory / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2,
                      "-subj", "/CN=Test authority", "-keyout", key, "-out", certificate)
        return certificate, key

    def _certificate(self, who, names, days):
        certificate, key = self.directory / f"{who}.pem", self.directory / f"{who}.key"
        request, extension = self.directory / f"{who}.csr", self.directory / f"{who}.ext"
        extension.write_text(f"subjectAltName={names}\n", encoding="ascii")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={who}",
                      "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial",
                      "-days", days, "-extfile", extension, "-out", certificate)
        key.chmod(0o600)
        return certificate, key
