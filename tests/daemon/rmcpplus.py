# SPDX-License-Identifier: LGPL-2.1-or-later
"""The BMC's side of IPMI over LAN: RMCP+ sessions (IPMI 2.0, chapter 13).

`Server` turns packets into requests and replies into packets, and knows
nothing of what the commands mean.  Cipher suites 3 (HMAC-SHA1) and 17
(HMAC-SHA256), both with AES-CBC-128, and the weaker ones below them.
"""

import hashlib
import hmac
import os
import struct
import time
from dataclasses import dataclass, field

import aes
from ipmi import AUTH_NONE, AUTH_RMCP_PLUS, RMCP_HEADER, checksum

OPEN_REQUEST, OPEN_RESPONSE = 0x10, 0x11
RAKP_1, RAKP_2, RAKP_3, RAKP_4 = 0x12, 0x13, 0x14, 0x15
ENCRYPTED, AUTHENTICATED = 0x80, 0x40
SEALED = ENCRYPTED | AUTHENTICATED      # the usual IPMI message (payload type 0)

# RMCP+ status codes (table 13-15).
NO_ERROR, NO_RESOURCES, INVALID_SESSION = 0x00, 0x01, 0x02
NO_ROLE, UNAUTHORISED_NAME, BAD_INTEGRITY, NO_SUCH_SUITE = 0x09, 0x0D, 0x0F, 0x11

# Out-of-order packets further behind than this are repeats (6.12.13).
WINDOW = 16


@dataclass(frozen=True)
class Suite:
    """A cipher suite: the algorithm numbers and what they mean."""

    number: int
    authentication: int
    integrity: int
    digest: object
    code_length: int      # of the integrity code on packets and in RAKP 4
    confidentiality: int = 1

    @property
    def algorithms(self):
        return (self.authentication, self.integrity, self.confidentiality)

    @property
    def flags(self):
        """What is said of an IPMI message in the type of its payload."""
        return (ENCRYPTED if self.confidentiality else 0) | (AUTHENTICATED if self.integrity else 0)

    def mac(self, key, data):
        return hmac.digest(key, data, self.digest) if self.digest else b""


SUITE_0 = Suite(0, 0, 0, None, 0, 0)
SUITE_1 = Suite(1, 1, 0, hashlib.sha1, 12, 0)
SUITE_2 = Suite(2, 1, 1, hashlib.sha1, 12, 0)
SUITE_15 = Suite(15, 3, 0, hashlib.sha256, 16, 0)
SUITE_16 = Suite(16, 3, 4, hashlib.sha256, 16, 0)
SUITE_3 = Suite(3, 1, 1, hashlib.sha1, 12)
SUITE_17 = Suite(17, 3, 4, hashlib.sha256, 16)


@dataclass
class Session:
    """One RMCP+ session; ACTIVE once RAKP 3 was accepted."""

    number: int
    console: int
    suite: Suite
    peer: tuple
    user: bytes = b""
    role: int = 0
    console_random: bytes = b""
    own_random: bytes = b""
    keys: tuple = (b"", b"", b"")          # SIK, K1, K2
    active: bool = False
    sequence: int = 0                      # of the last packet sent
    newest: int = 0                        # of the newest packet received
    seen: set = field(default_factory=set)
    last_used: float = field(default_factory=time.monotonic)

    def is_repeat(self, sequence):
        """Whether a packet of this number came before, or is too old to tell."""
        if sequence in self.seen or sequence + WINDOW <= self.newest:
            return True
        self.seen.add(sequence)
        self.newest = max(self.newest, sequence)
        self.seen = {one for one in self.seen if one + WINDOW > self.newest}
        return False


@dataclass(frozen=True)
class Message:
    """One IPMI request as it came in."""

    netfn: int
    command: int
    data: bytes
    lun: int
    source: int
    sequence: int
    source_lun: int
    target: int
    peer: tuple
    session: Session = None

    def reply(self, payload):
        """The IPMI message that answers with PAYLOAD: completion code and data."""
        head = bytes([self.source, (self.netfn | 1) << 2 | self.source_lun])
        body = bytes([self.target, self.sequence << 2 | self.lun, self.command]) + payload
        return head + bytes([checksum(head)]) + body + bytes([checksum(body)])


