# SPDX-License-Identifier: LGPL-2.1-or-later
"""A System Event Log that can be told to behave like a bad BMC's.

By default it is stricter than ipmi_sim, as real BMCs are: adding or deleting
a record cancels the reservation, and record ids start again after a clear.
Every method may be called from any thread.
"""

import struct
import threading
import time

import records
from ipmi import (CANNOT_RETURN_SO_MANY, FIRST_RECORD, INVALID_FIELD, LAST_RECORD, NOT_PRESENT,
                  OK, OUT_OF_SPACE, REQUEST_TOO_SHORT, RESERVATION_LOST, UNSUPPORTED_COMMAND)

CAN_ALLOCATION, CAN_RESERVE, CAN_PARTIAL_ADD, CAN_DELETE, OVERFLOW = 0x01, 0x02, 0x04, 0x08, 0x80
LAST_USABLE_ID = 0xFFFE


class Clock:
    """The SEL clock; it can be set, frozen and made to jump."""

    def __init__(self):
        self._offset = 0.0
        self._frozen_at = None

    def now(self):
        """Whole seconds, as the BMC reports them."""
        running = time.time() + self._offset if self._frozen_at is None else self._frozen_at
        return int(running) & 0xFFFFFFFF

    def set(self, seconds):
        if self._frozen_at is None:
            self._offset = seconds - time.time()
        else:
            self._frozen_at = seconds

    def jump(self, seconds):
        """Go forward, or back when SECONDS is negative."""
        if self._frozen_at is None:
            self._offset += seconds
        else:
            self._frozen_at += seconds

    def freeze(self):
        self._frozen_at = self.now()

    def run(self):
        frozen, self._frozen_at = self._frozen_at, None
        if frozen is not None:
            self.set(frozen)


