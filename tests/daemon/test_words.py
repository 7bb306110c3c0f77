# SPDX-License-Identifier: LGPL-2.1-or-later
"""ipmid's words beside those of ipmitool and ipmi-sel: every event of the specification.

Sensor, direction and numbers must be the same.  Words are the same when letters and
digits are; where they are not, docs/event-words.md has a row that says who is right.
A difference without a row fails, and so does a row without a difference.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import records
import sdr
import states
from waiting import scaled, wait_for

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "event-words.md"

# Their columns, and how they say which way an event went.
ELIST = re.compile(r"^ *([0-9a-f]+) \| [^|]* \| [^|]* \| ([^|]*?) \| (.*?) ?\| (Asserted|Deasserted)"
                   r"(?: \| Reading (\S+) [<>=] Threshold (\S+) .*)?$")
READING = re.compile(r" ; Sensor Reading = (-?[\d.]+)[^;]* ; Threshold = (-?[\d.]+)[^;]*$")


@dataclass(frozen=True)
class Said:
    """What one program says about one record."""

    sensor: str
    sensor_type: str
    asserted: bool
    words: str
    value: float = None
    limit: float = None


def plain(words):
    """WORDS without what cannot carry a meaning: case, punctuation, spacing."""
    return " ".join(re.findall(r"[a-z0-9%]+", words.lower()))


# ---------------------------------------------------------------- three readers

def of_ipmid(event, extended):
    """EXTENDED: with what event data 2 and 3 add, which is in the sentence only."""
    text = event["text"]
    assert text.startswith(event["sensor"] + ": ")
    return Said(event["sensor"], event["sensor_type"], event["assert"],
                text.removeprefix(event["sensor"] + ": ") if extended else event["state"],
                event.get("value"), event.get("limit"))


def number(text):
    return None if text is None else float(text)


def of_ipmitool(bmc, names):
    """By record id; NAMES are the sensors'."""
    output = run(bmc.ipmitool("sel", "elist"))
    found = {}
    for line in output.splitlines():
        match = ELIST.match(line)
        assert match, f"ipmitool printed: {line!r}"
        identity, sensor, words, direction, value, limit = match.groups()
        sensor_type, _, name = sensor.rpartition(" ")
        assert name in names, line
        found[int(identity, 16)] = Said(name, sensor_type, direction == "Asserted", words.strip(),
                                        number(value), number(limit))
    return found


def of_ipmi_sel(bmc, directory):
    output = run(["ipmi-sel", "-D", "LAN_2_0", "-I", "3", "-W", "opensesspriv",
                  "-h", f"{bmc.address}:{bmc.port}", "-u", bmc.user, "-p", bmc.password,
                  "-l", "ADMIN", "--sdr-cache-directory", str(directory), "--quiet-cache",
                  "--comma-separated-output", "--no-header-output", "-v"])
    found = {}
    for line in output.splitlines():
        identity, _, _, sensor, sensor_type, direction, words = line.split(",", 6)
        assert direction in ("Assertion Event", "Deassertion Event"), line
        match = READING.search(words)
        value, limit = match.groups() if match else (None, None)
        found[int(identity)] = Said(sensor, sensor_type, direction == "Assertion Event",
                                    READING.sub("", words), number(value), number(limit))
    return found


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          timeout=scaled(60))
    assert done.returncode == 0 and done.stdout, f"{command[0]}: {done.stderr}"
    return done.stdout


def verbose_blocks(bmc):
    """What `ipmitool -v sel elist` says, by record id."""
    blocks = {}
    for block in run(bmc.ipmitool("-v", "sel", "elist")).split("\n\n"):
        fields = dict(re.findall(r"^ *([^:\n]+?) *: ?(.*)$", block, re.MULTILINE))
        if "SEL Record ID" in fields:
            blocks[int(fields["SEL Record ID"], 16)] = fields
    return blocks


# ----------------------------------------------------------------- the document

