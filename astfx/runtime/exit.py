"""A faster exit of the process."""

from __future__ import annotations

import atexit
import gc


def skip_last_collection() -> None:
    """Skip Python's last garbage collection when the process exits, where it is of no use.

    With torch loaded there are many objects to search. docs/measured/speed.md shows what that
    costs a short command (`python -m benchmarks.speed exit`).
    """
    atexit.register(gc.freeze)
