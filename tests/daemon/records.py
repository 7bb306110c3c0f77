# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builders of 16-byte SEL records (IPMI 2.0, chapters 32 and 29.7).

Each returns bytes with record id 0 and, unless told otherwise, time 0: the
BMC fills both in, so compare what `payload()` leaves of a record.
"""

import struct

from sdr import (BMC_ADDRESS, MEMORY, POST, SENSOR_SPECIFIC, TEMPERATURE, THRESHOLD,
                 UPPER_CRITICAL)

SYSTEM_EVENT = 0x02
EVM_REVISION = 0x04            # the event message format of IPMI 1.5 and 2.0
DEASSERTED = 0x80

# Software generator ids (table 5-4): bit 0 says "software".
BIOS, SMI_HANDLER, OPERATING_SYSTEM, CONSOLE = 0x01, 0x21, 0x41, 0x81

FIRST_OEM_TIMED, FIRST_OEM_UNTIMED = 0xC0, 0xE0

# Severities in a discrete event's second data byte: the offsets of the generic
# "severity" event type (table 42-2, type 07h).
SEVERITY_OK, SEVERITY_NON_CRITICAL, SEVERITY_CRITICAL = 0, 1, 2
UNSPECIFIED = 0xF

# What bits 7:6 of a discrete event's first data byte say of the second byte.
# The specification marks severity and previous state with 01b (table 29-6);
# OpenIPMI 2.0.33 looks for them under 10b, which means "OEM code", and takes
# 01b for severity 0, previous severity 0.
NO_BYTE_2, STATE_BYTE_2, OEM_BYTE_2, SENSOR_BYTE_2 = 0x00, 0x40, 0x80, 0xC0

def system_event(generator, sensor_type, sensor_number, event_type, data, *,
                 asserted=True, time=0, lun=0, channel=0, revision=EVM_REVISION):
    """A type 02h record from its parts; DATA is the three event data bytes."""
    return struct.pack("<HBIBBBBBB3s", 0, SYSTEM_EVENT, time,
                       generator, channel << 4 | lun, revision,
                       sensor_type, sensor_number,
                       event_type | (0 if asserted else DEASSERTED), bytes(data))


def threshold(sensor, which, going="high", *, asserted=True, reading=None, limit=None, time=0):
    """A crossing of threshold WHICH (sdr.UPPER_CRITICAL …) of SENSOR.

    READING and LIMIT are raw bytes; what is None is absent, and the event says
    so (table 29-6).
    """
    offset = 2 * which + (1 if going == "high" else 0)
    flags = (0x40 if reading is not None else 0) | (0x10 if limit is not None else 0)
    data = (flags | offset,
            0xFF if reading is None else reading & 0xFF,
            0xFF if limit is None else limit & 0xFF)
    return system_event(sensor.owner, sensor.sensor_type, sensor.number, THRESHOLD, data,
                        asserted=asserted, time=time)


def discrete(sensor, offset, *, asserted=True, severity=None, previous=None,
             byte_2=OEM_BYTE_2, extra=None, time=0):
    """State OFFSET of SENSOR, with a severity and a previous severity if given.

    BYTE_2 says how the two are marked: OEM_BYTE_2 is what OpenIPMI reads,
    STATE_BYTE_2 what a BMC that follows the specification sends.  EXTRA is the
    sensor's own third byte (a memory module's number, for example).
    """
    def nibble(value):
        return UNSPECIFIED if value is None else value

    has_second = severity is not None or previous is not None
    flags = (byte_2 if has_second else NO_BYTE_2) | (0x30 if extra is not None else 0)
    data = (flags | offset,
            nibble(severity) << 4 | nibble(previous) if has_second else 0xFF,
            0xFF if extra is None else extra)
    return system_event(sensor.owner, sensor.sensor_type, sensor.number,
                        sensor.reading_type, data, asserted=asserted, time=time)


def software(generator=OPERATING_SYSTEM, sensor_type=0x20, sensor_number=1,
             event_type=SENSOR_SPECIFIC, data=(0x01, 0xFF, 0xFF), **options):
    """An event that software logged: GENERATOR is odd, sensor numbers are its own.

    The default number is that of a sensor which the BMC has too, to catch
    whoever mixes the two up.
    """
    assert generator & 1, "a software generator id has bit 0 set"
    return system_event(generator, sensor_type, sensor_number, event_type, data, **options)


def unknown_sensor(number=0xEE, data=(0x59, 70, 60), **options):
    """An event of a sensor that the BMC has no SDR for."""
    return system_event(BMC_ADDRESS, TEMPERATURE, number, THRESHOLD, data, **options)


def oem_timed(record_type=0xC5, manufacturer=0x00C0FE, data=bytes(range(6)), time=0):
    """An OEM record with a time, types C0h–DFh (32.2)."""
    assert FIRST_OEM_TIMED <= record_type < FIRST_OEM_UNTIMED and len(data) == 6
    return (struct.pack("<HBI", 0, record_type, time) + manufacturer.to_bytes(3, "little")
            + bytes(data))


def oem_untimed(record_type=0xE3, data=bytes(range(13))):
    """An OEM record without a time, types E0h–FFh (32.3)."""
    assert record_type >= FIRST_OEM_UNTIMED and len(data) == 13
    return struct.pack("<HB", 0, record_type) + bytes(data)


def malformed(sensor):
    """Records that follow no rule, by name; SENSOR is a threshold sensor."""
    def event(**changes):
        parts = {"generator": sensor.owner, "sensor_type": sensor.sensor_type,
                 "sensor_number": sensor.number, "event_type": THRESHOLD,
                 "data": (0x59, 70, 60)}
        return system_event(**{**parts, **changes})

    return {
        # OpenIPMI hands these out as threshold 6 and 7, beyond its users' tables.
        "threshold 6": event(data=(0x5C, 70, 60)),
        "threshold 7": event(data=(0x5F, 70, 60)),
        "reserved record type": b"\0\0\x55" + event()[3:],
        "record type 0": b"\0\0\x00" + event()[3:],
        "event type of another kind": event(event_type=SENSOR_SPECIFIC),
        "reserved event type": event(event_type=0x00),
        "sensor type of another kind": event(sensor_type=MEMORY),
        "event message of IPMI 1.0": event(revision=0x03),
        "unknown event message revision": event(revision=0xFF),
        "reserved lun and channel": event(lun=3, channel=15),
        "controller that is not there": event(generator=0x72),
        "all zeros": bytes(16),
        "all ones": b"\0\0" + b"\xff" * 14,
    }


def numbered(sensor, number, time=0):
    """Threshold event NUMBER (0–65535) of SENSOR: reading and limit spell it out."""
    return threshold(sensor, UPPER_CRITICAL, "high", reading=number & 0xFF,
                     limit=number >> 8, time=time)


def number_of(record):
    """The NUMBER that numbered() put in RECORD."""
    return record[14] | record[15] << 8


def record_id(record):
    """The id that the BMC gave RECORD."""
    return struct.unpack_from("<H", record)[0]


def has_time(record):
    return record[2] < FIRST_OEM_UNTIMED


def timestamp(record):
    """The time in RECORD in seconds, or None."""
    return struct.unpack_from("<I", record, 3)[0] if has_time(record) else None


def payload(record):
    """RECORD without its id and time: what the sender of an event decides."""
    return record[2:3] + record[7 if has_time(record) else 3:]


def with_id(record, number, seconds=None):
    """RECORD under an id and, if it has a time and one is given, at that time."""
    stamped = struct.pack("<H", number) + record[2:]
    if seconds is not None and has_time(record):
        stamped = stamped[:3] + struct.pack("<I", seconds & 0xFFFFFFFF) + stamped[7:]
    return stamped


def every_threshold_event(sensor):
    """All six thresholds of SENSOR, both directions, coming and going, with values."""
    return [threshold(sensor, which, going, asserted=asserted,
                      reading=sensor.thresholds[which] + (1 if going == "high" else -1),
                      limit=sensor.thresholds[which])
            for which in range(6) for going in ("high", "low") for asserted in (True, False)]


def every_kind(population):
    """One record, or a few, of every kind there is, for comparisons."""
    cpu = population["CPU1 Temp"]
    result = every_threshold_event(cpu)
    result += every_threshold_event(population["Inlet Temp"])[:4]
    result += [threshold(cpu, UPPER_CRITICAL), threshold(cpu, UPPER_CRITICAL, limit=9),
               threshold(population["FAN1"], 1, "low", reading=12, limit=15),
               threshold(population["12V"], 5, "high", reading=222, limit=220)]
    result += [discrete(population["PSU1 Status"], 1),
               discrete(population["PSU1 Status"], 1, asserted=False),
               discrete(population["DIMM A1"], 1, extra=3),
               discrete(population["CPU1 Status"], 0, severity=SEVERITY_CRITICAL),
               discrete(population["CPU1 Status"], 0, previous=SEVERITY_OK),
               discrete(population["VRM State"], 2, severity=SEVERITY_CRITICAL,
                        previous=SEVERITY_NON_CRITICAL),
               discrete(population["VRM State"], 2, severity=SEVERITY_CRITICAL,
                        previous=SEVERITY_NON_CRITICAL, byte_2=STATE_BYTE_2),
               discrete(population["Chassis Fan State"], 1),
               discrete(population["PS Redundancy"], 1),
               discrete(population["POST Error"], 0),
               discrete(population["SEL Disabled"], 4)]
    result += [unknown_sensor(), software(), software(BIOS, POST, 6, data=(0xA0, 0x41, 0x0C)),
               oem_timed(), oem_timed(0xDF), oem_untimed(0xE0), oem_untimed(0xFF)]
    for address in population.satellites:
        result += [threshold(sensor, UPPER_CRITICAL, reading=95, limit=90) if sensor.analog
                   else discrete(sensor, 1)
                   for sensor in population if sensor.owner == address]
    return result
