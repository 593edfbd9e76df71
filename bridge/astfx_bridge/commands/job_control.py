"""Handlers that start jobs, ask after them, and end them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import soundfile

from astfx.audio import written_aside
from astfx_bridge.commands import job_requests
from astfx_bridge.commands.dispatch import Call
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs.notices import send_outcome, wire_id
from astfx_bridge.jobs.scratch import held_path, scratch_path
from astfx_bridge.jobs.store import CANCELLED, QUEUED, RUNNING, Job
from astfx_bridge.wire.peers import Peer

if TYPE_CHECKING:
    from astfx_bridge.server import Bridge

PREVIEW_SECONDS = 5.0
LISTED = 100


def new_job(call: Call, job_id: str, spec: dict[str, Any], parent: str = "") -> Job:
    """A job as a call asks for it."""
    return Job(
        id=job_id,
        command=call.row.address,
        request=call.digest,
        spec=spec,
        parent=parent,
    )


async def render(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Accept a render from file to file."""
    job_id = job_requests.new_id(bridge, call)
    if bridge.desk.repeat(peer, job_id, call):
        return
    settings = job_requests.job_settings(bridge, call.pairs)
    content, output = str(call.values["content"]), str(call.values["output"])

    def prepare() -> dict[str, Any]:
        path = bridge.roots.readable(content, "content")
        target = bridge.roots.writable(output)
        return job_requests.render_spec(bridge, job_id, path, content, target, settings)

    spec = await asyncio.to_thread(prepare)
    bridge.desk.accept(peer, call, [new_job(call, job_id, spec)])


