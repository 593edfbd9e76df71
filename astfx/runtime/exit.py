"""How a program ends."""

from __future__ import annotations

import atexit
import gc


def skip_last_collection() -> None:
    """Let the program end without a last search for garbage, for which it has no use.

    With torch loaded there is a lot to search: docs/benchmarks.md has what it costs a short
    command (`python -m benchmarks.speed exit`).
    """
    atexit.register(gc.freeze)
