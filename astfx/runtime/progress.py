"""How far a render has come, and how it shares out a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable

from astfx.errors import CancelledError

Progress = Callable[[float], bool | None]
"""Called with the share done, 0 to 1; returning False cancels the render."""


def part_of(progress: Progress | None, first: float, last: float) -> Callable[[float], None] | None:
    """Progress of a part of some work, that from `first` to `last` of the whole.

    What it returns raises CancelledError when `progress` returns False.
    """
    if progress is None:
        return None

    def report(share: float) -> None:
        if progress(first + (last - first) * min(share, 1.0)) is False:
            raise CancelledError("the render was cancelled")

    return report


class Meter:
    """Progress of a render whose stages run interleaved, as one share from 0 to 1.

    Parameters
    ----------
    progress : callable or None
        Called with the share; returning False cancels.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._stages: dict[str, tuple[int, float]] = {}
        self._done: dict[str, float] = {}

    def expect(self, stage: str, count: int, weight: float) -> None:
        """Announce a stage of `count` equal steps, each worth `weight`."""
        self._stages[stage], self._done[stage] = (count, weight), 0.0

    def report(self, stage: str, index: int, share: float) -> None:
        """Step `index` of a stage is done to `share`.

        Raises
        ------
        CancelledError
            If the callback returned False.
        """
        if self._progress is None:
            return
        self._done[stage] = max(self._done[stage], index + share)
        total = sum(count * weight for count, weight in self._stages.values())
        done = sum(self._done[name] * self._stages[name][1] for name in self._stages)
        if self._progress(min(done / total, 1.0)) is False:
            raise CancelledError("the render was cancelled")


class Pace:
    """Share a time budget evenly among the steps of a render.

    Parameters
    ----------
    seconds : float or None
        None never stops anything.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._steps_left = 0

    def expect(self, count: int) -> None:
        """Announce `count` more steps."""
        self._steps_left += count

    def deadline(self) -> float | None:
        """When the step that begins now has had its share (`time.monotonic`)."""
        if self._end is None:
            return None
        now = time.monotonic()
        share = max(self._end - now, 0.0) / max(self._steps_left, 1)
        self._steps_left -= 1
        return now + share
