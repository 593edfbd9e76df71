"""Handlers for jobs that were accepted: ask after them, change them, cancel or forget them."""

from __future__ import annotations

import asyncio

from astfx_bridge.commands.job_requests import style_spec
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.ids import canonical_id
from astfx_bridge.jobs.notices import send_outcome
from astfx_bridge.jobs.store import CANCELLED, QUEUED, RUNNING, Job
from astfx_bridge.table import Call
from astfx_bridge.wire.peers import Peer

LISTED_JOBS = 100


def cancel(services: Services, peer: Peer, call: Call) -> None:
    """Cancel a job, or all jobs of a stem folder."""
    found = services.jobs.find_all(call.values["id"])
    jobs = [job for job in found if not services.jobs.has_ended(job)]
    if not jobs:
        state = found[0].state if found[0].ended else "about to be recorded"
        raise RefusedError(f"job {found[0].id} has ended: it is {state}")
    for job in jobs:
        services.jobs.end(job, CANCELLED, "cancelled")
    peer.send("/astfx/cancelled", call.values["id"], len(jobs))


def cancel_all(services: Services, peer: Peer, call: Call) -> None:
    """Cancel every job."""
    pending = services.jobs.store.pending()
    jobs = [job for job in pending if not services.jobs.has_ended(job)]
    for job in jobs:
        services.jobs.end(job, CANCELLED, "cancelled")
    peer.send("/astfx/cancelled", "all", len(jobs))


def status(services: Services, peer: Peer, call: Call) -> None:
    """Send the state of a job, or of all jobs of a stem folder."""
    for job in services.jobs.find_all(call.values["id"]):
        fraction = services.jobs.pool.fraction(job)
        detail = job.detail[:1000] if job.ended else job.spec["output"]
        peer.send("/astfx/status", canonical_id(job.id), job.state, float(fraction), detail)


def result(services: Services, peer: Peer, call: Call) -> None:
    """Send the done or fail of ended jobs again."""
    for job in services.jobs.find_all(call.values["id"]):
        if not job.ended:
            raise RefusedError(f"job {job.id} has not ended: it is {job.state}")
        send_outcome(peer, job)


def queue(services: Services, peer: Peer, call: Call) -> None:
    """List the jobs that have not ended."""
    counts = services.jobs.store.counts()
    peer.send("/astfx/queue", counts.get(RUNNING, 0), counts.get(QUEUED, 0))
    for job in services.jobs.store.pending(int(call.values.get("limit", LISTED_JOBS))):
        fraction = float(services.jobs.pool.fraction(job))
        peer.send("/astfx/job", canonical_id(job.id), job.state, fraction, job.command)


def job_get(services: Services, peer: Peer, call: Call) -> None:
    """Send a parameter of a job."""
    _send_parameter(peer, services.jobs.find(call.values["id"]), str(call.values["key"]))


def _send_parameter(peer: Peer, job: Job, key: str) -> None:
    if key not in job.spec["settings"]:
        raise RefusedError(f"job {job.id} has no parameters: its command is {job.command}")
    peer.send("/astfx/job/value", canonical_id(job.id), key, job.spec["settings"][key])


async def job_set(services: Services, peer: Peer, call: Call) -> None:
    """Change a parameter of a job that is still queued."""
    key = str(call.values["key"])
    value = services.parameters.checked(key, call.values["value"])
    style = {}
    if key == "style":
        style = await asyncio.to_thread(style_spec, services, value)
    job = services.jobs.find(call.values["id"])
    if job.state != QUEUED:
        raise RefusedError(f"job {job.id} is {job.state}: only a queued job can be changed")
    if key not in job.spec["settings"] or key == "format":
        raise RefusedError(f"{key} of job {job.id} cannot be changed")
    spec = {**job.spec, "settings": {**job.spec["settings"], key: value}}
    if style:
        spec = {k: v for k, v in spec.items() if k not in ("style", "preset")} | style
    _send_parameter(peer, services.jobs.store.amend(job, spec), key)


def forget(services: Services, peer: Peer, call: Call) -> None:
    """Drop the records of ended jobs, so that their ids can be used again."""
    jobs = services.jobs.find_all(call.values["id"])
    for job in jobs:
        if not services.jobs.can_be_dropped(job):
            raise RefusedError(f"job {job.id} has not ended: it is {job.state}")
    for job in jobs:
        services.jobs.drop(job)
    peer.send("/astfx/forgotten", call.values["id"])
