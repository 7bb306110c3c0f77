# SPDX-License-Identifier: LGPL-2.1-or-later
"""The text of openipmi_eventd, which ipmid prints too, taken apart."""

from dataclasses import dataclass

KINDS = ("threshold", "discrete", "unknown")


@dataclass(frozen=True)
class TextEvent:
    """One event: its kind and its `key value` pairs in order, as bytes were."""

    kind: str
    pairs: tuple

    def __getitem__(self, key):
        return dict(self.pairs)[key]

    def get(self, key, default=None):
        return dict(self.pairs).get(key, default)

    @property
    def keys(self):
        return [key for key, _ in self.pairs]

    @property
    def event_data(self):
        """The 13 bytes of the record after its id and type (and time, see below)."""
        return bytes(int(word, 16) for word in self["eventdata"].split())

    @property
    def payload(self):
        """What records.payload() makes of the record: type and data, no id, no time."""
        record_type = int(self["eventtype"], 16)
        return bytes([record_type]) + self.event_data[0 if record_type >= 0xE0 else 4:]


def _pair(line):
    key, _, value = line.partition(" ")
    return key, value


def parse_stream(data):
    """The events in what -f, -i or -k delivered; a torn last event is left out."""
    text = data.decode("utf-8", "surrogateescape")
    events = []
    for block in text.split("\nendevent\n")[:-1]:
        kind, *lines = block.split("\n")
        events.append(TextEvent(kind, tuple(_pair(line) for line in lines)))
    return events


def parse_arguments(words):
    """The event in the arguments of one call, after the user's own parameters."""
    words = [word.decode("utf-8", "surrogateescape") for word in words]
    kind, *rest = words
    return TextEvent(kind, tuple(zip(rest[::2], rest[1::2], strict=True)))
