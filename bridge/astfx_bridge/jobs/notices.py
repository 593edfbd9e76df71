"""Who is told about a job: its owners, the subscribers, and those who wait for a sync."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from astfx_bridge.errors import RefusedError
from astfx_bridge.ids import canonical_id
from astfx_bridge.jobs.store import BLOB_COMMANDS, DONE, Job
from astfx_bridge.table import Value
from astfx_bridge.wire.peers import Peer

MAX_OWNERS = 16
MAX_SYNCS = 1000


class Notices:
    """Sends the messages of jobs to the peers that they concern.

    The owners of a job are the peers that asked for it.
    """

    def __init__(self) -> None:
        self._owners: dict[str, list[Peer]] = {}
        self._syncs: list[tuple[Peer, Value, set[str]]] = []

    def add_owner(self, job_id: str, peer: Peer) -> None:
        """Send a peer the messages of a job from now on."""
        owners = self._owners.setdefault(job_id, [])
        if peer not in owners and len(owners) < MAX_OWNERS:
            owners.append(peer)

    def remove_peer(self, peer: Peer) -> None:
        """Send a peer nothing more, because it has disconnected."""
        for job_id in [name for name, owners in self._owners.items() if peer in owners]:
            self._owners[job_id].remove(peer)
        self._syncs = [sync for sync in self._syncs if sync[0] is not peer]

    def awaits(self, peer: Peer) -> bool:
        """Whether a peer waits for the end of a job."""
        return any(peer in owners for owners in self._owners.values())

    def sync(self, peer: Peer, token: Value) -> None:
        """Answer a peer once the jobs that it owns now have ended.

        Raises
        ------
        RefusedError
            If too many syncs wait already.
        """
        owned = {name for name, owners in self._owners.items() if peer in owners}
        if not owned:
            peer.send("/astfx/synced", token)
        elif len(self._syncs) >= MAX_SYNCS:
            raise RefusedError(f"{MAX_SYNCS} syncs are already waiting")
        else:
            self._syncs.append((peer, token, owned))

    def tell(self, job_id: str, subscribers: Iterable[Peer], address: str, *values: Value) -> None:
        """Send a message about a job to its owners and the subscribers."""
        owners = self._owners.get(job_id, [])
        for peer in [*owners, *(other for other in subscribers if other not in owners)]:
            peer.send(address, *values)

    def tell_all(self, subscribers: Iterable[Peer], address: str, *values: Value) -> None:
        """Send a message to the subscribers and to the owners of any job."""
        peers = dict.fromkeys(subscribers)
        for owners in self._owners.values():
            peers.update(dict.fromkeys(owners))
        for peer in peers:
            peer.send(address, *values)

    def ended(self, job: Job, subscribers: Iterable[Peer]) -> list[Peer]:
        """Report how a job ended, answer the syncs that waited for it, and return its owners."""
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
        return owners


def send_outcome(peer: Peer, job: Job, *, with_blob: bool = True) -> None:
    """Send a peer the done or fail of an ended job, and the completion that it asked for."""
    name = canonical_id(job.id)
    if job.state != DONE:
        peer.send("/astfx/fail", job.command, name, job.detail[:1000])
        return
    output: Value = job.detail
    if job.command in BLOB_COMMANDS:
        output = ""
        if with_blob:
            try:
                output = Path(job.detail).read_bytes()
            except OSError:
                peer.send("/astfx/fail", job.command, name, "the result is no longer on the server")
                return
    if not peer.send("/astfx/done", job.command, name, output, job.sample_rate, job.frames):
        peer.send(
            "/astfx/fail",
            job.command,
            name,
            f"the result is too long for UDP: send /astfx/result {job.id} over TCP",
        )
    elif with_blob and "completion_address" in job.spec:
        shown = "" if isinstance(output, bytes) else output
        peer.send(job.spec["completion_address"], name, shown, job.sample_rate, job.frames)