def rows(heading):
    """The rows of the table under HEADING: what is in backquotes, by column name."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in section.splitlines() if line.startswith("|")]
    header, _, *body = lines
    return [dict(zip(header, (cell.strip("`") for cell in cells), strict=True)) for cells in body]


def table(different):
    """DIFFERENT as lines of the document, for whoever has to judge them."""
    return "\n".join(f"| {' | '.join(f'`{cell}`' for cell in row)} | ? |" for row in sorted(different))


def compare_with_document(heading, columns, different):
    """DIFFERENT, a set of tuples, are exactly the rows of the document."""
    known = {tuple(row[column] for column in columns) for row in rows(heading)}
    assert all(row["Who is right"] not in ("", "?") for row in rows(heading))
    new, stale = different - known, known - different
    assert not new, f"not in {DOCUMENT.name}, under {heading!r}:\n{table(new)}"
    assert not stale, f"in {DOCUMENT.name}, under {heading!r}, but not so:\n{table(stale)}"


# -------------------------------------------------------------------- the tests

class Trio:
    """What the three programs say about the same records."""

    def __init__(self, added, ours, ipmitool, ipmi_sel, extended):
        self.added = added                      # id → record
        self.ours = {event["record_id"]: of_ipmid(event, extended) for event in ours}
        self.events = {event["record_id"]: event for event in ours}
        self.theirs = {"ipmitool": ipmitool, "ipmi-sel": ipmi_sel}
        for name, said in (("ipmid", self.ours), *self.theirs.items()):
            assert said.keys() == added.keys(), f"{name} says nothing about some record"

    def pairs(self):
        """(id, program, what ipmid says, what the other says)"""
        for program, said in self.theirs.items():
            for identity in self.added:
                yield identity, program, self.ours[identity], said[identity]

    def word_rows(self):
        """One row an event whose words are not the same in all three programs."""
        result = set()
        for identity, record in self.added.items():
            words = [self.ours[identity].words, self.theirs["ipmitool"][identity].words,
                     self.theirs["ipmi-sel"][identity].words]
            if len({plain(one) for one in words}) > 1:
                result.add((f"{record[12] & 0x7F:02X} {record[10]:02X} {record[13:].hex(' ')}", *words))
        return result


@pytest.fixture
def make_trio(make_bmc, make_ipmid, tmp_path):
    def make(new_records, extended=False):
        bmc = make_bmc(states.POPULATION)
        ipmid = make_ipmid(bmc, options=["--format", "json"])
        added = dict(zip(bmc.add_many(new_records), new_records, strict=True))
        wait_for(lambda: len(ipmid.json_events()) >= len(added), 30, "ipmid to deliver them all")
        names = {sensor.label for sensor in states.POPULATION}
        trio = Trio(added, ipmid.json_events(), of_ipmitool(bmc, names), of_ipmi_sel(bmc, tmp_path),
                    extended)
        trio.verbose = verbose_blocks(bmc)
        return trio
    if not shutil.which("ipmi-sel"):
        pytest.fail("ipmi-sel is missing (Debian package freeipmi-tools)")
    return make


@pytest.mark.deadline(120)
def test_every_event_of_the_specification(make_trio):
    """Same sensor, direction, numbers and meaning."""
    trio = make_trio(states.every_threshold() + states.every_state())
    types = set()
    for identity, program, ours, theirs in trio.pairs():
        where = f"{program}, record {identity}, {trio.added[identity].hex(' ')}"
        assert theirs.sensor == ours.sensor, where
        assert theirs.asserted == ours.asserted, where
        assert theirs.value == pytest.approx(ours.value, abs=0.01), where
        assert theirs.limit == pytest.approx(ours.limit, abs=0.01), where
        if plain(theirs.sensor_type) != plain(ours.sensor_type):
            types.add((program, ours.sensor_type, theirs.sensor_type))
    compare_with_document("Sensor types", ("Program", "ipmid", "It says"), types)
    compare_with_document("States", ("Event", "ipmid", "ipmitool", "ipmi-sel"), trio.word_rows())
    check_verbose(trio)
    check_json(trio)


def check_verbose(trio):
    """The long form of ipmitool has the bytes too: sensor, direction, event data."""
    assert trio.verbose.keys() == trio.added.keys()
    for identity, fields in trio.verbose.items():
        record = trio.added[identity]
        said = trio.theirs["ipmitool"][identity]
        assert int(fields["Sensor Number"], 16) == record[11]
        assert fields["Event Direction"] == ("Assertion Event" if said.asserted
                                             else "Deassertion Event")
        assert fields["Event Data"] == record[13:].hex()
        assert fields["Description"].strip() == said.words


def check_json(trio):
    """What needs no second opinion: direction, severity and sentence of each event."""
    for identity, record in trio.added.items():
        event = trio.events[identity]
        assert event["assert"] == (record[12] & records.DEASSERTED == 0)
        assert bytes.fromhex(event["raw"])[10:] == record[10:]
        assert event["severity"] in (("ok", "info", "warning", "critical") if event["assert"]
                                     else ("ok", "info")), event
        assert (event["state"] in event["text"]) >= event["assert"], event
    came = [event["text"] for event in trio.events.values() if event["assert"]]
    assert len(set(came)) == len(came), "two events have the same sentence"


@pytest.mark.deadline(120)
def test_what_event_data_2_and_3_add(make_trio):
    trio = make_trio(states.every_extension(), extended=True)
    compare_with_document("Event data 2 and 3", ("Event", "ipmid", "ipmitool", "ipmi-sel"),
                          trio.word_rows())


def test_the_severities_that_the_issue_names(make_bmc, make_ipmid):
    """Thermal trip, IERR, uncorrectable ECC and power supply failure, …"""
    expected = [(0x07, 0, "critical"), (0x07, 1, "critical"), (0x0C, 1, "critical"),
                (0x08, 1, "critical"), (0x0C, 0, "warning"), (0x07, 12, "warning")]
    bmc = make_bmc(states.POPULATION)
    ipmid = make_ipmid(bmc, options=["--format", "json"])
    bmc.add_many(records.discrete(bmc.sensor(f"S{sensor_type:02X}"), offset)
                 for sensor_type, offset, _ in expected)
    bmc.add_many(records.threshold(bmc.sensor("T01"), which, "high")
                 for which in (sdr.UPPER_NON_CRITICAL, sdr.UPPER_CRITICAL))
    wait_for(lambda: len(ipmid.json_events()) == len(expected) + 2, 10, "the events")
    assert ([event["severity"] for event in ipmid.json_events()]
            == [severity for _, _, severity in expected] + ["warning", "critical"])


DELL = (674, 0x0100)


def test_the_dimm_that_a_maker_encodes(make_bmc, make_ipmid):
    """Whether the BMC or the BIOS logs it; another maker's bytes are not read so."""
    ours, others = [make_bmc(states.POPULATION, maker=maker) for maker in (DELL, (343, 1))]
    ecc = (0xA0, 0x81, 0x02)                      # four DIMMs a node, the tenth of them
    number = ours.sensor("S0C").number
    for one in (ours, others):
        ipmid = make_ipmid(one, options=["--format", "json"])
        one.add_many([records.system_event(sdr.BMC_ADDRESS, sdr.MEMORY, number, sdr.SENSOR_SPECIFIC, ecc),
                      records.software(records.BIOS, sdr.MEMORY, 0xE1, data=ecc),
                      records.oem_untimed()])
        wait_for(lambda ipmid=ipmid: len(ipmid.json_events()) == 3, 10, "the events")
        of_bmc, of_bios, oem = ipmid.json_events()
        assert of_bmc.get("component") == ("DIMM C2" if one is ours else "S0C")
        assert of_bios.get("component") == ("DIMM C2" if one is ours else None)
        assert ("from Dell" if one is ours else "from Intel") in oem["text"]


def test_the_severity_that_the_record_gives(bmc, make_ipmid):
    """Where table 29-6 has it; a maker's own byte is no severity."""
    ipmid = make_ipmid(bmc, options=["--format", "json"])
    for byte_2 in (records.STATE_BYTE_2, records.OEM_BYTE_2):
        bmc.add(records.discrete(bmc.sensor("Chassis Fan State"), 1, severity=records.SEVERITY_CRITICAL,
                                 previous=0, byte_2=byte_2))
    wait_for(lambda: len(ipmid.json_events()) == 2, 10, "the events")
    said, oem = ipmid.json_events()
    assert (said["state_severity"], said["previous_severity"], said["severity"]) == (2, 0, "critical")
    assert "state_severity" not in oem and oem["severity"] == "info"
