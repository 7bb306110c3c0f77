# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every discrete state and threshold of the IPMI 2.0 specification, and a BMC with a
sensor for each: written down here once more, from tables 42-2 and 42-3, so that the
code's own table is compared with something.
"""

import records
import sdr

# Generic event types (table 42-2) → how many states they have.
GENERIC = {0x02: 3, 0x03: 2, 0x04: 2, 0x05: 2, 0x06: 2, 0x07: 9, 0x08: 2, 0x09: 2, 0x0A: 9,
           0x0B: 8, 0x0C: 4}

# Sensor types (table 42-3) → the offsets that they have.
SPECIFIC = {0x05: range(7), 0x06: range(6), 0x07: range(13), 0x08: range(8), 0x09: range(8),
            0x0C: range(11), 0x0D: range(9), 0x0F: range(3), 0x10: range(7), 0x11: range(8),
            0x12: range(6), 0x13: range(12), 0x14: range(5), 0x19: range(2), 0x1B: range(2),
            0x1D: range(8), 0x1E: range(5), 0x1F: range(11), 0x20: range(6), 0x21: range(10),
            0x22: [*range(13), 14], 0x23: [0, 1, 2, 3, 8], 0x24: range(4), 0x25: range(3),
            0x27: range(2), 0x28: range(6), 0x29: range(3), 0x2A: range(4), 0x2B: range(8),
            0x2C: range(8)}

# Sensor types with readings, and their units; the others without states of their own.
ANALOG = {0x01: sdr.CELSIUS, 0x02: sdr.VOLTS, 0x03: 5, 0x04: sdr.RPM, 0x0A: sdr.RPM, 0x0B: 6}
STATELESS = (0x0E, 0x15, 0x16, 0x17, 0x18, 0x1A, 0x1C, 0x26)
LAST_SENSOR_TYPE = 0x2C


def _sensors():
    number = 1
    for sensor_type, unit in ANALOG.items():
        yield sdr.Sensor(f"T{sensor_type:02X}", number, sensor_type, entity=(7, number), unit=unit)
        number += 1
    for sensor_type, offsets in SPECIFIC.items():
        yield sdr.Sensor(f"S{sensor_type:02X}", number, sensor_type, sdr.SENSOR_SPECIFIC,
                         (7, number), sdr.COMPACT, states=sum(1 << offset for offset in offsets))
        number += 1
    # Each generic type on a sensor type that has no states of its own.
    for position, (event_type, count) in enumerate(GENERIC.items()):
        yield sdr.Sensor(f"G{event_type:02X}", number, STATELESS[position % len(STATELESS)],
                         event_type, (7, number), sdr.COMPACT, states=(1 << count) - 1)
        number += 1


POPULATION = sdr.Population(_sensors())
assert ({sensor.sensor_type for sensor in POPULATION}
        == set(range(1, LAST_SENSOR_TYPE + 1))), "a sensor type has no sensor"


def offsets_of(sensor):
    """The offsets of a discrete sensor's states."""
    return [offset for offset in range(15) if sensor.states >> offset & 1]


def every_threshold():
    """All six thresholds of each sensor with readings, both ways, coming and going."""
    return [record for sensor in POPULATION if sensor.analog
            for record in records.every_threshold_event(sensor)]


def every_state():
    """Every discrete state, coming and going; event data 2 and 3 say nothing."""
    return [records.discrete(sensor, offset, asserted=asserted)
            for sensor in POPULATION if not sensor.analog
            for offset in offsets_of(sensor) for asserted in (True, False)]


# Sensor type, event data 1 to 3: what table 42-3 defines for event data 2 and 3.
EXTENSIONS = (
    (0x05, 0xC4, 1, 0xFF),
    (0x08, 0x36, 0xFF, 0), (0x08, 0x36, 0xFF, 3), (0x08, 0x36, 0xFF, 4),
    (0x0C, 0x38, 0xFF, 3), (0x0C, 0x30, 0xFF, 3),
    *((0x0F, 0xC0, code, 0xFF) for code in range(0x0E)),
    *((0x0F, 0xC1, code, 0xFF) for code in range(0x1A)),
    *((0x0F, 0xC2, code, 0xFF) for code in (1, 0x13, 0x19)),
    (0x10, 0xC0, 4, 0xFF), (0x10, 0xF1, 1, 0x39), (0x10, 0x35, 0xFF, 80), (0x10, 0xC6, 2, 0xFF),
    (0x12, 0xC3, 0x31, 0xFF), (0x12, 0xC4, 0x01, 0xFF), (0x12, 0xC4, 0x09, 0xFF),
    (0x12, 0xC5, 0x80, 0xFF), (0x12, 0xC5, 0x01, 0xFF),
    (0x19, 0xF0, 0, 5),
    *((0x1D, 0xC7, cause, 0xFF) for cause in range(12)), (0x1D, 0xF7, 4, 1),
    *((0x21, 0xF0, kind, 3) for kind in range(13)),
    (0x23, 0xC1, 0x24, 0xFF), (0x23, 0xC2, 0x11, 0xFF), (0x23, 0xC8, 0x32, 0xFF),
    (0x28, 0xC4, 7, 0xFF), (0x28, 0xF5, 0x80, 5),
    (0x2A, 0xF0, 2, 0x01), (0x2A, 0xF1, 2, 0x11), (0x2A, 0xF1, 2, 0x21), (0x2A, 0xF1, 2, 0x31),
    *((0x2B, 0xC1, code, 0xFF) for code in range(0x18)),
    *((0x2C, 0xC0, cause << 4 | 4, 0xFF) for cause in range(11)),
)


def every_extension():
    """EXTENSIONS as records."""
    return [records.system_event(sdr.BMC_ADDRESS, sensor_type,
                                 POPULATION[f"S{sensor_type:02X}"].number,
                                 sdr.SENSOR_SPECIFIC, data)
            for sensor_type, *data in EXTENSIONS]
