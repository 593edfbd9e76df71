"""What the server says to whoever started it: one line on standard error."""

from __future__ import annotations

import sys
from contextlib import suppress


def complain(text: str) -> None:
    """Write a line to standard error, unless it cannot be written.

    Standard error may be a file on a disk that is full, or a pipe that nobody reads any more. The
    server goes on all the same.
    """
    with suppress(OSError, ValueError):
        print(f"astfx-bridge: {text}", file=sys.stderr, flush=True)
