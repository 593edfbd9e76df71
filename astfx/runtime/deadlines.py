"""Settings of the interpreter for threads that have to finish in time, such as those of audio."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_SECONDS = 0.0005
"""How long a thread may run before another gets its turn. Python's own default is ten times that.

With it, a busy thread of pure Python costs an audio thread next to nothing.
"""


@contextmanager
def with_deadlines() -> Iterator[None]:
    """Keep the pauses of the interpreter short, as a context manager.

    Garbage that reference counts do not find is no longer collected, which could take many
    milliseconds. What is there already is never looked at again. Threads take turns more quickly.
    """
    was_enabled, interval = gc.isenabled(), sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()
        if was_enabled:
            gc.enable()