async def render_blob(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Accept a render of a clip that came as a blob."""
    await asyncio.to_thread(lambda: call.digest)  # of a long clip that takes a while
    job_id = job_requests.new_id(bridge, call)
    if bridge.desk.repeat(peer, job_id, call):
        return
    settings = job_requests.job_settings(bridge, call.pairs)
    clip = call.values["clip"]
    assert isinstance(clip, bytes)
    held = held_path(bridge.desk.blobs, ".content")
    output = held_path(bridge.desk.blobs, f".{settings['format']!s}")

    def prepare() -> dict[str, Any]:
        if clip[:4] not in (b"RIFF", b"RF64", b"fLaC"):
            raise RefusedError("the clip must be a WAV or a FLAC")
        with written_aside(held) as part:
            part.write_bytes(clip)
        return job_requests.render_spec(bridge, job_id, held, "blob", output, settings)

    try:
        spec = await asyncio.to_thread(prepare)
        bridge.desk.accept(peer, call, [new_job(call, job_id, spec)])
    except BaseException:
        job = bridge.desk.store.get(job_id)
        if job is None or job.spec["content"] != str(held):
            held.unlink(missing_ok=True)
        raise


async def stem(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Accept a job for each sound in a folder."""
    parent = job_requests.new_id(bridge, call)
    if bridge.desk.repeat(peer, parent, call):
        return
    settings = job_requests.job_settings(bridge, call.pairs)
    name = str(call.values["folder"])

    def prepare() -> list[Job]:
        folder = bridge.roots.folder(name, "folder")
        output = bridge.roots.new_folder(str(call.values["output"]))
        if folder == output:
            raise RefusedError(f"output '{name}' is the folder itself: name another")
        suffixes = {f".{kind.lower()}" for kind in soundfile.available_formats()} | {".aif"}
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
        if not found:
            raise RefusedError(f"folder '{name}' holds no sounds")
        if len(found) > bridge.settings.limits.queue_jobs:
            raise RefusedError(
                f"folder '{name}' holds {len(found)} sounds, at most "
                f"{bridge.settings.limits.queue_jobs} jobs may wait"
            )
        jobs = []
        for path in found:
            job_id = f"{parent}/{path.name}"
            inner = bridge.roots.readable(str(path), "content")
            spec = job_requests.render_spec(
                bridge, job_id, inner, f"{name}/{path.name}", output / path.name, settings
            )
            jobs.append(new_job(call, job_id, spec, parent))
        output.mkdir(exist_ok=True)
        return jobs

    jobs = await asyncio.to_thread(prepare)
    bridge.desk.accept(peer, call, jobs, parent=parent)


async def preview(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Accept a quick render of a part of a job that has not ended."""
    job = bridge.desk.job(call)
    if job.ended or job.spec["kind"] != "render":
        raise RefusedError(f"job {job.id} is {job.state} and no render that has yet to end")
    target = await asyncio.to_thread(bridge.roots.writable, str(call.values["output"]))
    job_id = f"{job.id}/preview"
    if str(target) in (job.spec["output"], job.spec["content"], job.spec.get("style")):
        raise RefusedError(f"output '{target.name}' belongs to the job itself: name another file")
    spec = {
        **job.spec,
        "kind": "preview",
        "start": float(call.values.get("start", 0.0)),
        "seconds": float(call.values.get("seconds", PREVIEW_SECONDS)),
        "output": str(target),
        "scratch": str(scratch_path(target)),
    }
    earlier = bridge.desk.store.get(job_id)
    if earlier is not None and not bridge.desk.at_rest(earlier):
        raise RefusedError(f"job {job.id} has a preview under way")
    replaced = [] if earlier is None else [job_id]
    bridge.desk.accept(peer, call, [new_job(call, job_id, spec, job.id)], replaced=replaced)


def cancel(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Cancel a job, or the jobs of a folder."""
    jobs = [job for job in bridge.desk.jobs(call) if not job.ended]
    if not jobs:
        job = bridge.desk.jobs(call)[0]
        raise RefusedError(f"job {job.id} has ended: it is {job.state}")
    for job in jobs:
        bridge.desk.end(job, CANCELLED, "cancelled")
    peer.send("/astfx/cancelled", call.values["id"], len(jobs))


def cancel_all(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Cancel every job."""
    jobs = bridge.desk.store.pending()
    for job in jobs:
        bridge.desk.end(job, CANCELLED, "cancelled")
    peer.send("/astfx/cancelled", "all", len(jobs))


def status(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Tell how jobs stand."""
    for job in bridge.desk.jobs(call):
        fraction = bridge.desk.pool.fraction(job)
        detail = job.detail[:1000] if job.ended else job.spec["output"]
        peer.send("/astfx/status", wire_id(job.id), job.state, float(fraction), detail)


def result(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Send the done or fail of ended jobs again."""
    for job in bridge.desk.jobs(call):
        if not job.ended:
            raise RefusedError(f"job {job.id} has not ended: it is {job.state}")
        send_outcome(peer, job)


def queue(bridge: Bridge, peer: Peer, call: Call) -> None:
    """List the jobs that have not ended."""
    counts = bridge.desk.store.counts()
    peer.send("/astfx/queue", counts.get(RUNNING, 0), counts.get(QUEUED, 0))
    for job in bridge.desk.store.pending(int(call.values.get("limit", LISTED))):
        fraction = float(bridge.desk.pool.fraction(job))
        peer.send("/astfx/job", wire_id(job.id), job.state, fraction, job.command)


def job_get(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Tell a parameter of a job."""
    _tell_parameter(peer, bridge.desk.job(call), str(call.values["key"]))


def _tell_parameter(peer: Peer, job: Job, key: str) -> None:
    if key not in job.spec["settings"]:
        raise RefusedError(f"job {job.id} has no parameters: it is {job.command}")
    peer.send("/astfx/job/value", wire_id(job.id), key, job.spec["settings"][key])


async def job_set(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Change a parameter of a job that is still queued."""
    key = str(call.values["key"])
    value = bridge.checked(key, call.values["value"])
    style = (
        await asyncio.to_thread(job_requests.style_spec, bridge, value) if key == "style" else {}
    )
    job = bridge.desk.job(call)
    if job.state != QUEUED:
        raise RefusedError(f"job {job.id} is {job.state}: only a queued job can be changed")
    if key not in job.spec["settings"] or key == "format":
        raise RefusedError(f"{key} of job {job.id} cannot be changed")
    spec = {**job.spec, "settings": {**job.spec["settings"], key: value}}
    if style:
        spec = {k: v for k, v in spec.items() if k not in ("style", "preset")} | style
    _tell_parameter(peer, bridge.desk.store.amend(job, spec), key)


def forget(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Drop the records of ended jobs."""
    jobs = bridge.desk.jobs(call)
    for job in jobs:
        if not bridge.desk.at_rest(job):
            raise RefusedError(f"job {job.id} has not ended: it is {job.state}")
    for job in jobs:
        bridge.desk.drop(job)
    peer.send("/astfx/forgotten", call.values["id"])
