# SPDX-License-Identifier: LGPL-2.1-or-later
"""What both ends of the wire need, and a small IPMI client of the tests' own.

The client speaks IPMI 1.5 over RMCP with MD5 authentication: no cipher, one
round trip a command, so that thousands of records a second can be injected,
and nothing shared with the code under test.
"""

import hashlib
import socket
import struct
import threading
import time

from waiting import scaled, wait_for

# Network functions and the commands used here (appendix G).
CHASSIS, SENSOR, APP, STORAGE, GROUP = 0x00, 0x04, 0x06, 0x0A, 0x2C

GET_DEVICE_ID = (APP, 0x01)
GET_DEVICE_GUID = (APP, 0x08)
SEND_MESSAGE = (APP, 0x34)
GET_SYSTEM_GUID = (APP, 0x37)
GET_CHANNEL_AUTH_CAPABILITIES = (APP, 0x38)
GET_SESSION_CHALLENGE = (APP, 0x39)
ACTIVATE_SESSION = (APP, 0x3A)
SET_SESSION_PRIVILEGE = (APP, 0x3B)
CLOSE_SESSION = (APP, 0x3C)
GET_CHANNEL_INFO = (APP, 0x42)
GET_CIPHER_SUITES = (APP, 0x54)

GET_CHASSIS_STATUS = (CHASSIS, 0x01)
CHASSIS_CONTROL = (CHASSIS, 0x02)

SET_EVENT_RECEIVER = (SENSOR, 0x00)
GET_EVENT_RECEIVER = (SENSOR, 0x01)
GET_DEVICE_SDR_INFO = (SENSOR, 0x20)
GET_DEVICE_SDR = (SENSOR, 0x21)
RESERVE_DEVICE_SDR = (SENSOR, 0x22)
GET_READING_FACTORS = (SENSOR, 0x23)
GET_HYSTERESIS = (SENSOR, 0x25)
SET_THRESHOLDS = (SENSOR, 0x26)
GET_THRESHOLDS = (SENSOR, 0x27)
SET_EVENT_ENABLE = (SENSOR, 0x28)
GET_EVENT_ENABLE = (SENSOR, 0x29)
REARM_EVENTS = (SENSOR, 0x2A)
GET_EVENT_STATUS = (SENSOR, 0x2B)
GET_READING = (SENSOR, 0x2D)

GET_FRU_INFO = (STORAGE, 0x10)
READ_FRU = (STORAGE, 0x11)
GET_SDR_INFO = (STORAGE, 0x20)
RESERVE_SDR = (STORAGE, 0x22)
GET_SDR = (STORAGE, 0x23)
CLEAR_SDR = (STORAGE, 0x27)
GET_SDR_TIME = (STORAGE, 0x28)
GET_SEL_INFO = (STORAGE, 0x40)
GET_SEL_ALLOCATION = (STORAGE, 0x41)
RESERVE_SEL = (STORAGE, 0x42)
GET_SEL_ENTRY = (STORAGE, 0x43)
ADD_SEL_ENTRY = (STORAGE, 0x44)
DELETE_SEL_ENTRY = (STORAGE, 0x46)
CLEAR_SEL = (STORAGE, 0x47)
GET_SEL_TIME = (STORAGE, 0x48)
SET_SEL_TIME = (STORAGE, 0x49)

# Completion codes (table 5-2).
OK = 0x00
ERASE_IN_PROGRESS = 0x81        # of Delete and the SEL reads
NODE_BUSY = 0xC0
UNSUPPORTED_COMMAND = 0xC1
TIMEOUT = 0xC3
OUT_OF_SPACE = 0xC4
RESERVATION_LOST = 0xC5
REQUEST_TOO_SHORT = 0xC7
CANNOT_RETURN_SO_MANY = 0xCA
NOT_PRESENT = 0xCB
INVALID_FIELD = 0xCC
NO_PRIVILEGE = 0xD4
WRONG_STATE = 0xD5
UNSPECIFIED_ERROR = 0xFF

# What the messages of DCMI begin with; PICMG's begin with 0 (table 5-1).
DCMI = 0xDC
DCMI_GET_CAPABILITIES = (GROUP, 0x01)
DCMI_GET_POWER_READING = (GROUP, 0x02)

FIRST_RECORD, LAST_RECORD = 0x0000, 0xFFFF
CALLBACK, USER, OPERATOR, ADMIN = 1, 2, 3, 4
PRIVILEGE_NAMES = {USER: "user", OPERATOR: "operator", ADMIN: "admin"}

REMOTE_CONSOLE = 0x81
RMCP_HEADER = bytes([0x06, 0x00, 0xFF, 0x07])
AUTH_NONE, AUTH_MD5, AUTH_RMCP_PLUS = 0x00, 0x02, 0x06


def checksum(data):
    """The byte that makes DATA add up to zero."""
    return -sum(data) & 0xFF


def lan_message(target, netfn, source, sequence, command, data):
    """An IPMB-style message as it travels over LAN (13.8); netfn without lun."""
    head = bytes([target, netfn << 2])
    body = bytes([source, sequence << 2, command]) + bytes(data)
    return head + bytes([checksum(head)]) + body + bytes([checksum(body)])


class CompletionError(Exception):
    """A BMC answered with a completion code other than success."""

    def __init__(self, command, code):
        super().__init__(f"netfn {command[0]:#04x} command {command[1]:#04x}: "
                         f"completion code {code:#04x}")
        self.code = code


class NoAnswer(Exception):
    """A BMC did not answer in time."""