def _parse_message(raw, peer, session=None):
    """The Message in RAW, or None when it is damaged."""
    if len(raw) < 7 or checksum(raw[:3]) or checksum(raw[3:]):
        return None
    return Message(raw[1] >> 2, raw[5], raw[6:-1], raw[1] & 3, raw[3], raw[4] >> 2,
                   raw[4] & 3, raw[0], peer, session)


class Server:
    """Sessions and packets of one BMC.

    ACCOUNTS maps user names to (password, greatest privilege).  The lists
    ATTEMPTS, LOGINS and FAILED_LOGINS hold the times (monotonic) of what
    happened; a client that finds the password wrong may just go away, which
    leaves an attempt that is neither.
    """

    def __init__(self, accounts, suites=(SUITE_3, SUITE_17), guid=bytes(range(16))):
        self.accounts = accounts
        self.suites = suites
        self.guid = guid
        self.max_sessions = 16
        self.idle_limit = 60.0
        self.bmc_key = None            # K_g: with it a login takes two keys (13.31)
        self.lockout_after = None      # failed logins in a row that lock everyone out
        self.sessions = {}
        self.attempts = []
        self.logins = []
        self.failed_logins = []
        self._failures_in_a_row = 0
        self._next_number = 0x1000

    def forget_sessions(self):
        self.sessions.clear()

    @property
    def locked(self):
        return self.lockout_after is not None and self._failures_in_a_row >= self.lockout_after

    def unlock(self):
        """What an administrator does after a lockout."""
        self._failures_in_a_row = 0

    def active_sessions(self):
        """The sessions that are logged in and not idle for too long."""
        oldest = time.monotonic() - self.idle_limit
        for number, session in list(self.sessions.items()):    # tests look from another thread
            if session.last_used < oldest:
                self.sessions.pop(number, None)
        return [session for session in list(self.sessions.values()) if session.active]

    def receive(self, packet, peer):
        """(the request in PACKET or None, the packets to send at once)."""
        if len(packet) < 14 or packet[3] != RMCP_HEADER[3]:
            return None, []
        if packet[4] == AUTH_NONE:
            length = packet[13]
            return _parse_message(packet[14:14 + length], peer), []
        if packet[4] != AUTH_RMCP_PLUS or len(packet) < 16:
            return None, []
        return self._receive_plus(packet, peer)

    def _receive_plus(self, packet, peer):
        session_id, sequence, length = struct.unpack_from("<IIH", packet, 6)
        payload = packet[16:16 + length]
        kind = packet[5]
        handshake = {OPEN_REQUEST: self._open, RAKP_1: self._rakp_1, RAKP_3: self._rakp_3}
        try:
            if kind in handshake:
                answer = handshake[kind](payload, peer)
                return None, [answer] if answer else []
            return self._decode(packet, session_id, sequence, payload, peer), []
        except (struct.error, IndexError, ValueError):
            return None, []        # too short for what it claims to be

    def _decode(self, packet, session_id, sequence, payload, peer):
        session = self.sessions.get(session_id)
        if not session or not session.active or packet[5] != session.suite.flags:
            return None
        if session.suite.integrity:
            length = session.suite.code_length
            code = session.suite.mac(session.keys[1], packet[4:-length])[:length]
            if code != packet[-length:]:
                return None
        if session.is_repeat(sequence):
            return None
        session.last_used = time.monotonic()
        session.peer = peer
        if not session.suite.confidentiality:
            return _parse_message(payload, peer, session)
        clear = aes.decrypt(session.keys[2], payload[:16], payload[16:])
        return _parse_message(clear[:-1 - clear[-1]], peer, session)

    def encode(self, message, raw):
        """The packet that carries the IPMI message RAW as an answer to MESSAGE."""
        if message.session is None:
            return RMCP_HEADER + bytes([AUTH_NONE]) + bytes(8) + bytes([len(raw) & 0xFF]) + raw
        session = message.session
        suite = session.suite
        session.sequence += 1
        sealed = raw
        if suite.confidentiality:
            fill = -(len(raw) + 1) % 16
            vector = os.urandom(16)
            sealed = vector + aes.encrypt(session.keys[2], vector,
                                          raw + bytes(range(1, fill + 1)) + bytes([fill]))
        body = bytes([AUTH_RMCP_PLUS, suite.flags]) + struct.pack(
            "<IIH", session.console, session.sequence, len(sealed)) + sealed
        if not suite.integrity:
            return RMCP_HEADER + body
        pad = -(len(body) + 2) % 4
        body += b"\xff" * pad + bytes([pad, 0x07])
        return RMCP_HEADER + body + session.suite.mac(session.keys[1], body)[
            :session.suite.code_length]

    @staticmethod
    def _handshake_packet(kind, payload):
        return RMCP_HEADER + bytes([AUTH_RMCP_PLUS, kind]) + struct.pack(
            "<IIH", 0, 0, len(payload)) + payload

    # Opening a session: three requests, three answers (13.17 to 13.24).

    def _open(self, data, peer):
        tag, console = data[0], struct.unpack_from("<I", data, 4)[0]

        def answer(status, number=0):
            payload = struct.pack("<BBBBI", tag, status, data[1] & 0xF, 0, console)
            if status == NO_ERROR:
                payload += struct.pack("<I", number) + data[8:32]
            return self._handshake_packet(OPEN_RESPONSE, payload)

        wanted = (data[12], data[20], data[28])
        suite = next((one for one in self.suites if one.algorithms == wanted), None)
        if not suite:
            return answer(NO_SUCH_SUITE)
        if len(self.active_sessions()) >= self.max_sessions:
            return answer(NO_RESOURCES)
        self._next_number += 1
        self.sessions[self._next_number] = Session(self._next_number, console, suite, peer)
        return answer(NO_ERROR, self._next_number)

    def _refuse_login(self, kind, tag, status, session):
        del self.sessions[session.number]
        self._failed()
        return self._handshake_packet(kind, struct.pack("<BBBBI", tag, status, 0, 0,
                                                        session.console))

    def _failed(self):
        self.failed_logins.append(time.monotonic())
        self._failures_in_a_row += 1

    def _rakp_1(self, data, _peer):
        session = self.sessions.get(struct.unpack_from("<I", data, 4)[0])
        if not session:
            return None
        if not session.user:
            self.attempts.append(time.monotonic())
        session.console_random = data[8:24]
        session.role = data[24]
        session.user = data[28:28 + data[27]]
        account = None if self.locked else self.accounts.get(session.user)
        if not account:
            return self._refuse_login(RAKP_2, data[0], UNAUTHORISED_NAME, session)
        if session.role & 0xF > account[1]:
            return self._refuse_login(RAKP_2, data[0], NO_ROLE, session)
        # A repeated packet gets the same answer again.
        session.own_random = session.own_random or os.urandom(16)
        code = session.suite.mac(self._key(session), struct.pack(
            "<II", session.console, session.number) + session.console_random
            + session.own_random + self.guid + self._who(session))
        return self._handshake_packet(RAKP_2, struct.pack(
            "<BBBBI", data[0], NO_ERROR, 0, 0, session.console)
            + session.own_random + self.guid + code)

    def _key(self, session):
        return self.accounts[session.user][0].ljust(20, b"\0")

    @staticmethod
    def _who(session):
        return bytes([session.role, len(session.user)]) + session.user

    def _rakp_3(self, data, _peer):
        session = self.sessions.get(struct.unpack_from("<I", data, 4)[0])
        if not session:
            return None
        if data[1] != NO_ERROR:
            # The console could not verify us: its password is another one.
            del self.sessions[session.number]
            self._failed()
            return None
        mac, key = session.suite.mac, self._key(session)
        if data[8:] != mac(key, session.own_random + struct.pack("<I", session.console)
                           + self._who(session)):
            return self._refuse_login(RAKP_4, data[0], BAD_INTEGRITY, session)
        sik_key = key if self.bmc_key is None else self.bmc_key.ljust(20, b"\0")
        sik = mac(sik_key, session.console_random + session.own_random + self._who(session))
        session.keys = (sik, mac(sik, b"\x01" * 20), mac(sik, b"\x02" * 20)[:16])
        if not session.active:
            self.logins.append(time.monotonic())
        session.active = True
        self._failures_in_a_row = 0
        code = mac(sik, session.console_random + struct.pack("<I", session.number) + self.guid)
        return self._handshake_packet(RAKP_4, struct.pack(
            "<BBBBI", data[0], NO_ERROR, 0, 0, session.console)
            + code[:session.suite.code_length])
