"""Threads that share work in a few large parts.

torch divides each of its operations among threads, and each time the threads have to wait for each
other. Where the operations are small, the waiting takes longer than the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Pool:
    """Threads that apply a function to many items; the calling thread is one of them.

    It is a context manager, and its threads end with the context. torch's modes (gradients,
    autocast, the stream of a GPU) belong to a thread, and the other threads have the default ones.

    Parameters
    ----------
    threads : int
        1 or more. With 1, everything happens in the calling thread.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._others = ThreadPoolExecutor(threads - 1, "astfx") if threads > 1 else None

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        if self._others is not None:
            self._others.shutdown()

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Apply a function to each item; the results are in the order of the items."""
        threads = min(self.threads, len(items))
        if self._others is None or threads < 2:
            return [function(item) for item in items]
        parts = [items[first::threads] for first in range(threads)]
        waiting = [self._begun(function, part) for part in parts[1:]]
        done = [_apply(function, parts[0]), *(result() for result in waiting)]
        return [done[index % threads][index // threads] for index in range(len(items))]

    def _begun(self, function: Callable[[T], R], part: Sequence[T]) -> Callable[[], list[R]]:
        """Let another thread begin a part, and return a function that waits for its results."""
        assert self._others is not None
        try:
            return self._others.submit(_apply, function, part).result
        except RuntimeError:
            # The program is ending. A thread that still works goes on alone.
            return lambda: _apply(function, part)


def _apply(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [function(item) for item in items]
