"""Real-time priority for threads that process audio."""

from __future__ import annotations

import os
from contextlib import suppress

_PRIORITY = 50  # JACK's clients have 65 or more


def raise_priority() -> None:
    """Give the calling thread real-time priority, below that of the callback, where it may.

    Threads and processes that it starts have the usual priority: at this one, they could hold up
    the whole system.
    """
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            policy = os.SCHED_FIFO | getattr(os, "SCHED_RESET_ON_FORK", 0)
            os.sched_setscheduler(0, policy, os.sched_param(_PRIORITY))


def lower_priority() -> None:
    """Give the calling thread the usual priority again."""
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
