# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a daemon costs while nothing happens: processor time and memory.

Processor time is user and system time of all threads, from /proc/PID/schedstat
(the same sum as utime and stime, but not cut to ticks).  Memory is VmRSS added
over the processes, and PSS, which counts shared pages once.
"""

import re
import time
from pathlib import Path

from contestants import EventdContestant, IpmidContestant, make_bmc
from processes import name_of

# Start-up is over when this has passed.
SETTLE = 15.0


def cpu_seconds(pid):
    """What all threads of PID have used so far."""
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0])
               for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def memory(pid, key, file):
    """A number of kB in /proc/PID/FILE, in MB; NaN if only root may look."""
    try:
        text = Path(f"/proc/{pid}/{file}").read_text(encoding="ascii", errors="replace")
    except PermissionError:
        return float("nan")
    return int(re.search(rf"^{key}:\s+(\d+) kB$", text, re.MULTILINE)[1]) / 1024


def costs(pids, before, passed):
    """{process: (CPU seconds a minute, RSS, PSS in MB)}."""
    return {name_of(pid): ((cpu_seconds(pid) - before[pid]) * 60 / passed,
                           memory(pid, "VmRSS", "status"), memory(pid, "Pss", "smaps_rollup"))
            for pid in pids}


def measure(directory, seconds):
    """{daemon: costs()}."""
    directory.mkdir(parents=True)
    bmc = make_bmc(directory / "bmc")
    daemons = [kind(bmc, directory / kind.name) for kind in (EventdContestant, IpmidContestant)]
    try:
        for daemon in daemons:
            daemon.start()
        time.sleep(SETTLE)
        pids = {daemon: daemon.pids() for daemon in daemons}
        before = {pid: cpu_seconds(pid) for daemon in daemons for pid in pids[daemon]}
        began = time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        for daemon in daemons:
            assert daemon.pids() == pids[daemon], f"{daemon.name} was restarted: {daemon.log()}"
        return {daemon.name: costs(pids[daemon], before, passed) for daemon in daemons}
    finally:
        for daemon in daemons:
            daemon.stop()
        bmc.kill()


def lines(result):
    """One line each for processor time and the two kinds of memory."""
    def line(title, unit, column, digits):
        sums = {name: sum(row[column] for row in rows.values()) for name, rows in result.items()}
        parts = ", ".join(f"{process} {row[column]:.{digits}f}"
                          for process, row in result["ipmid"].items())
        return (f"{title:<10} ratio {sums['ipmid'] / sums['eventd']:.2f}   "
                f"ipmid {sums['ipmid']:.{digits}f} {unit} ({parts}); "
                f"eventd {sums['eventd']:.{digits}f}")
    return [line("idle", "CPU-s/min", 0, 4), line("rss", "MB", 1, 1), line("pss", "MB", 2, 1)]