class LanSession:
    """One IPMI 1.5 session; opened by the first command, safe between threads."""

    # BMCs drop a session that was silent for a minute, ipmi_sim after 30 s.
    IDLE_LIMIT = 15.0

    def __init__(self, address, port, user, password, privilege=ADMIN, timeout=2.0):
        self.destination = (address, port)
        self.user = user.encode().ljust(16, b"\0")
        self.password = password.encode()[:16].ljust(16, b"\0")
        self.privilege = privilege
        self.timeout = timeout
        self._lock = threading.RLock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(self.destination)
        self._last_used = 0.0
        self.forget()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close the session, if the BMC still knows it, and the socket."""
        with self._lock:
            if self._session_id:
                try:
                    self.command(CLOSE_SESSION, struct.pack("<I", self._session_id))
                except (CompletionError, NoAnswer, OSError):
                    pass
            self.forget()
            self._socket.close()

    def forget(self):
        """Act as if there were no session, because the BMC lost it."""
        self._auth = AUTH_NONE
        self._session_id = 0
        self._session_sequence = 0
        self._sequence = 0

    def command(self, command, data=b""):
        """The data of the reply; opens a session when there is none or it is stale."""
        with self._lock:
            if not self._session_id or time.monotonic() - self._last_used > self.IDLE_LIMIT:
                self._open()
            return self._exchange(command, data)

    def ping(self, timeout=0.05):
        """Whether the BMC answers at all; needs no session."""
        with self._lock:
            self.forget()
            try:
                self._exchange(GET_CHANNEL_AUTH_CAPABILITIES, bytes([0x8E, ADMIN]), timeout)
            except (CompletionError, NoAnswer, OSError):
                return False
            return True

    def _open(self):
        self.forget()
        reply = self._exchange(GET_SESSION_CHALLENGE, bytes([AUTH_MD5]) + self.user)
        temporary_id, challenge = struct.unpack("<I16s", reply)
        self._auth = AUTH_MD5
        self._session_id = temporary_id
        reply = self._exchange(ACTIVATE_SESSION, struct.pack(
            "<BB16sI", AUTH_MD5, self.privilege, challenge, 1))
        _, self._session_id, self._session_sequence, _ = struct.unpack("<BIIB", reply)
        self._exchange(SET_SESSION_PRIVILEGE, bytes([self.privilege]))

    def _packet(self, command, data):
        message = lan_message(0x20, command[0], REMOTE_CONSOLE, self._sequence, command[1], data)
        session_id = struct.pack("<I", self._session_id)
        sequence = struct.pack("<I", self._session_sequence)
        code = b""
        if self._auth == AUTH_MD5:
            code = hashlib.md5(self.password + session_id + message + sequence
                               + self.password).digest()
        return (RMCP_HEADER + bytes([self._auth]) + sequence + session_id + code
                + bytes([len(message)]) + message)

    def _exchange(self, command, data, timeout=None):
        self._sequence = (self._sequence + 1) % 64
        self._socket.send(self._packet(command, data))
        if self._session_sequence:
            self._session_sequence += 1
        reply = self._reply_to(command, scaled(timeout or self.timeout))
        self._last_used = time.monotonic()
        if reply[0] != OK:
            raise CompletionError(command, reply[0])
        return reply[1:]

    def _reply_to(self, command, timeout):
        """The reply to the request just sent; older ones are skipped."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                packet = self._socket.recv(512)
            except TimeoutError:
                break
            message = packet[14 if packet[4] == AUTH_NONE else 30:]
            if message[4] >> 2 == self._sequence and message[5] == command[1]:
                return message[6:-1]
        raise NoAnswer(f"no answer to netfn {command[0]:#04x} command {command[1]:#04x}")

    # The SEL commands that tests use, as another administrator would.

    def add(self, record):
        """Add a 16-byte record; the BMC picks id and time.  Returns the id."""
        return struct.unpack("<H", self.command(ADD_SEL_ENTRY, record))[0]

    def reserve(self):
        return struct.unpack("<H", self.command(RESERVE_SEL))[0]

    def delete(self, record_id):
        self.command(DELETE_SEL_ENTRY, struct.pack("<HH", self.reserve(), record_id))

    def clear(self):
        """Clear the SEL and wait until it is erased."""
        reservation = self.reserve()
        self.command(CLEAR_SEL, struct.pack("<H3sB", reservation, b"CLR", 0xAA))
        wait_for(lambda: self.command(CLEAR_SEL, struct.pack("<H3sB", reservation, b"CLR", 0))
                 [0] & 0xF == 1, 5, "the SEL to be erased")

    def entry(self, record_id):
        """(id of the next record, the record)."""
        reply = self.command(GET_SEL_ENTRY, struct.pack("<HHBB", 0, record_id, 0, 0xFF))
        return struct.unpack("<H16s", reply)

    def sel(self):
        """Every record, read over the wire."""
        result, record_id = [], FIRST_RECORD
        while record_id != LAST_RECORD:
            try:
                record_id, record = self.entry(record_id)
            except CompletionError as error:
                if error.code == NOT_PRESENT and not result:
                    break
                raise
            result.append(record)
        return result

    def info(self):
        """Get SEL Info as a dictionary."""
        keys = ("version", "entries", "free", "added", "erased", "flags")
        return dict(zip(keys, struct.unpack("<BHHIIB", self.command(GET_SEL_INFO)), strict=True))

    def time(self):
        return struct.unpack("<I", self.command(GET_SEL_TIME))[0]

    def set_time(self, seconds):
        self.command(SET_SEL_TIME, struct.pack("<I", seconds & 0xFFFFFFFF))
