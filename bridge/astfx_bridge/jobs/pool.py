"""The worker processes: they get the jobs in order, and are replaced when they crash."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from astfx_bridge.complaints import complain
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.jobs.scratch import clean
from astfx_bridge.jobs.store import DONE, MAX_STARTS, Job, JobStore
from astfx_bridge.jobs.worker_handle import WorkerGoneError, WorkerHandle, WorkerIdleError

CANCEL_SECONDS = 2.0
JOBS_PER_WORKER = 500
RESTART_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0
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
    may_begin : callable
        Called with a queued job. Returns whether it may be begun, False if it has ended and this is
        not on record yet.
    on_begin : callable
        Called with a job that is about to be begun. Returns the job as it is put on record, or
        raises a RefusedError, which fails it.
    on_progress : callable
        Called with a job and the fraction that is done.
    on_outcome : callable
        Called with a job and its outcome, a dict with the key "done" or "failed". Not called for
        jobs that were cancelled.
    on_trouble : callable
        Called with the reason when no job can be begun just now, and with an empty text when jobs
        can be begun again.
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
        may_begin: Callable[[Job], bool],
        on_begin: Callable[[Job], Job],
        on_progress: Callable[[Job, float], None],
        on_outcome: Callable[[Job, dict[str, Any]], None],
        on_trouble: Callable[[str], None],
        on_ready: Callable[[dict[str, Any]], None],
    ) -> None:
        self._store, self._state, self._job_seconds = store, state, job_seconds
        self._may_begin, self._on_begin = may_begin, on_begin
        self._on_progress, self._on_outcome = on_progress, on_outcome
        self._on_trouble, self._on_ready = on_trouble, on_ready
        self._jobs = jobs
        self._failed_starts = 0
        self._threads = max(1, min(4, (os.cpu_count() or 1) // jobs))
        self._begun: set[str] = set()
        self._cancelled: set[str] = set()
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

    def is_busy_with(self, job_id: str) -> bool:
        """Whether a job was begun, and the pool has not yet given it up."""
        return job_id in self._begun

    @property
    def process_ids(self) -> dict[str, int]:
        """The process id of the worker of each running job."""
        return {job_id: worker.process.pid for job_id, worker in self._running.items()}

    def cancel(self, job_id: str) -> None:
        """Stop a job that was begun. If it does not stop in time, its process is killed."""
        worker = self._running.get(job_id)
        if worker is None:
            self._begun.discard(job_id)
            return
        self._cancelled.add(job_id)
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
        job: Job | None = None  # the job in hand, which is on record as running
        pause, troubled = RESTART_SECONDS, False
        try:
            while True:
                if worker is not None and worker.process.returncode is not None:
                    worker = None  # it died while idle, so no job fails
                try:
                    waiting = job or self._next(preview)
                    if worker is None and (waiting is not None or slot == 0):
                        worker = await self._start_worker(lock, waiting)
                    if job is not None and job.id not in self._begun:
                        job = None  # it was cancelled, or no worker could be started for it
                    # The queue may have changed meanwhile.
                    if job is None and (waiting := self._next(preview)) is not None and worker:
                        job = self._begin(waiting)
                except (sqlite3.Error, OSError) as error:
                    # A full disk must not fail a job: it is tried again until there is room.
                    self._on_trouble(f"no job can be begun ({error})")
                    troubled = True
                    await asyncio.sleep(pause)
                    pause = min(2.0 * pause, LONGEST_PAUSE_SECONDS)
                    continue
                if troubled:
                    self._on_trouble("")
                    pause, troubled = RESTART_SECONDS, False
                if job is not None and worker is not None:
                    alive = await self._run_job(job, worker)
                    if job.id not in self._begun:
                        job = None
                    if not alive:
                        await worker.stop()
                        worker = None
                elif waiting is None:
                    self._wake[slot].clear()
                    await self._wake[slot].wait()
        finally:
            if worker is not None:
                await worker.stop()

    def _next(self, preview: bool) -> Job | None:
        """The next job to run. None if there is none, or the next one has ended already."""
        job = self._store.next_queued(preview=preview)
        return job if job is not None and self._may_begin(job) else None

    async def _start_worker(self, lock: Path, waiting: Job | None) -> WorkerHandle | None:
        try:
            worker, facts = await WorkerHandle.start(lock)
        except (WorkerGoneError, TimeoutError, OSError) as error:
            self._failed_starts += 1
            reason = str(error) or "see ASTFX_DEBUG=1 astfx serve"
            complain(f"a worker did not start ({reason})")
            if waiting is not None and self._failed_starts >= START_TRIES:
                self._give_up(waiting, {"failed": f"no worker can be started ({reason})"})
            await asyncio.sleep(RESTART_SECONDS)
            return None
        self._failed_starts = 0
        self._on_ready(facts)
        return worker

    def _begin(self, job: Job) -> Job | None:
        """Put on record that a job runs. None if it may not run, so that it has failed."""
        clean([job])
        if job.starts >= MAX_STARTS:
            self._on_outcome(job, {"failed": f"it was started {MAX_STARTS} times and never ended"})
            return None
        try:
            job = self._on_begin(job)
        except RefusedError as error:
            self._on_outcome(job, {"failed": str(error)})
            return None
        job = self._store.start(job)
        self._begun.add(job.id)
        return job

    async def _run_job(self, job: Job, worker: WorkerHandle) -> bool:
        """Run the job in hand, and say whether the worker can take another."""
        outcome: dict[str, Any] | None = None
        alive = True

        def progress(share: float) -> None:
            self._fractions[job.id] = share
            self._on_progress(job, share)

        spec = {**job.spec, "id": job.id, "threads": self._threads}
        self._running[job.id] = worker
        try:
            async with asyncio.timeout(self._job_seconds):
                outcome = await worker.run(spec, progress)
        except WorkerIdleError:
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
        if outcome is not None or job.id in self._cancelled:
            self._give_up(job, outcome or {})
        return alive and worker.jobs_done < JOBS_PER_WORKER

    def _give_up(self, job: Job, outcome: dict[str, Any]) -> None:
        """Let go of a job, and report its outcome unless it was cancelled."""
        self._begun.discard(job.id)
        if job.id in self._cancelled:
            self._cancelled.discard(job.id)
        else:
            self._on_outcome(job, outcome)
        clean([job])


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
