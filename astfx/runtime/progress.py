"""The progress of a render, and the sharing of its time budget."""

from __future__ import annotations

import time
from collections.abc import Callable

from astfx.errors import CancelledError

Progress = Callable[[float], bool | None]
"""Called with the share done, 0 to 1; returning False cancels the render."""


def part_of(progress: Progress | None, first: float, last: float) -> Callable[[float], None] | None:
    """Make a progress callback for one part of the work, from share `first` to share `last`.

    The result takes the share of that part that is done, 0 to 1. It raises CancelledError
    when `progress` returns False.
    """
    if progress is None:
        return None

    def report(share: float) -> None:
        if progress(first + (last - first) * min(share, 1.0)) is False:
            raise CancelledError("the render was cancelled")

    return report


class Monitor:
    """Progress of a render whose stages run interleaved, and the time limit of each step.

    Parameters
    ----------
    progress : callable, optional
        Called with the share of all work done, 0 to 1; returning False cancels the render.
    budget_seconds : float, optional
        Time budget, shared evenly among the timed steps; None sets no limit.

    Attributes
    ----------
    stopped_early : bool
        Whether a timed step left out some of its work because its share of the budget was used up.
        The steps set it.
    """

    def __init__(
        self, progress: Progress | None = None, budget_seconds: float | None = None
    ) -> None:
        self._progress = progress
        self._stages: dict[str, tuple[int, float]] = {}
        self._done: dict[str, float] = {}
        self._end = None if budget_seconds is None else time.monotonic() + budget_seconds
        self._timed_steps_left = 0
        self._deadline: float | None = None
        self.stopped_early = False

    def expect(self, stage: str, count: int, weight: float, *, timed_steps: int = 0) -> None:
        """Announce a stage.

        Parameters
        ----------
        stage : str
        count : int
            Number of steps, all of the same size.
        weight : float
            Work of one step, relative to matching one segment (a part of a long content).
        timed_steps : int
            How many of the stage's steps share the time budget.
        """
        self._stages[stage], self._done[stage] = (count, weight), 0.0
        self._timed_steps_left += timed_steps

    def report(self, stage: str, index: int, share: float) -> None:
        """Report that a `share` of step `index` of a stage is done, 0 to 1.

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

    def deadline(self) -> float | None:
        """Start a timed step: the `time.monotonic` at which its time is used up, or None."""
        if self._end is None:
            return None
        now = time.monotonic()
        share = max(self._end - now, 0.0) / max(self._timed_steps_left, 1)
        self._timed_steps_left -= 1
        self._deadline = now + share
        return self._deadline
