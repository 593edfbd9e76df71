"""The life of a job: accepted, given to a worker, ended, reported, and tidied away."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from astfx_bridge.complaints import complain
from astfx_bridge.errors import RefusedError
from astfx_bridge.ids import canonical_id
from astfx_bridge.jobs import log
from astfx_bridge.jobs.endings import Endings
from astfx_bridge.jobs.files import JobFiles
from astfx_bridge.jobs.notices import Notices, send_outcome
from astfx_bridge.jobs.pool import Pool
from astfx_bridge.jobs.scratch import clean, remove_held
from astfx_bridge.jobs.store import (
    BLOB_COMMANDS,
    CANCELLED,
    DONE,
    FAILED,
    Job,
    JobStore,
    is_busy,
)
from astfx_bridge.roots import Roots
from astfx_bridge.settings import ServerSettings
from astfx_bridge.table import Value
from astfx_bridge.wire.peers import Peer

TIDY_EVERY_JOBS = 50
BUSY_SECONDS = 5.0
BUSY_PAUSE_SECONDS = 0.02


class JobLifecycle:
    """Everything that happens to jobs between a request and its done or fail.

    Parameters
    ----------
    settings : ServerSettings
    store : JobStore
    roots : Roots
    subscribers : callable
        Returns the peers that receive the messages of every job.
    check_state : callable
        Called before jobs are accepted. Raises a RefusedError if the records would be lost.
    on_ready : callable
        Called with the facts that each new worker reports about itself.
    on_completion : callable
        Called with the owners of a job that is done, and the packet to be carried out for them.

    Attributes
    ----------
    store : JobStore
    notices : Notices
    pool : Pool
    files : JobFiles
    blobs, presets, clips : Path
        The folders of the clips of jobs, of the presets made here, and of the kept style clips.
    trouble : str
        Why no job can be begun just now, empty if jobs can be.
    """

    def __init__(
        self,
        settings: ServerSettings,
        store: JobStore,
        roots: Roots,
        subscribers: Callable[[], list[Peer]],
        check_state: Callable[[], None],
        on_ready: Callable[[dict[str, Any]], None],
        on_completion: Callable[[list[Peer], bytes], None],
    ) -> None:
        state = settings.state.resolve()
        self.store, self.notices = store, Notices()
        self._endings = Endings(store, self._recorded, self._delayed)
        self.blobs, self.presets = state / "blobs", state / "presets"
        self.clips = state / "styles"
        self.files = JobFiles(roots, self.blobs, self.presets, self.clips)
        self.pool = Pool(
            store,
            settings.jobs,
            state,
            settings.limits.job_seconds,
            may_begin=lambda job: job.id not in self._endings,
            on_begin=self._looked_at,
            on_progress=self._progress,
            on_outcome=self._outcome,
            on_trouble=self._trouble,
            on_ready=on_ready,
        )
        self._limits, self._subscribers = settings.limits, subscribers
        self._check_state, self._on_completion = check_state, on_completion
        self._ended_jobs = 0
        self._to_follow: list[Job] = []
        self.trouble = ""

    def resume(self, udp_peer: Callable[[str, int], Peer] | None) -> None:
        """Queue again the jobs that an earlier server left, and start the workers.

        Parameters
        ----------
        udp_peer : callable or None
            Returns the peer at a host and port, for the UDP clients that await those jobs. None
            if no UDP client may be told yet.
        """
        self.store.requeue()
        clean(self.store.all())
        for job in self.store.pending():
            if job.reply_port and udp_peer is not None:
                self.notices.add_owner(job.id, udp_peer(job.reply_host, job.reply_port))
        self._drop_old_records()
        self._drop_old_blobs()
        self._remove_unknown_blobs()
        self.pool.start()

    async def stop_workers(self) -> None:
        """Stop the workers. Jobs that have not ended stay on record."""
        await self.pool.stop()
        await self._endings.close()
        try:
            clean(self.store.requeue())
        except sqlite3.Error as error:
            # The next server queues them again.
            complain(f"the records cannot be written ({error})")

    def find_all(self, job_id: Value) -> list[Job]:
        """The job with an id, or the jobs of the stem folder with that id.

        Raises
        ------
        RefusedError
            If there is none.
        """
        name = str(job_id)
        job = self.store.get(name)
        found = [job] if job is not None else self.store.children(name)
        if not found:
            raise RefusedError(f"there is no job {name[:80]}")
        return found

    def find(self, job_id: Value) -> Job:
        """The one job with an id.

        Raises
        ------
        RefusedError
            If there is none, or the id is that of a folder of several jobs.
        """
        found = self.find_all(job_id)
        if len(found) > 1:
            raise RefusedError(f"{str(job_id)[:80]} is a folder of {len(found)} jobs: name one")
        return found[0]

    def answer_repeat(self, peer: Peer, job_id: str, digest: str) -> bool:
        """Answer a request from the record, if the same request was accepted before.

        Returns
        -------
        bool
            Whether it was answered. False means that the id is free, or that its content or style
            has been recorded again since, so that it is time for another render.

        Raises
        ------
        RefusedError
            If the id belongs to another request, or renders an earlier content just now.
        """
        job, jobs = self._of_request(job_id)
        if not jobs:
            return False
        if jobs[0].request != digest:
            raise RefusedError(
                f"id {job_id} belongs to another job: choose another, or /astfx/forget it first"
            )
        if any(self.files.is_outdated(known) for known in jobs):
            if all(self.can_be_dropped(known) for known in jobs):
                return False
            raise RefusedError(
                f"job {job_id} renders an earlier version of its files: send it again when it has "
                "ended"
            )
        if job is None:
            peer.send("/astfx/stem", canonical_id(job_id), len(jobs))
        for known in jobs:
            if known.ended:
                send_outcome(peer, known)
            else:
                self._add_owner(known, peer)
                peer.send("/astfx/queued", canonical_id(known.id))
        return True

    def _of_request(self, job_id: str) -> tuple[Job | None, list[Job]]:
        """The job with an id, if there is one, and all jobs of the request with that id."""
        job = self.store.get(job_id)
        if job is not None:
            return job, [job]
        children = self.store.children(job_id)
        return None, [child for child in children if child.spec["kind"] != "preview"]

    async def accept(
        self,
        peer: Peer,
        jobs: Sequence[Job],
        *,
        parent: str = "",
        replaced: Iterable[str] = (),
    ) -> None:
        """Put the jobs of one request on record, then acknowledge them.

        Parameters
        ----------
        peer : Peer
            Who asked.
        jobs : sequence of Job
        parent : str
            The id of the stem folder's request, if the jobs come from one.
        replaced : iterable of str
            Ids of ended jobs whose records make room for these.

        Raises
        ------
        RefusedError
            If there is no room, or another job writes to the same output.
        sqlite3.Error
            If the records cannot be written, or another program holds them for 5 seconds.
        """
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return self._accept(peer, jobs, parent, list(replaced))
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(BUSY_PAUSE_SECONDS)

    def _accept(self, peer: Peer, jobs: Sequence[Job], parent: str, replaced: list[str]) -> None:
        # The same request may have been accepted while this one was prepared.
        outdated: list[Job] = []
        if not replaced:
            if self.answer_repeat(peer, parent or jobs[0].id, jobs[0].request):
                return
            outdated = self._of_request(parent or jobs[0].id)[1]
            replaced = [job.id for job in outdated]
        self._check_state()
        limit = self._limits.queue_jobs
        if self.store.count_unfinished() + len(jobs) > limit:
            raise RefusedError(f"the queue is full: at most {limit} jobs may wait")
        for job in jobs:
            other = self.store.writer_of(job.spec["output"])
            if other is not None:
                raise RefusedError(f"output '{job.spec['output']}' is being written by job {other}")
        host, port = peer.udp_target or ("", 0)
        who = {"client": peer.name, "reply_host": host, "reply_port": port}
        now = time.time()
        self.store.accept([replace(job, **who, accepted_at=now) for job in jobs], replaced)  # type: ignore[arg-type]
        for job in outdated:
            remove_held(job, self.blobs)
        if parent:
            peer.send("/astfx/stem", canonical_id(parent), len(jobs))
        for job in jobs:
            self.notices.add_owner(job.id, peer)
            self.notices.tell(job.id, self._subscribers(), "/astfx/queued", canonical_id(job.id))
        self.pool.wake()

    def end(
        self, job: Job, state: str, detail: str, *, sample_rate: int = 0, frames: int = 0
    ) -> None:
        """End a job: stop it if it still runs, record how it ended, and report its end.

        If the records cannot be written now, the end is recorded and reported as soon as they can.
        """
        if job.id in self._endings:
            return
        if state != DONE:
            self.pool.cancel(job.id)
        if not self.pool.is_busy_with(job.id):
            clean([job])
        detail = detail.encode(errors="replace").decode()
        how = {"state": state, "detail": detail, "sample_rate": sample_rate, "frames": frames}
        self._endings.add(replace(job, **how, ended_at=time.time()))  # type: ignore[arg-type]

    def _recorded(self, ended: Job) -> None:
        log.ended(ended)
        owners = self.notices.ended(ended, self._subscribers())
        if ended.state == DONE and "completion_packet" in ended.spec:
            self._on_completion(owners, bytes.fromhex(ended.spec["completion_packet"]))
        self._tidy_after(ended)
        if ended.state != DONE:
            self._fail_followers(ended)
        self.pool.wake()

    def _looked_at(self, job: Job) -> Job:
        """A job that is about to be begun, unless the job that makes its content failed."""
        awaited = self.store.get(job.spec["after"]) if "after" in job.spec else None
        if awaited is not None and awaited.state in (FAILED, CANCELLED):
            raise RefusedError(_without_content(awaited))
        return self.files.looked_at(job)

    def _fail_followers(self, ended: Job) -> None:
        """Fail the jobs that wait for the output of a job that has none, however many in a row."""
        self._to_follow.append(ended)
        if len(self._to_follow) > 1:
            return  # the call that is under way goes on with it
        with suppress(sqlite3.Error):  # the others fail when their turn comes
            for awaited in self._to_follow:
                for job in self.store.followers(awaited.id):
                    self.end(job, FAILED, _without_content(awaited))
        self._to_follow.clear()

    def _delayed(self, ended: Job, reason: str) -> None:
        text = f"the job has ended, but this cannot be put on record yet ({reason})"
        complain(f"job {ended.id}: {text}")
        name = canonical_id(ended.id)
        self.notices.tell(ended.id, self._subscribers(), "/astfx/trouble", name, text)

    def _trouble(self, reason: str) -> None:
        """Say that the server cannot go on for a reason, once, until the reason changes."""
        if reason and reason != self.trouble:
            self.report_trouble(reason)
        self.trouble = reason

    def report_trouble(self, text: str) -> None:
        """Tell the subscribers, and whoever awaits a job, what keeps the server from its work."""
        complain(text)
        self.notices.tell_all(self._subscribers(), "/astfx/trouble", 0, text[:1000])

    def can_be_dropped(self, job: Job) -> bool:
        """Whether a job has ended, and no worker is still busy with giving it up."""
        return job.ended and not self.pool.is_busy_with(job.id)

    def has_ended(self, job: Job) -> bool:
        """Whether a job has ended, even if this is not on record yet."""
        return job.ended or job.id in self._endings

    def drop(self, job: Job) -> None:
        """Drop the record of an ended job, and the clips that the server holds for it."""
        self.store.forget(job.id)
        remove_held(job, self.blobs)

    def _add_owner(self, job: Job, peer: Peer) -> None:
        self.notices.add_owner(job.id, peer)
        if peer.udp_target is not None:
            self.store.redirect(job, *peer.udp_target)

    def _progress(self, job: Job, share: float) -> None:
        name = canonical_id(job.id)
        self.notices.tell(job.id, self._subscribers(), "/astfx/progress", name, float(share))

    def _outcome(self, job: Job, outcome: dict[str, Any]) -> None:
        output = Path(job.spec["output"])
        if "done" not in outcome:
            self.end(job, FAILED, outcome["failed"])
        else:
            try:
                self.files.check_output(output)
                os.replace(job.spec["scratch"], output)
            except RefusedError as error:
                self.end(job, FAILED, str(error))
            except OSError as error:
                self.end(job, FAILED, f"output '{output}' cannot be written ({error.strerror})")
            else:
                self.end(job, DONE, str(output), **outcome["done"])

    def _tidy_after(self, job: Job) -> None:
        """Remove what is no longer needed once a job has ended."""
        for role in ("content", "style"):
            path = Path(job.spec.get(role, ""))
            if path.parent == self.blobs:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        if job.state == DONE and "replaces" in job.spec:
            with suppress(OSError):
                Path(job.spec["replaces"]).unlink(missing_ok=True)
        self._ended_jobs += 1
        with suppress(sqlite3.Error):  # there is a next time
            if self._ended_jobs % TIDY_EVERY_JOBS == 0:
                self._drop_old_records()
            if job.command in BLOB_COMMANDS:
                self._drop_old_blobs()

    def _drop_old_records(self) -> None:
        for job in self.store.superfluous(self._limits.kept_records):
            if self.can_be_dropped(job):
                self.drop(job)

    def _drop_old_blobs(self) -> None:
        held_bytes = 0
        for job in self.store.blobs():
            with suppress(OSError):
                held_bytes += Path(job.detail).stat().st_size
            if held_bytes > self._limits.kept_blob_bytes:
                self.drop(job)

    def _remove_unknown_blobs(self) -> None:
        """Remove the clips that a killed server left and that no record knows."""
        known = {
            job.spec.get(key)
            for job in (*self.store.pending(), *self.store.blobs())
            for key in ("content", "style", "output")
        }
        for path in self.blobs.iterdir():
            if str(path) not in known:
                path.unlink(missing_ok=True)


def _without_content(awaited: Job) -> str:
    how = "was cancelled" if awaited.state == CANCELLED else "has failed"
    return f"job {awaited.id}, whose output it renders, {how}"
