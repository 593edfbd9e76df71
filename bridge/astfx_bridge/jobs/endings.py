"""The ends of jobs that are not on record yet, because the records could not be written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress

from astfx_bridge.jobs.store import Job, JobStore

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0


class Endings:
    """Records how jobs ended. What cannot be recorded now is kept, and tried again until it can.

    Parameters
    ----------
    store : JobStore
    on_recorded : callable
        Called with each ended job, once its end is on record.
    on_delay : callable
        Called with an ended job and the reason, when its end cannot be recorded at first.
    """

    def __init__(
        self,
        store: JobStore,
        on_recorded: Callable[[Job], None],
        on_delay: Callable[[Job, str], None],
    ) -> None:
        self._store, self._on_recorded, self._on_delay = store, on_recorded, on_delay
        self._waiting: dict[str, Job] = {}
        self._retry: asyncio.Task[None] | None = None

    def __contains__(self, job_id: str) -> bool:
        """Whether a job has ended and this is not on record yet."""
        return job_id in self._waiting

    def add(self, ended: Job) -> None:
        """Record the end of a job, now or as soon as it can be recorded."""
        reason = self._record(ended)
        if reason:
            self._waiting[ended.id] = ended
            self._on_delay(ended, reason)
            if self._retry is None:
                self._retry = asyncio.get_running_loop().create_task(self._try_again())

    def _record(self, ended: Job) -> str:
        """Try to record an end. Returns why this was not possible, or an empty text."""
        try:
            self._store.end(ended, ended.state, ended.detail, ended.sample_rate, ended.frames)
        except (sqlite3.Error, OSError) as error:
            return str(error)
        self._waiting.pop(ended.id, None)
        self._on_recorded(ended)
        return ""

    async def _try_again(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self._waiting:
            await asyncio.sleep(pause)
            pause = min(2.0 * pause, LONGEST_PAUSE_SECONDS)
            for ended in list(self._waiting.values()):
                self._record(ended)
        self._retry = None

    async def close(self) -> None:
        """Try once more, then give up. What is still not on record runs again later."""
        if self._retry is not None:
            self._retry.cancel()
            with suppress(asyncio.CancelledError):
                await self._retry
            self._retry = None
        for ended in list(self._waiting.values()):
            self._record(ended)
