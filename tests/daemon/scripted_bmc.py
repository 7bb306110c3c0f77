# SPDX-License-Identifier: LGPL-2.1-or-later
"""A BMC in Python that misbehaves to order.

It speaks RMCP+ (suites 3 and 17), has the same sensors as the simulated BMC
and a ScriptedSel, runs in a thread of the test process, and keeps a log of
every request.  A test bends it in three places:

- `bmc.sel_model`: a SEL that lies, forgets, loops or stands still;
- `bmc.script(command, hook)`: any command answered in any way;
- `bmc.mutate = function`: any packet altered, doubled or swallowed.

ipmi_sim's `loadlib` modules cannot do this: its replies are limited to 36
bytes, beyond which it writes past its own buffer.
"""

import heapq
import itertools
import os
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass

import ipmi
import rmcpplus
import sdr
from bmc import Bmc
from scripted_sel import ScriptedSel
from waiting import scaled, wait_for

SDR_FLAGS_RESERVE = 0x02
DEVICE_SUPPORT = 0x07            # SEL, SDR repository, sensors
SCANNING_AND_EVENTS = 0xC0


class Silence:
    """A hook's way to say that no answer is sent."""


@dataclass(frozen=True)
class Later:
    """A hook's way to say that ANSWER is sent only after SECONDS."""

    answer: bytes
    seconds: float


@dataclass(frozen=True)
class Exchange:
    """One request in the log, and how it was answered."""

    when: float
    command: tuple
    data: bytes
    answer: bytes               # completion code and data; None when there was none
    privilege: int              # of the session, None outside of one


# Hooks: function(request, proceed).  `request` is an rmcpplus.Message,
# `proceed()` makes the ordinary answer.  A hook returns bytes (completion code
# and data), Silence, Later, or a list of these for several answers.

def refuse(code):
    """Answer with a completion code."""
    return lambda request, proceed: bytes([code])


def silent(request, proceed):
    """Do nothing, say nothing."""
    return Silence


def unanswered(request, proceed):
    """Do what was asked, but do not say so."""
    proceed()
    return Silence


def cut(length):
    """Keep only LENGTH bytes of the answer, the completion code included."""
    return lambda request, proceed: proceed()[:length]


def padded(count, filler=b"\xa5"):
    """Append COUNT bytes to the answer."""
    return lambda request, proceed: proceed() + filler * count


def late(seconds):
    """Answer after SECONDS; other requests are answered meanwhile."""
    return lambda request, proceed: Later(proceed(), seconds)


def doubled(request, proceed):
    """Answer twice."""
    answer = proceed()
    return [answer, answer]


def first(times, hook):
    """HOOK for so many requests, then the ordinary answer."""
    left = itertools.count(times, -1)
    return lambda request, proceed: hook(request, proceed) if next(left) > 0 else proceed()


def before(action, hook=None):
    """Call ACTION, then answer: something happens just before the BMC acts."""
    def both(request, proceed):
        action()
        return hook(request, proceed) if hook else proceed()
    return both


