# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for something to become true: the only synchronisation the tests use.

No test sleeps and hopes.  It names what it waits for and how long that may
take; IPMID_TEST_TIMESCALE stretches every deadline for slow runs (valgrind,
sanitizers, a busy machine).
"""

import os
import time

TIMESCALE = float(os.environ.get("IPMID_TEST_TIMESCALE", "1"))


class DeadlineError(AssertionError):
    """What was waited for did not happen in time."""


def scaled(seconds):
    """A deadline, stretched for slow runs."""
    return seconds * TIMESCALE


def _described(what):
    return what() if callable(what) else what


def wait_for(condition, deadline=10.0, what="the condition", poll=0.01):
    """Call CONDITION until it returns something true, and return that.

    WHAT completes the sentence "gave up waiting for …"; as a callable it is
    evaluated on failure only, so that it can show the state of affairs.
    """
    end = time.monotonic() + scaled(deadline)
    while True:
        late = time.monotonic() >= end
        result = condition()
        if result:
            return result
        if late:
            raise DeadlineError(
                f"gave up after {scaled(deadline):g} s waiting for {_described(what)}")
        time.sleep(poll)


def stays(condition, duration, what="the condition", poll=0.02):
    """Check that CONDITION is true now and for DURATION seconds more.

    For what must *not* happen; such a check always takes its whole time, so
    keep it short.
    """
    end = time.monotonic() + duration
    while True:
        assert condition(), f"{_described(what)} did not stay true"
        if time.monotonic() >= end:
            return
        time.sleep(poll)
