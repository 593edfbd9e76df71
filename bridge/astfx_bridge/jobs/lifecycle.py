"""The desk: jobs are accepted here, given to the pool, ended, told of, and tidied away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from astfx_bridge.commands.dispatch import Call
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs.notices import BLOB_COMMAND, Notices, send_outcome, wire_id
from astfx_bridge.jobs.pool import Pool
from astfx_bridge.jobs.scratch import clean, remove_held
from astfx_bridge.jobs.store import DONE, FAILED, Job, JobStore
from astfx_bridge.roots import Roots
from astfx_bridge.settings import ServerSettings
from astfx_bridge.wire.peers import Peer

TIDY_EVERY = 50


class Desk:
    """All that happens to jobs between a request and its done or fail.

    Parameters
    ----------
    settings : ServerSettings
    store : JobStore
    roots : Roots
    subscribers : callable
        Gives the peers that are told everything.
    on_ready : callable
        Called with what a new worker says of itself.
    """

    def __init__(
        self,
        settings: ServerSettings,
        store: JobStore,
        roots: Roots,
        subscribers: Callable[[], list[Peer]],
        on_ready: Callable[[dict[str, Any]], None],
    ) -> None:
        state = settings.state.resolve()
        self.store, self.notices = store, Notices()
        self.blobs, self.presets = state / "blobs", state / "presets"
        self.pool = Pool(
            store,
            settings.jobs,
            state,
            settings.limits.job_seconds,
            on_progress=self._progress,
            on_outcome=self._outcome,
            on_ready=on_ready,
        )
        self._limits, self._roots, self._subscribers = settings.limits, roots, subscribers
        self._ended = 0

    def begin(self, peer_at: Callable[[str, int], Peer] | None) -> None:
        """Take up the jobs that an earlier server left; tell UDP clients, if any may be told."""
        self.store.requeue()
        clean(self.store.all())
        for job in self.store.pending():
            if job.reply_port and peer_at is not None:
                self.notices.own(job.id, peer_at(job.reply_host, job.reply_port))
        self._tidy()
        self.pool.begin()

    async def end_all(self) -> None:
        """Stop the workers; jobs that have not ended stay on record."""
        await self.pool.end()
        clean(self.store.requeue())

    def jobs(self, call: Call) -> list[Job]:
        """The job that a call names, or the jobs of the folder.

        Raises
        ------
        RefusedError
            If there is none.
        """
        name = str(call.values["id"])
        job = self.store.get(name)
        found = [job] if job is not None else self.store.children(name)
        if not found:
            raise RefusedError(f"there is no job {name[:80]}")
        return found

    def job(self, call: Call) -> Job:
        """The one job that a call names.

        Raises
        ------
        RefusedError
        """
        found = self.jobs(call)
        if len(found) > 1:
            raise RefusedError(
                f"{str(call.values['id'])[:80]} is a folder of {len(found)} jobs: name one"
            )
        return found[0]

    def repeat(self, peer: Peer, job_id: str, call: Call) -> bool:
        """Answer a request whose id is on record from the record.

        Raises
        ------
        RefusedError
            If the id belongs to another request.
        """
        job = self.store.get(job_id)
        jobs = (
            [job]
            if job
            else [j for j in self.store.children(job_id) if j.spec["kind"] != "preview"]
        )
        if not jobs:
            return False
        if jobs[0].request != call.digest:
            raise RefusedError(
                f"id {job_id} belongs to another job: choose another, or /astfx/forget it first"
            )
        if job is None:
            peer.send("/astfx/stem", wire_id(job_id), len(jobs))
        for known in jobs:
            if known.ended:
                send_outcome(peer, known)
            else:
                self._own(known, peer)
                peer.send("/astfx/queued", wire_id(known.id))
        return True

    def accept(
        self,
        peer: Peer,
        call: Call,
        jobs: Sequence[Job],
        *,
        parent: str = "",
        replaced: Iterable[str] = (),
    ) -> None:
        """Put jobs on record, then acknowledge them.

        Raises
        ------
        RefusedError
            If there is no room, or another job writes to the same output.
        """
        if not replaced and self.repeat(peer, parent or jobs[0].id, call):
            return  # the same request came twice while the first was looked at
        limit = self._limits.queue_jobs
        counts = self.store.counts()
        if counts.get("queued", 0) + counts.get("running", 0) + len(jobs) > limit:
            raise RefusedError(f"the queue is full: at most {limit} jobs may wait")
        for job in jobs:
            other = self.store.outputs_pending(job.spec["output"])
            if other is not None:
                raise RefusedError(f"output '{job.spec['output']}' is being written by job {other}")
        host, port = peer.udp_target or ("", 0)
        self.store.accept(
            [replace(job, reply_host=host, reply_port=port) for job in jobs], replaced
        )
        if parent:
            peer.send("/astfx/stem", wire_id(parent), len(jobs))
        for job in jobs:
            self.notices.own(job.id, peer)
            self.notices.tell(job.id, self._subscribers(), "/astfx/queued", wire_id(job.id))
        self.pool.wake()

    def end(self, job: Job, state: str, detail: str, **figures: int) -> None:
        """Note how a job ended, stop it if it runs, and tell."""
        ended = self.store.end(job, state, detail, **figures)
        if state != DONE:
            self.pool.cancel(job.id)
        if job.id not in self.pool.process_ids:
            clean([job])
        self.notices.ended(ended, self._subscribers())
        self._tidy(ended)

    def at_rest(self, job: Job) -> bool:
        """Whether a job has ended and no worker is still busy giving it up."""
        return job.ended and job.id not in self.pool.process_ids

    def drop(self, job: Job) -> None:
        """Drop an ended job's record and the clips held for it."""
        self.store.forget(job.id)
        remove_held(job, self.blobs)

    def _own(self, job: Job, peer: Peer) -> None:
        self.notices.own(job.id, peer)
        if peer.udp_target is not None:
            self.store.redirect(job, *peer.udp_target)

    def _progress(self, job: Job, share: float) -> None:
        name = wire_id(job.id)
        self.notices.tell(job.id, self._subscribers(), "/astfx/progress", name, float(share))

    def _outcome(self, job: Job, outcome: dict[str, Any]) -> None:
        output = Path(job.spec["output"])
        if "done" not in outcome:
            self.end(job, FAILED, outcome["failed"])
        elif not (
            output.parent in (self.blobs, self.presets) or self._roots.still_writable(output)
        ):
            self.end(job, FAILED, f"output '{output}' has been moved out of the server's roots")
        else:
            try:
                os.replace(job.spec["scratch"], output)
            except OSError as error:
                self.end(job, FAILED, f"output '{output}' cannot be written ({error.strerror})")
            else:
                self.end(job, DONE, str(output), **outcome["done"])

    def _tidy(self, ended: Job | None = None) -> None:
        """Drop what is no longer needed of ended jobs."""
        limits = self._limits
        if ended is not None and Path(ended.spec.get("content", "")).parent == self.blobs:
            with suppress(OSError):
                Path(ended.spec["content"]).unlink(missing_ok=True)
        self._ended += 1
        if ended is None or self._ended % TIDY_EVERY == 0:
            for job in self.store.superfluous(limits.kept_records):
                if self.at_rest(job):
                    self.drop(job)
        if ended is None or ended.command == BLOB_COMMAND:
            held = 0
            for job in self.store.blobs():
                with suppress(OSError):
                    held += Path(job.detail).stat().st_size
                if held > limits.kept_blob_bytes:
                    self.drop(job)
        if ended is None:  # at the start: what a killed server left, and no record knows
            known = {
                job.spec.get(key)
                for job in (*self.store.pending(), *self.store.blobs())
                for key in ("content", "output")
            }
            for path in self.blobs.iterdir():
                if str(path) not in known:
                    path.unlink(missing_ok=True)
