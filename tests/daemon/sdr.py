# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sensors of the simulated BMCs, and their sensor data records (SDRs).

The records are built byte by byte rather than by sdrcomp: names may then be as
hostile as a test likes, nothing is packed behind our back, and the same bytes
serve ipmi_sim and the scripted BMC.  Table numbers are those of the IPMI 2.0
specification.
"""

import struct
from dataclasses import dataclass

BMC_ADDRESS = 0x20
SATELLITE_ADDRESS = 0x30

# Kinds of sensor data record (chapter 43).
FULL, COMPACT, EVENT_ONLY, MC_LOCATOR = 0x01, 0x02, 0x03, 0x12

# Event/reading type codes (table 42-1).
THRESHOLD = 0x01
DIGITAL = 0x03            # generic digital discrete: state deasserted/asserted
SEVERITY = 0x07           # generic discrete whose states are severities
REDUNDANCY = 0x0B
SENSOR_SPECIFIC = 0x6F

# Sensor types (table 42-3).
TEMPERATURE, VOLTAGE, FAN = 0x01, 0x02, 0x04
PROCESSOR, POWER_SUPPLY, MEMORY, POST, SEL_DISABLED, BUTTON = 0x07, 0x08, 0x0C, 0x0F, 0x10, 0x14

# Unit codes (table 43-15).
UNSPECIFIED, CELSIUS, VOLTS, RPM = 0, 1, 4, 18

# Thresholds, in the order of the bits that stand for them.
LOWER_NON_CRITICAL, LOWER_CRITICAL, LOWER_NON_RECOVERABLE = 0, 1, 2
UPPER_NON_CRITICAL, UPPER_CRITICAL, UPPER_NON_RECOVERABLE = 3, 4, 5
THRESHOLD_NAMES = ("lower_non_critical", "lower_critical", "lower_non_recoverable",
                   "upper_non_critical", "upper_critical", "upper_non_recoverable")

# How an id string is encoded (table 43-1, type/length byte).
UNICODE, BCD_PLUS, ASCII_6BIT, LATIN_8BIT = 0x00, 0x40, 0x80, 0xC0
MAX_ID = 31


@dataclass(frozen=True)
class Sensor:
    """One sensor: what its SDR says, and what a test needs to make events."""

    label: str                       # how tests call it
    number: int
    sensor_type: int
    reading_type: int = THRESHOLD
    entity: tuple = (7, 1)           # entity id and instance; 7.1 is the system board
    sdr_type: int = FULL
    owner: int = BMC_ADDRESS
    id_bytes: bytes = None           # the name on the wire; None: the label
    id_encoding: int = LATIN_8BIT
    states: int = 0x7FFF             # the states a discrete sensor has
    unit: int = UNSPECIFIED
    factors: tuple = (1, 0, 0, 0)    # M, B, R exponent, B exponent
    signed: bool = False             # analog values are two's complement
    # lnc, lc, lnr, unc, uc, unr as raw bytes
    thresholds: tuple = (10, 5, 2, 80, 90, 100)
    reading: int = 40                # raw value at power-on; for a discrete sensor its states

    @property
    def name(self):
        """The name as bytes, as the SDR carries it."""
        return self.label.encode("latin-1") if self.id_bytes is None else self.id_bytes

    @property
    def analog(self):
        return self.reading_type == THRESHOLD

    def value(self, raw):
        """The reading that a raw byte stands for (36.3, linear)."""
        if self.signed and raw > 127:
            raw -= 256
        m, b, result_exponent, b_exponent = self.factors
        return (m * raw + b * 10 ** b_exponent) * 10 ** result_exponent


def _id_string(sensor):
    name = sensor.name
    if len(name) > MAX_ID:
        raise ValueError(f"{sensor.label}: an id string has at most {MAX_ID} bytes")
    return bytes([sensor.id_encoding | len(name)]) + name


def _record(sdr_type, body):
    """A whole SDR with record id 0: the BMC assigns the ids."""
    return struct.pack("<HBBB", 0, 0x51, sdr_type, len(body)) + body


def _key(sensor):
    return bytes([sensor.owner, 0, sensor.number])


def _masks(sensor):
    if sensor.analog:
        # All twelve threshold events both ways, all six thresholds readable and settable.
        return struct.pack("<HHBB", 0x7FFF, 0x7FFF, 0x3F, 0x3F)
    return struct.pack("<HHH", sensor.states, sensor.states, sensor.states)


def _common(sensor):
    """The part that full and compact records share."""
    initialisation = 0x7F            # everything, events and scanning on
    capabilities = 0x68 if sensor.analog else 0x40  # auto re-arm, settable
    return (_key(sensor) + bytes(sensor.entity)
            + bytes([initialisation, capabilities, sensor.sensor_type, sensor.reading_type])
            + _masks(sensor)
            + bytes([0x80 if sensor.signed else 0, sensor.unit, 0]))


def _full(sensor):
    m, b, result_exponent, b_exponent = sensor.factors
    lnc, lc, lnr, unc, uc, unr = sensor.thresholds
    conversion = bytes([0,                                   # linear
                        m & 0xFF, (m >> 2) & 0xC0,           # M
                        b & 0xFF, (b >> 2) & 0xC0,           # B
                        0, (result_exponent & 0xF) << 4 | (b_exponent & 0xF)])
    limits = bytes([0, 0, 0, 0,                              # nothing nominal
                    0x7F if sensor.signed else 0xFF, 0x80 if sensor.signed else 0,
                    unr & 0xFF, uc & 0xFF, unc & 0xFF, lnr & 0xFF, lc & 0xFF, lnc & 0xFF,
                    0, 0])                                   # no hysteresis
    return _common(sensor) + conversion + limits + bytes(3) + _id_string(sensor)


def _compact(sensor):
    return _common(sensor) + bytes([1, 0, 0, 0, 0, 0, 0, 0]) + _id_string(sensor)


def _event_only(sensor):
    return (_key(sensor) + bytes(sensor.entity)
            + bytes([sensor.sensor_type, sensor.reading_type, 1, 0, 0, 0])
            + _id_string(sensor))


def sensor_record(sensor):
    """The SDR of SENSOR."""
    build = {FULL: _full, COMPACT: _compact, EVENT_ONLY: _event_only}[sensor.sdr_type]
    return _record(sensor.sdr_type, build(sensor))


def controller_record(address, name, entity=(7, 96)):
    """The locator of a management controller (43.9)."""
    body = bytes([address, 0, 0, 0x01, 0, 0, 0]) + bytes(entity) + b"\0"
    return _record(MC_LOCATOR, body + bytes([LATIN_8BIT | len(name)]) + name)


def _population():
    yield Sensor("CPU1 Temp", 1, TEMPERATURE, entity=(3, 1), unit=CELSIUS)
    # Below zero, and thresholds of both signs.
    yield Sensor("Inlet Temp", 2, TEMPERATURE, entity=(64, 1), unit=CELSIUS, signed=True,
                 thresholds=(-5, -10, -20, 45, 50, 60), reading=21)
    # 0.06 V a step: 200 is 12 V.
    yield Sensor("12V", 3, VOLTAGE, entity=(10, 1), unit=VOLTS, factors=(6, 0, -2, 0),
                 thresholds=(190, 185, 180, 210, 215, 220), reading=200)
    yield Sensor("FAN1", 4, FAN, entity=(29, 1), unit=RPM, factors=(100, 0, 0, 0),
                 thresholds=(20, 15, 10, 150, 160, 170), reading=60)

    yield Sensor("PSU1 Status", 16, POWER_SUPPLY, SENSOR_SPECIFIC, (10, 1), COMPACT,
                 states=0x007F, reading=0x01)
    yield Sensor("DIMM A1", 17, MEMORY, SENSOR_SPECIFIC, (32, 1), COMPACT,
                 states=0x01FF, reading=0x40)
    yield Sensor("CPU1 Status", 18, PROCESSOR, SENSOR_SPECIFIC, (3, 1), COMPACT,
                 states=0x0FFF, reading=0x80)
    yield Sensor("Chassis Fan State", 19, FAN, DIGITAL, (29, 2), COMPACT,
                 states=0x0003, reading=0x01)
    yield Sensor("VRM State", 20, VOLTAGE, SEVERITY, (10, 2), COMPACT,
                 states=0x01FF, reading=0x01)
    yield Sensor("PS Redundancy", 21, POWER_SUPPLY, REDUNDANCY, (19, 1), COMPACT,
                 states=0x00FF, reading=0x01)

    yield Sensor("SEL Disabled", 32, SEL_DISABLED, SENSOR_SPECIFIC, (6, 1), EVENT_ONLY,
                 states=0x003F)
    yield Sensor("POST Error", 33, POST, SENSOR_SPECIFIC, (34, 1), EVENT_ONLY, states=0x0007)

    # A blade with a controller of its own at another IPMB address.
    yield Sensor("Blade Temp", 1, TEMPERATURE, entity=(15, 1), owner=SATELLITE_ADDRESS,
                 unit=CELSIUS)
    yield Sensor("Blade Button", 2, BUTTON, SENSOR_SPECIFIC, (15, 1), COMPACT,
                 owner=SATELLITE_ADDRESS, states=0x001F, reading=0)

    yield from _hostile()


# Names that an attacker would choose.  The shell texts would leave a file
# "pwned" in the working directory of whatever ran them.
HOSTILE_NAMES = {
    "newline": b"Temp\nseverity critical",
    "endevent": b"x\nendevent\ndiscrete\noffset 1",
    "carriage return": b"Temp\r\nid 1.1.forged",
    "command substitution": b"$(touch pwned)",
    "backquotes": b"`touch pwned`",
    "semicolon": b"; touch pwned; #",
    "pipe": b"|touch pwned&",
    "option": b"-rf",
    "quotes": b"\"'\\\" '; \\",
    "format": b"%n%s%s%s%100000x",
    "invalid UTF-8": b"T\xff\xfe\xc3( \xed\xa0\x80",
    "overlong UTF-8": b"..\xc0\xaf\xc0\xae",
    "NUL": b"Temp\0hidden",
    "escape sequence": b"\x1b]0;owned\x07\x1b[2J",
    "markup": b"<img src=x onerror=alert(1)>",
    "longest": b"abcdefghijklmnopqrstuvwxyz01234",
    "empty": b"",
}


def _hostile():
    for position, (label, name) in enumerate(HOSTILE_NAMES.items()):
        yield Sensor(label, 64 + position, TEMPERATURE, entity=(55, 1 + position),
                     unit=CELSIUS, id_bytes=name)
    yield Sensor("hostile event-only", 96, BUTTON, SENSOR_SPECIFIC, (55, 60), EVENT_ONLY,
                 id_bytes=b"b\nendevent", states=0x001F)


class Population:
    """The sensors of one BMC, found by label."""

    def __init__(self, sensors=None, satellite=True):
        chosen = _population() if sensors is None else sensors
        self.sensors = tuple(sensor for sensor in chosen
                             if satellite or sensor.owner == BMC_ADDRESS)
        self._by_label = {sensor.label: sensor for sensor in self.sensors}

    def __iter__(self):
        return iter(self.sensors)

    def __getitem__(self, label):
        return self._by_label[label]

    @property
    def satellites(self):
        """The addresses of the controllers besides the BMC."""
        return sorted({sensor.owner for sensor in self.sensors} - {BMC_ADDRESS})

    def records(self, without=()):
        """The whole SDR repository, record ids still 0; not those of the sensors called WITHOUT."""
        locators = [controller_record(address, b"Blade %02X" % address)
                    for address in self.satellites]
        return locators + [sensor_record(sensor) for sensor in self.sensors if sensor.label not in without]


ORDINARY = Population([sensor for sensor in _population() if sensor.number < 64])
EVERYTHING = Population()
HOSTILE = Population([*_population()][:1] + list(_hostile()))
