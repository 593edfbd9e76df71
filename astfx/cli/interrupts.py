"""Ctrl-C at moments at which Python would lose it.

The usual handler raises KeyboardInterrupt at once. In a callback of a C library, or in an import
lock, that exception is printed and forgotten; in compiled code it turns into another one. So the
handler here also remembers it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_came = threading.Event()


@contextmanager
def remembered() -> Iterator[None]:
    """Remember the interruptions of a command, if Ctrl-C has its usual effect here."""
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    _came.clear()
    signal.signal(signal.SIGINT, _remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _came.clear()


def _remember(number: int, frame: FrameType | None) -> None:
    _came.set()
    raise KeyboardInterrupt


def came() -> bool:
    """Whether the user has interrupted the command."""
    return _came.is_set()


def raise_if_lost() -> None:
    """Raise KeyboardInterrupt if one came and was lost."""
    if came():
        raise KeyboardInterrupt