class ScriptedSel:
    """The records, and the answers to the SEL commands.

    Its switches, all of which may be changed at any time:

    cancel_reservations   adding or deleting a record cancels the reservation
    ids_restart           ids count from 1 again after a clear
    flags                 what Get SEL Info claims to support (and supports)
    claimed               entries of Get SEL Info to lie about: entries, free,
                          added, erased, flags
    links                 {id: id named as its next record}, for loops and gaps
    erase_polls           how often Clear answers "in progress" before "done"
    keeps_times           a record that comes with a time keeps it; when False
                          the BMC stamps them all, as real BMCs do
    """

    def __init__(self, capacity=4000):
        self.capacity = capacity
        self.clock = Clock()
        self.cancel_reservations = True
        self.ids_restart = True
        self.flags = CAN_DELETE | CAN_RESERVE
        self.claimed = {}
        self.links = {}
        self.erase_polls = 0
        self.keeps_times = True
        self.overflowed = False
        self.added_at = 0
        self.erased_at = 0
        self.next_id = 1
        self._lock = threading.RLock()
        self._records = {}             # id → 16 bytes, in SEL order
        self._successors = None        # id → the id after it, made when needed
        self._reservation = 0          # 0: none is valid
        self._last_reservation = 0
        self._polls_left = 0
        self._commands = {0x40: self._info, 0x41: self._allocation, 0x42: self._reserve,
                          0x43: self._get, 0x44: self._add, 0x46: self._delete,
                          0x47: self._clear, 0x48: self._time, 0x49: self._set_time}

    # For tests.

    def records(self):
        with self._lock:
            return list(self._records.values())

    def record(self, record_id):
        with self._lock:
            return self._records.get(record_id)

    def add(self, record, record_id=None):
        """Append RECORD; with RECORD_ID under that id, replacing one of the same id."""
        with self._lock:
            return self._append(record, record_id)

    def add_many(self, new_records):
        """Append them all at one moment: no reader sees only some."""
        with self._lock:
            return [self._append(record) for record in new_records]

    def replace(self, record_id, record):
        """Put other bytes under an id, at the same place in the SEL."""
        with self._lock:
            self._records[record_id] = records.with_id(record, record_id, self.clock.now())
            self.added_at = self.clock.now()

    def delete(self, record_id):
        with self._lock:
            del self._records[record_id]
            self._changed()
            self.erased_at = self.clock.now()

    def clear(self, note_the_time=True):
        """Empty the SEL; without NOTE_THE_TIME the erase time does not move."""
        with self._lock:
            self._records.clear()
            self._changed()
            self.overflowed = False
            if self.ids_restart:
                self.next_id = 1
            if note_the_time:
                self.erased_at = self.clock.now()

    def cancel_reservation(self):
        with self._lock:
            self._reservation = 0

    def _changed(self):
        self._successors = None
        if self.cancel_reservations:
            self._reservation = 0

    def _append(self, record, record_id=None):
        if record_id is None:
            record_id = self._free_id()
        if record_id is None or len(self._records) >= self.capacity:
            self.overflowed = True
            return None
        seconds = self.clock.now()
        if self.keeps_times and records.timestamp(record):
            seconds = records.timestamp(record)
        self._records.pop(record_id, None)
        self._records[record_id] = records.with_id(record, record_id, seconds)
        self.added_at = self.clock.now()
        self._changed()
        return record_id

    def _free_id(self):
        for _ in range(LAST_USABLE_ID):
            candidate = self.next_id
            self.next_id = candidate + 1 if candidate < LAST_USABLE_ID else 1
            if candidate not in self._records:
                return candidate
        return None

    # For the wire: each takes the request's data and returns completion code and data.

    def answer(self, command, data):
        """The answer to a storage command, or None when it is none of the SEL's."""
        handler = self._commands.get(command)
        if not handler:
            return None
        with self._lock:
            try:
                return handler(data)
            except (struct.error, IndexError):
                return bytes([REQUEST_TOO_SHORT])

    def _info(self, _data):
        fields = {"entries": len(self._records),
                  "free": min((self.capacity - len(self._records)) * 16, 0xFFFF),
                  "added": self.added_at, "erased": self.erased_at,
                  "flags": self.flags | (OVERFLOW if self.overflowed else 0), **self.claimed}
        return struct.pack("<BBHHIIB", OK, 0x51, fields["entries"], fields["free"],
                           fields["added"], fields["erased"], fields["flags"])

    def _allocation(self, _data):
        if not self.flags & CAN_ALLOCATION:
            return bytes([UNSUPPORTED_COMMAND])
        free = self.capacity - len(self._records)
        return struct.pack("<BHHHHB", OK, self.capacity, 16, free, free, 1)

    def _reserve(self, _data):
        if not self.flags & CAN_RESERVE:
            return bytes([UNSUPPORTED_COMMAND])
        self._last_reservation = self._last_reservation % 0xFFFF + 1
        self._reservation = self._last_reservation
        return struct.pack("<BH", OK, self._reservation)

    def _reserved(self, number):
        return not self.flags & CAN_RESERVE or (number and number == self._reservation)

    def _find(self, record_id):
        """The id that a request means, None when there is no such record."""
        ids = self._records
        if record_id == FIRST_RECORD:
            return next(iter(ids), None)
        if record_id == LAST_RECORD:
            return next(reversed(ids), None)
        return record_id if record_id in ids else None

    def _following(self, record_id):
        if record_id in self.links:
            return self.links[record_id]
        if self._successors is None:
            ids = list(self._records)
            self._successors = dict(zip(ids, ids[1:]))
        return self._successors.get(record_id, LAST_RECORD)

    def _get(self, data):
        reservation, wanted, offset, count = struct.unpack_from("<HHBB", data)
        # Only a partial read needs a reservation.
        if (offset or count not in (16, 0xFF)) and not self._reserved(reservation):
            return bytes([RESERVATION_LOST])
        record_id = self._find(wanted)
        if record_id is None:
            return bytes([NOT_PRESENT])
        if count != 0xFF and offset + count > 16:
            return bytes([CANNOT_RETURN_SO_MANY])
        part = self._records[record_id][offset:] if count == 0xFF else (
            self._records[record_id][offset:offset + count])
        return struct.pack("<BH", OK, self._following(record_id)) + part

    def _add(self, data):
        if len(data) < 16:
            return bytes([REQUEST_TOO_SHORT])
        record_id = self._append(bytes(data[:16]))
        if record_id is None:
            return bytes([OUT_OF_SPACE])
        return struct.pack("<BH", OK, record_id)

    def _delete(self, data):
        reservation, wanted = struct.unpack_from("<HH", data)
        if not self.flags & CAN_DELETE:
            return bytes([UNSUPPORTED_COMMAND])
        if not self._reserved(reservation):
            return bytes([RESERVATION_LOST])
        record_id = self._find(wanted)
        if record_id is None:
            return bytes([NOT_PRESENT])
        self.delete(record_id)
        return struct.pack("<BH", OK, record_id)

    def _clear(self, data):
        reservation, letters, action = struct.unpack_from("<H3sB", data)
        if letters != b"CLR" or action not in (0x00, 0xAA):
            return bytes([INVALID_FIELD])
        if action == 0x00:
            done = self._polls_left <= 0
            self._polls_left -= 1
            return bytes([OK, 1 if done else 0])
        if not self._reserved(reservation):
            return bytes([RESERVATION_LOST])
        self.clear()
        self._polls_left = self.erase_polls
        return bytes([OK, 0 if self.erase_polls else 1])

    def _time(self, _data):
        return struct.pack("<BI", OK, self.clock.now())

    def _set_time(self, data):
        self.clock.set(struct.unpack_from("<I", data)[0])
        return bytes([OK])
