"""The worker processes: they get the jobs in order, and are replaced when they crash."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from astfx_bridge.errors import BridgeError
from astfx_bridge.jobs.scratch import clean
from astfx_bridge.jobs.store import CANCELLED, DONE, MAX_STARTS, Job, JobStore
from astfx_bridge.jobs.worker_handle import WorkerGoneError, WorkerHandle, WorkerIdleError

CANCEL_SECONDS = 2.0
JOBS_PER_WORKER = 500
RESTART_SECONDS = 1.0
START_TRIES = 3


class Pool:
    """Slots that take jobs from the store, each with a worker process of its own.

    There is a slot for each render that may run at a time, and one more for previews.

    Parameters
    ----------
    store : JobStore
    jobs : int
        How many renders run at a time.
    state : Path
        The folder of the workers' lock files.
    job_seconds : float
        A job that runs longer is stopped and fails.
    on_progress : callable
        Called with a job and the fraction that is done.
    on_outcome : callable
        Called with a job and its outcome, a dict with the key "done" or "failed". Not called for
        jobs that were cancelled.
    on_ready : callable
        Called with the facts that a new worker reports about itself.
    """

    def __init__(
        self,
        store: JobStore,
        jobs: int,
        state: Path,
        job_seconds: float,
        *,
        on_progress: Callable[[Job, float], None],
        on_outcome: Callable[[Job, dict[str, Any]], None],
        on_ready: Callable[[dict[str, Any]], None],
    ) -> None:
        self._store, self._state, self._job_seconds = store, state, job_seconds
        self._on_progress, self._on_outcome = on_progress, on_outcome
        self._on_ready = on_ready
        self._jobs = jobs
        self._failed_starts = 0
        self._threads = max(1, min(4, (os.cpu_count() or 1) // jobs))
        self._running: dict[str, WorkerHandle] = {}
        self._fractions: dict[str, float] = {}
        self._wake = [asyncio.Event() for _ in range(jobs + 1)]
        self._slots: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to take jobs."""
        for slot in range(self._jobs + 1):
            task = asyncio.create_task(self._run_slot(slot), name=f"slot {slot}")
            self._slots.append(task)

    def wake(self) -> None:
        """Look for new jobs."""
        for event in self._wake:
            event.set()

    def fraction(self, job: Job) -> float:
        """The fraction of a job that is done, 0 to 1."""
        return 1.0 if job.state == DONE else self._fractions.get(job.id, 0.0)

    @property
    def process_ids(self) -> dict[str, int]:
        """The process id of the worker of each running job."""
        return {job_id: worker.process.pid for job_id, worker in self._running.items()}

    def cancel(self, job_id: str) -> None:
        """Stop a running job. If it does not stop in time, its process is killed."""
        worker = self._running.get(job_id)
        if worker is None:
            return
        worker.cancel(job_id)

        def kill() -> None:
            if self._running.get(job_id) is worker:
                worker.kill()

        asyncio.get_running_loop().call_later(CANCEL_SECONDS, kill)

    async def stop(self) -> None:
        """Stop all processes. The record still says of their jobs that they run."""
        for task in self._slots:
            task.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)

    async def _run_slot(self, slot: int) -> None:
        preview = slot == self._jobs
        lock = self._state / f"worker-{slot}.lock"
        worker: WorkerHandle | None = None
        try:
            while True:
                if worker is not None and worker.process.returncode is not None:
                    worker = None  # it died while idle, so no job fails
                waiting = self._store.next_queued(preview=preview)
                if worker is None and (waiting is not None or slot == 0):
                    worker = await self._start_worker(lock, waiting)
                job = self._store.next_queued(preview=preview)
                if job is None:
                    self._wake[slot].clear()
                    await self._wake[slot].wait()
                elif worker is not None and not await self._try_job(job, worker):
                    await worker.stop()
                    worker = None
        finally:
            if worker is not None:
                await worker.stop()

    async def _start_worker(self, lock: Path, waiting: Job | None) -> WorkerHandle | None:
        try:
            worker, facts = await WorkerHandle.start(lock)
        except (WorkerGoneError, TimeoutError, OSError) as error:
            self._failed_starts += 1
            reason = str(error) or "see ASTFX_DEBUG=1 astfx serve"
            print(f"astfx-bridge: a worker did not start ({reason})", file=sys.stderr)
            if waiting is not None and self._failed_starts >= START_TRIES:
                self._on_outcome(waiting, {"failed": f"no worker can be started ({reason})"})
            await asyncio.sleep(RESTART_SECONDS)
            return None
        self._failed_starts = 0
        self._on_ready(facts)
        return worker

    async def _try_job(self, job: Job, worker: WorkerHandle) -> bool:
        """Run one job, and say whether the worker can take another."""
        try:
            return await self._run_job(job, worker) and worker.jobs_done < JOBS_PER_WORKER
        except (sqlite3.Error, OSError) as error:
            # A full disk must not fail the job: it is tried again until there is room.
            print(f"astfx-bridge: job {job.id} waits ({error})", file=sys.stderr)
            await asyncio.sleep(RESTART_SECONDS)
            with suppress(sqlite3.Error):
                self._store.release(job.id)
            return False

    async def _run_job(self, job: Job, worker: WorkerHandle) -> bool:
        """Run one job to its end, and say whether the worker can take another."""
        clean([job])
        if job.starts >= MAX_STARTS:
            self._on_outcome(job, {"failed": f"it was started {MAX_STARTS} times and never ended"})
            return True
        job = self._store.start(job)
        self._running[job.id] = worker
        outcome: dict[str, Any] | None = None
        alive = True

        def progress(share: float) -> None:
            self._fractions[job.id] = share
            self._on_progress(job, share)

        spec = {**job.spec, "id": job.id, "threads": self._threads}
        try:
            async with asyncio.timeout(self._job_seconds):
                outcome = await worker.run(spec, progress)
        except WorkerIdleError:
            await worker.stop()
            alive = False
        except WorkerGoneError:
            outcome = {"failed": f"the worker crashed ({await worker.stop()})"}
            alive = False
        except TimeoutError:
            outcome = {"failed": f"it took longer than the {self._job_seconds:g} seconds allowed"}
            await worker.stop()
            alive = False
        finally:
            del self._running[job.id]
            self._fractions.pop(job.id, None)
        if outcome is None:
            self._store.release(job.id)
            return alive
        now = self._store.get(job.id)
        if now is not None and now.state != CANCELLED:
            self._on_outcome(job, outcome)
        clean([job])
        return alive


def wait_for_orphans(state: Path, seconds: float = 10.0) -> None:
    """Wait until no worker of an earlier server is left.

    Raises
    ------
    BridgeError
        If one is still there after so many seconds.
    """
    for lock in state.glob("worker-*.lock"):
        try:
            with FileLock(lock, timeout=seconds):
                pass
        except Timeout:
            raise BridgeError(f"a worker of an earlier server is still running ({lock})") from None
