"""Handlers that accept renders: of a file, a blob or a folder, and previews."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import soundfile

from astfx.runtime.files import written_aside
from astfx_bridge.commands.completion import without_completion
from astfx_bridge.commands.job_requests import (
    checked_sound,
    clip_suffix,
    job_settings,
    new_id,
    new_job,
    render_spec,
    spec_with_style,
    style_spec,
    unless_accepted,
)
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import styles
from astfx_bridge.jobs.scratch import held_path, scratch_path
from astfx_bridge.jobs.store import BLOB_COMMANDS, CANCELLED, FAILED, REFUSED, Job
from astfx_bridge.table import Call
from astfx_bridge.wire.peers import Peer

PREVIEW_SECONDS = 5.0


async def render(services: Services, peer: Peer, call: Call) -> None:
    """Accept a render from a file to a file."""
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    pairs, completion = without_completion(call.pairs)
    settings = job_settings(services, pairs)
    content, output = str(call.values["content"]), str(call.values["output"])

    def prepare() -> dict[str, Any]:
        path = services.roots.readable(content, "content")
        target = services.roots.writable(output)
        return render_spec(services, path, content, target, settings)

    spec = await asyncio.to_thread(prepare)
    await services.jobs.accept(peer, [new_job(call, job_id, {**spec, **completion})])


async def render_blob(services: Services, peer: Peer, call: Call) -> None:
    """Accept a render of a clip that was sent as a blob."""
    await asyncio.to_thread(lambda: call.digest)  # hashing a long clip takes a while
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    clips = {"content": call.values["clip"]}
    pairs, completion = without_completion(call.pairs)
    for key, value in pairs:
        if isinstance(value, bytes):
            if key != "style":
                raise RefusedError(f"{key} must not be a blob: only the style may be one")
            clips["style"] = value
    settings = job_settings(services, [pair for pair in pairs if not isinstance(pair[1], bytes)])
    style = clips.get("style")
    sends_preset = isinstance(style, bytes) and styles.is_preset(style)
    suffixes = {"content": ".content", "style": styles.SUFFIX if sends_preset else ".style"}
    held = {role: held_path(services.jobs.blobs, suffixes[role]) for role in clips}
    output = held_path(services.jobs.blobs, f".{settings['format']!s}")

    def prepare() -> dict[str, Any]:
        for role, clip in clips.items():
            assert isinstance(clip, bytes)
            if role == "content" or not sends_preset:
                clip_suffix(clip, role)
            with written_aside(held[role]) as part:
                part.write_bytes(clip)
        if "style" not in held:
            return render_spec(services, held["content"], "blob", output, settings)
        limit = services.settings.limits.clip_seconds
        if not sends_preset:
            checked_sound(held["style"], "blob", "style", limit)
        settings["style"] = "blob"
        spec = {"style": str(held["style"]), "clip_seconds": limit}
        return spec_with_style(services, held["content"], "blob", output, settings, spec)

    with unless_accepted(services, job_id, *held.values()):
        spec = await asyncio.to_thread(prepare)
        await services.jobs.accept(peer, [new_job(call, job_id, {**spec, **completion})])


async def then(services: Services, peer: Peer, call: Call) -> None:
    """Accept a render of the output of another job, which need not have ended."""
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    pairs, completion = without_completion(call.pairs)
    settings = job_settings(services, pairs)
    awaited = services.jobs.find(call.values["after"])
    if awaited.spec["kind"] not in ("render", "preview") or awaited.command in BLOB_COMMANDS:
        raise RefusedError(f"job {awaited.id} makes no file that could be rendered")
    if awaited.state in (FAILED, CANCELLED):
        raise RefusedError(f"job {awaited.id} is {awaited.state}: it has no output")
    output = str(call.values["output"])

    def prepare() -> dict[str, Any]:
        content = Path(awaited.spec["output"])
        target = services.roots.writable(output)
        style = style_spec(services, settings["style"])
        return spec_with_style(
            services, content, content.name, target, settings, style, is_there=False
        )

    spec = await asyncio.to_thread(prepare)
    spec = {**spec, **completion, "after": awaited.id}
    await services.jobs.accept(peer, [new_job(call, job_id, spec)])


async def stem(services: Services, peer: Peer, call: Call) -> None:
    """Accept a render of each sound in a folder. One that cannot be rendered fails by itself."""
    parent = new_id(services, call)
    if services.jobs.answer_repeat(peer, parent, call.digest):
        return
    pairs, completion = without_completion(call.pairs)
    settings = job_settings(services, pairs)
    name = str(call.values["folder"])
    limit = services.settings.limits.queue_jobs

    def prepare() -> list[Job]:
        folder = services.roots.folder(name, "folder")
        output = services.roots.new_folder(str(call.values["output"]))
        if folder == output:
            raise RefusedError(f"output '{name}' is the folder itself: name another")
        suffixes = {f".{kind.lower()}" for kind in soundfile.available_formats()} | {".aif"}
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
        if not found:
            raise RefusedError(f"folder '{name}' contains no sounds")
        if len(found) > limit:
            raise RefusedError(
                f"folder '{name}' contains {len(found)} sounds, at most {limit} jobs may wait"
            )
        style = style_spec(services, settings["style"])
        jobs = []
        for path in found:
            # The name in a form that can be sent: on some systems, names may hold any bytes.
            shown = path.name.encode(errors="backslashreplace").decode()
            target = output / shown
            try:
                if shown != path.name:
                    raise RefusedError(f"content '{name}/{shown}' has a name that is not UTF-8")
                content = services.roots.readable(str(path), "content")
                spec = spec_with_style(
                    services, content, f"{name}/{shown}", target, settings, style
                )
            except RefusedError as error:
                spec = {
                    "kind": REFUSED,
                    "reason": str(error),
                    "output": str(target),
                    "scratch": str(scratch_path(target)),
                    "settings": dict(settings),
                }
            jobs.append(new_job(call, f"{parent}/{shown}", {**spec, **completion}, parent))
        output.mkdir(exist_ok=True)
        return jobs

    jobs = await asyncio.to_thread(prepare)
    await services.jobs.accept(peer, jobs, parent=parent)


async def preview(services: Services, peer: Peer, call: Call) -> None:
    """Accept a quick render of a part of a job that has not ended."""
    job = services.jobs.find(call.values["id"])
    if job.ended or job.spec["kind"] != "render":
        raise RefusedError(
            f"job {job.id} is {job.state}: only a queued or running render can be previewed"
        )
    if not services.jobs.store.has_content(job):
        raise RefusedError(f"job {job.id} waits for its content: there is nothing to preview yet")
    target = await asyncio.to_thread(services.roots.writable, str(call.values["output"]))
    job_id = f"{job.id}/preview"
    if str(target) in (job.spec["output"], job.spec["content"], job.spec.get("style")):
        raise RefusedError(f"output '{target.name}' belongs to the job itself: name another file")
    own = {key: value for key, value in job.spec.items() if not key.startswith("completion_")}
    spec = {
        **own,
        "kind": "preview",
        "start": float(call.values.get("start", 0.0)),
        "seconds": float(call.values.get("seconds", PREVIEW_SECONDS)),
        "output": str(target),
        "scratch": str(scratch_path(target)),
    }
    earlier = services.jobs.store.get(job_id)
    if earlier is not None and not services.jobs.can_be_dropped(earlier):
        raise RefusedError(f"job {job.id} already has a preview that has not ended")
    replaced = [] if earlier is None else [job_id]
    await services.jobs.accept(peer, [new_job(call, job_id, spec, job.id)], replaced=replaced)
