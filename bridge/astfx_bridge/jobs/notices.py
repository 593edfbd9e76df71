"""Who is told what: owners of jobs, subscribers, and those who wait for a sync."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs.store import DONE, Job
from astfx_bridge.table import Value
from astfx_bridge.wire.peers import Peer

MAX_OWNERS = 16
MAX_SYNCS = 1000
BLOB_COMMAND = "/astfx/render/blob"
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,9}")


def wire_id(job_id: str) -> Value:
    """A job's id as it goes out: a whole number where it is one."""
    whole = _WHOLE.fullmatch(job_id) and -(2**31) <= int(job_id) < 2**31
    return int(job_id) if whole else job_id


class Notices:
    """Sends what happens to jobs to those whom it concerns."""

    def __init__(self) -> None:
        self._owners: dict[str, list[Peer]] = {}
        self._syncs: list[tuple[Peer, Value, set[str]]] = []

    def own(self, job_id: str, peer: Peer) -> None:
        """From now on a peer is told of a job."""
        owners = self._owners.setdefault(job_id, [])
        if peer not in owners and len(owners) < MAX_OWNERS:
            owners.append(peer)

    def leave(self, peer: Peer) -> None:
        """A peer has gone."""
        for job_id in [name for name, owners in self._owners.items() if peer in owners]:
            self._owners[job_id].remove(peer)
        self._syncs = [sync for sync in self._syncs if sync[0] is not peer]

    def sync(self, peer: Peer, token: Value) -> None:
        """Answer a peer when the jobs it owns now have ended.

        Raises
        ------
        RefusedError
            If too many syncs wait already.
        """
        owned = {name for name, owners in self._owners.items() if peer in owners}
        if not owned:
            peer.send("/astfx/synced", token)
        elif len(self._syncs) >= MAX_SYNCS:
            raise RefusedError(f"{MAX_SYNCS} syncs wait already")
        else:
            self._syncs.append((peer, token, owned))

    def tell(self, job_id: str, subscribers: Iterable[Peer], address: str, *values: Value) -> None:
        """Tell the owners and the subscribers."""
        owners = self._owners.get(job_id, [])
        for peer in [*owners, *(other for other in subscribers if other not in owners)]:
            peer.send(address, *values)

    def ended(self, job: Job, subscribers: Iterable[Peer]) -> None:
        """Tell how a job ended, and answer the syncs that waited for it."""
        owners = self._owners.pop(job.id, [])
        for peer in owners:
            send_outcome(peer, job)
        for peer in subscribers:
            if peer not in owners:
                send_outcome(peer, job, with_blob=False)
        for sync in list(self._syncs):
            peer, token, open_jobs = sync
            open_jobs.discard(job.id)
            if not open_jobs:
                self._syncs.remove(sync)
                peer.send("/astfx/synced", token)

    @property
    def size(self) -> int:
        """Jobs and syncs held."""
        return len(self._owners) + len(self._syncs)


def send_outcome(peer: Peer, job: Job, *, with_blob: bool = True) -> None:
    """Send the done or fail of an ended job."""
    name = wire_id(job.id)
    if job.state != DONE:
        peer.send("/astfx/fail", job.command, name, job.detail[:1000])
        return
    output: Value = job.detail
    if job.command == BLOB_COMMAND:
        output = ""
        if with_blob:
            try:
                output = Path(job.detail).read_bytes()
            except OSError:
                peer.send("/astfx/fail", job.command, name, "the result is no longer held here")
                return
    if not peer.send("/astfx/done", job.command, name, output, job.sample_rate, job.frames):
        peer.send(
            "/astfx/fail",
            job.command,
            name,
            f"the result is too long for UDP: ask /astfx/result {job.id} over TCP",
        )
