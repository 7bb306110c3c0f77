# SPDX-License-Identifier: LGPL-2.1-or-later
"""SMTP servers for the mail handler: a real Exim, and one that answers to order."""

import email
import email.policy
import os
import pwd
import shutil
import socket
import socketserver
import tempfile
import threading
from pathlib import Path

import pytest

import processes
from loopback import own_address
from waiting import wait_for

EXIM = shutil.which("exim4", path=os.environ["PATH"] + ":/usr/sbin")

CONFIG = """\
primary_hostname = mail.example.org
spool_directory = {directory}/spool
log_file_path = {directory}/log/%s.log
pid_file_path = {directory}/exim.pid
local_interfaces = {address}
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = {advertise}
tls_certificate = {certificate}
tls_privatekey = {key}
host_lookup =
keep_environment =
rfc1413_query_timeout = 0s
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  deny local_parts = nobody
       message = there is nobody
  defer local_parts = later
        condition = ${{if !exists{{{directory}/open}}}}
        message = come again
  {login}
  accept domains = example.org
  deny message = no relaying
data:
  deny condition = ${{if exists{{{directory}/poison}}}}
       condition = ${{if match{{$message_body}}{{{directory_poison}}}}}
       message = this looks bad
  accept
begin routers
all:
  driver = accept
  local_parts = admin : later
  transport = box
begin transports
box:
  driver = appendfile
  directory = {directory}/mail/$local_part_data
  create_directory
  maildir_format
  user = {user}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{ipmid}}}}{{eq{{$auth3}}{{secret}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""


def _free_tcp_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Exim:
    """An Exim of the test's own, which delivers what is for example.org.

    `nobody` there is refused, `later` is deferred until open_later().  With LOGIN
    the user `ipmid` has to log in with `secret`, over TLS.
    """

    def __init__(self, authority, *, login=True, starttls=True, poison=""):
        if EXIM is None:
            pytest.skip("/usr/sbin/exim4 is missing (Debian package exim4-daemon-light; another mail server excludes it)")
        # Not below pytest's directory: Exim becomes another user, who may not pass there.
        self.directory = Path(tempfile.mkdtemp(prefix="ipmid-exim-"))
        self.address = own_address()
        self.port, self.tls_port = _free_tcp_port(self.address), _free_tcp_port(self.address)
        certificate, key = authority.issue("mail", address=self.address)
        self.user = "Debian-exim" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        for name, source in [("mail.pem", certificate), ("mail.key", key)]:
            shutil.copy(source, self.directory / name)
        for name in ("spool", "log", "mail"):
            (self.directory / name).mkdir()
        (self.directory / "exim.conf").write_text(CONFIG.format(
            directory=self.directory, address=self.address, port=self.port, tls_port=self.tls_port, user=self.user,
            advertise="*" if starttls else "", certificate=self.directory / "mail.pem",
            key=self.directory / "mail.key", directory_poison=poison,
            login="require authenticated = *" if login else ""), encoding="ascii")
        if poison:
            (self.directory / "poison").touch()
        self.directory.chmod(0o755)
        if os.geteuid() == 0:
            for path in [self.directory, *self.directory.iterdir()]:
                shutil.chown(path, self.user)
            shutil.chown(self.directory / "exim.conf", "root")
        self.process = None

    def start(self):
        with open(self.directory / "output", "wb") as output:
            self.process = processes.spawn([EXIM, "-C", self.directory / "exim.conf", "-bdf", "-q1h"],
                                           stdout=output, stderr=output, cwd=self.directory)
        wait_for(self._answers, 20, lambda: f"Exim to listen: {self._log()}")
        return self

    def _log(self):
        return "".join(path.read_text(encoding="utf-8", errors="replace")
                       for path in [self.directory / "output", *(self.directory / "log").glob("*.log")])

    def _answers(self):
        assert self.process.poll() is None, f"Exim has ended: {self._log()}"
        try:
            with socket.create_connection((self.address, self.port), 1) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False

    def open_later(self):
        (self.directory / "open").touch()

    def close_later(self):
        (self.directory / "open").unlink()

    def mail(self, name):
        """What has come for this user, in the order in which it came, as email.message.EmailMessage."""
        paths = sorted((self.directory / "mail" / name / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]

    def wait(self, name, count=1, deadline=20.0):
        wait_for(lambda: len(self.mail(name)) >= count, deadline,
                 lambda: f"{count} mails for {name}, there are {len(self.mail(name))}; Exim: {self._log()}")
        return self.mail(name)

    def stop(self):
        if self.process:
            processes.kill_group(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)


class _Dialogue(socketserver.StreamRequestHandler):
    def _say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        server = self.server.owner
        server.connections += 1
        if "CONNECT" in server.answers:
            self._say(server.answers["CONNECT"])
            return
        self._say("220 mail.example.org")
        recipients = []
        for line in self.rfile:
            verb = line.strip().upper()[:4].decode("ascii", "replace")
            if verb == "QUIT" and server.say_goodbye:
                self._say("221 bye")
                return
            if verb == "QUIT":
                continue               # until the client is gone
            answer = server.answer(verb, line.decode("utf-8", "replace").strip())
            if answer is None:
                return
            if verb in ("MAIL", "EHLO"):
                recipients.clear()
            elif verb == "RCPT" and answer.startswith("2"):
                recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
            self._say(answer)
            if verb == "DATA" and answer.startswith("3"):
                body = b""
                while not body.endswith(b"\r\n.\r\n") and body != b".\r\n":
                    body += self.rfile.readline()
                answer = server.answer("CONTENT", body.decode("utf-8", "replace"))
                if answer is None:
                    return
                if answer.startswith("2"):
                    server.taken.append((list(recipients), body))
                self._say(answer)


class ScriptedSmtp:
    """Answers to order, without TLS: ANSWERS by command (MAIL, RCPT, DATA, CONTENT, CONNECT), an answer, a
    function of the line, or None to hang up."""

    GOOD = {"EHLO": "250 mail.example.org", "HELO": "250 mail.example.org", "MAIL": "250 ok", "RCPT": "250 ok",
            "DATA": "354 go on", "CONTENT": "250 ok", "RSET": "250 ok", "NOOP": "250 ok"}

    def __init__(self, **answers):
        self.answers = answers
        self.taken = []                # (recipients, text) of what was taken
        self.connections = 0
        self.say_goodbye = True        # QUIT is answered
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Dialogue)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.server.owner = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def answer(self, verb, line):
        answer = self.answers.get(verb, self.GOOD.get(verb, "502 no such command"))
        return answer(line) if callable(answer) else answer

    @property
    def mails(self):
        return [(to, email.message_from_bytes(body[:-3], policy=email.policy.default)) for to, body in self.taken]

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
