# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands in the memory of a process."""

import re

REGION_MAX = 1 << 30                   # AddressSanitizer's shadow is larger, and holds nobody's data
WRITABLE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \S+ *(.*)$")


def regions(pid):
    """(start, end, name) of what it can write to: its variables, heap and stacks."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            found = WRITABLE.match(line)
            start, end = (int(found[n], 16) for n in (1, 2)) if found else (0, 0)
            if 0 < end - start < REGION_MAX:
                yield start, end, found[3]


def find(pid, needle):
    """Where NEEDLE stands, as texts "REGION+OFFSET"."""
    places = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, name in regions(pid):
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except OSError:            # gone, or not there to be read
                continue
            at = data.find(needle)
            while at >= 0:
                places.append(f"{name or 'anonymous'}+{at:#x}")
                at = data.find(needle, at + 1)
    return places
