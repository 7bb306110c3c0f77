# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was injected, to hold against what was delivered.

Records are recognised by their payload, since the BMC decides on id and time;
inject records that differ, such as records.numbered() makes.
"""

from collections import Counter
from dataclasses import dataclass

import records


@dataclass(frozen=True)
class Comparison:
    """The differences between injected and delivered, as lists of payloads."""

    missing: list
    doubled: list          # once for each delivery too many
    foreign: list          # delivered, but never injected
    out_of_order: list     # first deliveries that came after a later record's

    def __str__(self):
        return ", ".join(f"{len(found)} {name.replace('_', ' ')}"
                         for name, found in vars(self).items() if found) or "no difference"


class Ledger:
    """The records injected into one BMC, in order."""

    def __init__(self, bmc):
        self.bmc = bmc
        self.injected = {}             # payload → record id

    def add(self, *new_records):
        """Add records to the BMC's SEL and note them; returns their ids."""
        ids = self.bmc.add_many(new_records)
        for record, record_id in zip(new_records, ids, strict=True):
            self.injected[records.payload(record)] = record_id
        return ids

    def __len__(self):
        return len(self.injected)

    def compare(self, delivered):
        """Hold a list of payloads (TextEvent.payload, records.payload) against the ledger."""
        times = Counter(delivered)
        first = list(dict.fromkeys(one for one in delivered if one in self.injected))
        place = {payload: number for number, payload in enumerate(self.injected)}
        newest, late = -1, []
        for payload in first:
            if place[payload] < newest:
                late.append(payload)
            newest = max(newest, place[payload])
        return Comparison(
            missing=[one for one in self.injected if one not in times],
            doubled=[one for one, count in times.items() if one in self.injected
                     for _ in range(count - 1)],
            foreign=[one for one in times if one not in self.injected],
            out_of_order=late)

    def all_delivered(self, delivered):
        """Whether nothing is missing."""
        return not self.compare(delivered).missing

    def still_in_sel(self):
        """The payloads of the injected records that the SEL still holds."""
        present = {records.payload(record) for record in self.bmc.sel()}
        return [one for one in self.injected if one in present]