class ScriptedBmc(Bmc):
    """One scriptable BMC; the interface is that of SimulatedBmc."""

    def __init__(self, population=None, *, suites=(rmcpplus.SUITE_3, rmcpplus.SUITE_17),
                 sel_capacity=4000, **options):
        # Bridging to satellites is not simulated.
        super().__init__(population or sdr.Population(satellite=False), **options)
        self.sel_model = ScriptedSel(sel_capacity)
        self.server = rmcpplus.Server(
            {self.user.encode(): (self.password.encode(), self.privilege)}, suites)
        self.mutate = None
        self.readings = {sensor.number: sensor.reading & 0xFF for sensor in self.population}
        self._repository = Repository(self.population.records())
        self._log = []
        self._scripts = {}
        self._lock = threading.RLock()
        self._socket = None
        self._thread = None
        self._wake = None
        self._frozen = False
        self._stopping = False
        self._failure = None         # what a hook raised
        self._waiting = []           # heap of (when due, number, packet, peer)
        self._numbers = itertools.count()

    # Power.

    def start(self):
        """Power the BMC on; returns when it answers."""
        self._socket = self._open()
        self._wake = os.pipe()
        self._stopping = self._frozen = False
        self._thread = threading.Thread(target=self._run, name="scripted BMC", daemon=True)
        self._thread.start()

    def _open(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind((self.address, self.port))
        return sock

    def stop(self):
        """Power it off; sessions are gone, the SEL stays."""
        if self._thread is None:
            return
        self._stopping = True
        self._nudge()
        self._thread.join(scaled(10))
        assert not self._thread.is_alive(), "the scripted BMC is stuck in a hook"
        self._thread = None
        self._socket.close()
        for end in self._wake:
            os.close(end)
        self.server.forget_sessions()
        self._waiting.clear()
        failure, self._failure = self._failure, None
        if failure:
            raise failure

    kill = stop

    def freeze(self):
        """Fall silent; what arrives meanwhile waits, as long as the socket has room."""
        self._frozen = True
        self._nudge()

    def thaw(self):
        self._frozen = False
        self._nudge()

    def restart(self, empty_sel=False):
        """Power off and on at the same address."""
        self.stop()
        if empty_sel:
            self.sel_model.clear(note_the_time=False)
            self.sel_model.next_id = 1
        self.start()

    # The SEL.

    def add(self, record):
        """Add one record; returns its id, None when the SEL is full."""
        return self.sel_model.add(record)

    def add_many(self, new_records):
        """Add records at one moment; returns their ids."""
        return self.sel_model.add_many(new_records)

    def preload(self, new_records, first_id=1):
        """Replace the SEL; ids count up from FIRST_ID."""
        self.sel_model.clear(note_the_time=False)
        self.sel_model.next_id = first_id
        return self.sel_model.add_many(new_records)

    def sel(self):
        return self.sel_model.records()

    def delete(self, record_id):
        self.sel_model.delete(record_id)

    def clear(self):
        self.sel_model.clear()

    def change_sensors(self, population):
        """Have other sensors from now on, as after a firmware update."""
        self.population = population
        self.readings = {sensor.number: sensor.reading & 0xFFFF for sensor in population}
        self._repository.replace(population.records())

    def set_reading(self, label, raw):
        """Set what a sensor measures: a raw byte, or the states of a discrete one."""
        self.readings[self.sensor(label).number] = raw

    # Bending it, and looking at what was asked.

    def script(self, command, hook):
        """Answer COMMAND, a (netfn, command) pair of ipmi.py, with HOOK from now on."""
        with self._lock:
            self._scripts[command] = hook

    def unscript(self, command=None):
        """Answer COMMAND, or every command, in the ordinary way again."""
        with self._lock:
            if command is None:
                self._scripts.clear()
            else:
                self._scripts.pop(command, None)

    def log(self, command=None, since=0.0):
        """The Exchanges so far, or those of one command."""
        with self._lock:
            return [one for one in self._log
                    if (command is None or one.command == command) and one.when >= since]

    def count(self, command=None, since=0.0):
        return len(self.log(command, since))

    def forget_log(self):
        with self._lock:
            self._log.clear()

    def wait_for_request(self, command, times=1, deadline=10.0):
        """Wait until COMMAND came TIMES more times."""
        wanted = self.count(command) + times
        wait_for(lambda: self.count(command) >= wanted, deadline,
                 f"netfn {command[0]:#04x} command {command[1]:#04x} to be asked for")

    @property
    def sessions(self):
        """The sessions that are open."""
        return self.server.active_sessions()

    # The thread.

    def _nudge(self):
        os.write(self._wake[1], b"x")

    def _run(self):
        while not self._stopping:
            sources = [self._wake[0]] + ([] if self._frozen else [self._socket])
            ready, _, _ = select.select(sources, [], [], self._until_due())
            if self._wake[0] in ready:
                os.read(self._wake[0], 64)
            if self._socket in ready and not self._frozen:
                self._serve()
            if not self._frozen:
                self._send_due()

    def _until_due(self):
        if self._frozen or not self._waiting:
            return None
        return max(0.0, self._waiting[0][0] - time.monotonic())

    def _send_due(self):
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _, _, packet, peer = heapq.heappop(self._waiting)
            self._send(packet, peer)

    def _serve(self):
        try:
            packet, peer = self._socket.recvfrom(2048)
        except OSError:
            return             # an ICMP error about a client that is gone
        try:
            message, packets = self.server.receive(packet, peer)
            for answer in packets:
                self._send(answer, peer)
            if message:
                self._answer(message)
        except Exception as error:     # a mistake in a test's hook: stop() tells of it
            self._failure = error

    def _send(self, packet, peer):
        packets = [packet]
        if self.mutate:
            altered = self.mutate(packet)
            packets = altered if isinstance(altered, list) else [altered] if altered else []
        for one in packets:
            try:
                self._socket.sendto(one, peer)
            except OSError:
                pass

    def _answer(self, message):
        command = (message.netfn, message.command)
        with self._lock:
            hook = self._scripts.get(command)
        answers = hook(message, lambda: self.ordinary(message)) if hook else self.ordinary(message)
        for answer in answers if isinstance(answers, list) else [answers]:
            self._note(message, command, answer)
            self._post(message, answer)

    def _note(self, message, command, answer):
        shown = answer.answer if isinstance(answer, Later) else answer
        privilege = message.session.role & 0xF if message.session else None
        with self._lock:
            self._log.append(Exchange(time.monotonic(), command, message.data,
                                      None if shown is Silence else shown, privilege))

    def _post(self, message, answer):
        if answer is Silence:
            return
        if isinstance(answer, Later):
            due = time.monotonic() + answer.seconds
            packet = self.server.encode(message, message.reply(answer.answer))
            heapq.heappush(self._waiting, (due, next(self._numbers), packet, message.peer))
        else:
            self._send(self.server.encode(message, message.reply(answer)), message.peer)

    # The commands.

    def ordinary(self, message):
        """The answer of a well-behaved BMC: completion code and data."""
        if message.session is None and (message.netfn, message.command) not in _SESSIONLESS:
            return bytes([ipmi.NO_PRIVILEGE])
        handler = _COMMANDS.get((message.netfn, message.command))
        try:
            if handler:
                return handler(self, message)
            if message.netfn == ipmi.STORAGE:
                answer = self.sel_model.answer(message.command, message.data)
                return answer or bytes([ipmi.UNSUPPORTED_COMMAND])
        except (struct.error, IndexError):
            return bytes([ipmi.REQUEST_TOO_SHORT])
        return bytes([ipmi.UNSUPPORTED_COMMAND])

    def _auth_capabilities(self, _message):
        # RMCP+ only, user level authentication, no anonymous users; whether K_g is set (22.13).
        two_keys = 0x20 if self.server.bmc_key is not None else 0
        return bytes([ipmi.OK, 1, 0x80, two_keys | 0x04, 0x02, 0, 0, 0, 0])

    def _cipher_suites(self, message):
        listed = b"".join(bytes([0xC0, suite.number, suite.authentication,
                                 0x40 | suite.integrity, 0x80 | suite.confidentiality])
                          for suite in self.server.suites)
        start = (message.data[2] & 0x3F) * 16
        return bytes([ipmi.OK, 1]) + listed[start:start + 16]

    def _set_privilege(self, message):
        wanted = message.data[0] or ipmi.USER
        if wanted > message.session.role & 0xF:
            return bytes([0x81])
        return bytes([ipmi.OK, wanted])

    def _close_session(self, message):
        number = struct.unpack_from("<I", message.data)[0]
        return bytes([ipmi.OK if self.server.sessions.pop(number, None) else 0x87])

    def _device_id(self, _message):
        return bytes([ipmi.OK, 0x20, 0x01, 0x01, 0x00, 0x02, DEVICE_SUPPORT]) + bytes(9)

    def _guid(self, _message):
        return bytes([ipmi.OK]) + self.server.guid

    def _channel_info(self, message):
        channel = message.data[0] & 0xF
        if channel in (1, 0xE):
            return bytes([ipmi.OK, 1, 4, 1, 0x80, 0xF2, 0x1B, 0, 0, 0])
        if channel == 0:
            return bytes([ipmi.OK, 0, 1, 1, 0x00, 0xF2, 0x1B, 0, 0, 0])
        return bytes([ipmi.INVALID_FIELD])

    def _send_message(self, _message):
        return bytes([0x83])           # nobody there: the target did not acknowledge

    def _sdr_info(self, _message):
        return self._repository.info()

    def _reserve_sdr(self, _message):
        return self._repository.reserve()

    def _get_sdr(self, message):
        return self._repository.get(message.data)

    def _event_receiver(self, _message):
        return bytes([ipmi.OK, 0x20, 0])

    def _find_sensor(self, message):
        return next((sensor for sensor in self.population
                     if sensor.number == message.data[0] and sensor.owner == sdr.BMC_ADDRESS
                     and sensor.sdr_type != sdr.EVENT_ONLY), None)

    def _reading(self, message):
        sensor = self._find_sensor(message)
        if not sensor:
            return bytes([ipmi.NOT_PRESENT])
        value = self.readings[sensor.number]
        if not sensor.analog:
            return bytes([ipmi.OK, 0, SCANNING_AND_EVENTS, value & 0xFF, value >> 8 & 0x7F | 0x80])
        return bytes([ipmi.OK, value & 0xFF, SCANNING_AND_EVENTS, _crossed(sensor, value) | 0xC0])

    def _thresholds(self, message):
        sensor = self._find_sensor(message)
        if not sensor:
            return bytes([ipmi.NOT_PRESENT])
        return bytes([ipmi.OK, 0x3F, *(limit & 0xFF for limit in sensor.thresholds)])

    def _hysteresis(self, _message):
        return bytes([ipmi.OK, 0, 0])

    def _event_enable(self, message):
        sensor = self._find_sensor(message)
        if not sensor:
            return bytes([ipmi.NOT_PRESENT])
        states = 0x0FFF if sensor.analog else sensor.states
        return struct.pack("<BBHH", ipmi.OK, SCANNING_AND_EVENTS, states, states)

    def _event_status(self, _message):
        return struct.pack("<BBHH", ipmi.OK, SCANNING_AND_EVENTS, 0, 0)

    def _accept(self, _message):
        return bytes([ipmi.OK])


class Repository:
    """A repository of SDRs."""

    # What fits in a reply of 36 bytes, like many BMCs; clients read in parts.
    MAX_READ = 32

    def __init__(self, entries):
        self._records = {number: struct.pack("<H", number) + record[2:]
                         for number, record in enumerate(entries, 1)}
        self._changed = int(time.time()) - 86400
        self._reservation = 0

    def replace(self, entries):
        self._records = {number: struct.pack("<H", number) + record[2:]
                         for number, record in enumerate(entries, 1)}
        self._changed += 1
        self._reservation += 1

    def info(self):
        return struct.pack("<BBHHIIB", ipmi.OK, 0x51, len(self._records), 0x1000,
                           self._changed, self._changed, SDR_FLAGS_RESERVE)

    def reserve(self):
        self._reservation = self._reservation % 0xFFFF + 1
        return struct.pack("<BH", ipmi.OK, self._reservation)

    def get(self, data):
        reservation, record_id, offset, count = struct.unpack_from("<HHBB", data)
        if offset and reservation != self._reservation:
            return bytes([ipmi.RESERVATION_LOST])
        record_id = record_id or 1
        record = self._records.get(record_id)
        if record is None:
            return bytes([ipmi.NOT_PRESENT])
        if min(count, len(record) - offset) > self.MAX_READ:
            return bytes([ipmi.CANNOT_RETURN_SO_MANY])
        following = record_id + 1 if record_id + 1 in self._records else 0xFFFF
        return struct.pack("<BH", ipmi.OK, following) + record[offset:offset + count]


def _crossed(sensor, raw):
    """The threshold comparison bits of Get Sensor Reading."""
    def number(value):
        value &= 0xFF
        return value - 256 if sensor.signed and value > 127 else value

    value = number(raw)
    lower = sum(1 << bit for bit in range(3) if value <= number(sensor.thresholds[bit]))
    upper = sum(1 << bit for bit in range(3, 6) if value >= number(sensor.thresholds[bit]))
    return lower | upper


_SESSIONLESS = {ipmi.GET_CHANNEL_AUTH_CAPABILITIES, ipmi.GET_SYSTEM_GUID, ipmi.GET_CIPHER_SUITES}

_COMMANDS = {
    ipmi.GET_CHANNEL_AUTH_CAPABILITIES: ScriptedBmc._auth_capabilities,
    ipmi.GET_CIPHER_SUITES: ScriptedBmc._cipher_suites,
    ipmi.SET_SESSION_PRIVILEGE: ScriptedBmc._set_privilege,
    ipmi.CLOSE_SESSION: ScriptedBmc._close_session,
    ipmi.GET_DEVICE_ID: ScriptedBmc._device_id,
    ipmi.GET_DEVICE_GUID: ScriptedBmc._guid,
    ipmi.GET_SYSTEM_GUID: ScriptedBmc._guid,
    ipmi.GET_CHANNEL_INFO: ScriptedBmc._channel_info,
    ipmi.SEND_MESSAGE: ScriptedBmc._send_message,
    ipmi.GET_SDR_INFO: ScriptedBmc._sdr_info,
    ipmi.RESERVE_SDR: ScriptedBmc._reserve_sdr,
    ipmi.GET_SDR: ScriptedBmc._get_sdr,
    ipmi.GET_EVENT_RECEIVER: ScriptedBmc._event_receiver,
    ipmi.SET_EVENT_RECEIVER: ScriptedBmc._accept,
    ipmi.GET_READING: ScriptedBmc._reading,
    ipmi.GET_THRESHOLDS: ScriptedBmc._thresholds,
    ipmi.SET_THRESHOLDS: ScriptedBmc._accept,
    ipmi.GET_HYSTERESIS: ScriptedBmc._hysteresis,
    ipmi.GET_EVENT_ENABLE: ScriptedBmc._event_enable,
    ipmi.SET_EVENT_ENABLE: ScriptedBmc._accept,
    ipmi.REARM_EVENTS: ScriptedBmc._accept,
    ipmi.GET_EVENT_STATUS: ScriptedBmc._event_status,
}

# What it knows besides the SEL.
COMMANDS = tuple(_COMMANDS)
