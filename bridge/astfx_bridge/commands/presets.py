"""Handlers for presets: list, choose, make, blend, send, fetch, rename and delete them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from astfx.runtime.files import written_aside
from astfx_bridge.commands.job_requests import (
    check_unused,
    checked_sound,
    new_id,
    new_job,
    page,
    unless_accepted,
)
from astfx_bridge.commands.parameters import change
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import styles
from astfx_bridge.jobs.scratch import held_path, scratch_path
from astfx_bridge.table import Call, Value
from astfx_bridge.wire.peers import Peer


def presets(services: Services, peer: Peer, call: Call) -> None:
    """Send the names of the presets, a page of them."""
    peer.send("/astfx/presets", *page(styles.preset_names(services.jobs.presets), call, "presets"))


def preset(services: Services, peer: Peer, call: Call) -> None:
    """Make a preset the style of jobs to come."""
    change(services, peer, "style", _known_name(services, call.values["name"]))


async def preset_make(services: Services, peer: Peer, call: Call) -> None:
    """Accept a job that makes a preset from a sound."""
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    name = _new_name(services, call.values["name"])
    sound = str(call.values["path"])

    def prepare() -> dict[str, Any]:
        path = services.roots.readable(sound, "sound")
        checked_sound(path, sound, "sound", services.settings.limits.clip_seconds)
        limit = services.settings.limits.clip_seconds
        return _preset_spec(services, name, kind="preset", content=str(path), clip_seconds=limit)

    spec = await asyncio.to_thread(prepare)
    await services.jobs.accept(peer, [new_job(call, job_id, spec)])


async def preset_blend(services: Services, peer: Peer, call: Call) -> None:
    """Accept a job that blends presets into a new one."""
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    name = _new_name(services, call.values["name"])
    known, weights = styles.preset_names(services.jobs.presets), {}
    for other, weight in call.pairs:
        if other not in known:
            raise RefusedError(f"there is no preset {other!r}: /astfx/presets lists them")
        if not isinstance(weight, int | float) or not 0 <= weight <= 1:
            raise RefusedError(
                f"the weight of {other!r} is {weight!r}: it must lie between 0 and 1"
            )
        weights[other] = float(weight)
    if not weights or sum(weights.values()) <= 0.0:
        raise RefusedError("a blend needs presets with weights above 0")
    spec = _preset_spec(services, name, kind="blend", weights=weights)
    await services.jobs.accept(peer, [new_job(call, job_id, spec)])


async def preset_put(services: Services, peer: Peer, call: Call) -> None:
    """Accept a job that keeps a preset file that was sent, once it has been read."""
    await asyncio.to_thread(lambda: call.digest)
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    name, data = _new_name(services, call.values["name"]), call.values["file"]
    assert isinstance(data, bytes)
    held = held_path(services.jobs.blobs, styles.SUFFIX)

    def keep() -> None:
        with written_aside(held) as part:
            part.write_bytes(data)

    with unless_accepted(services, job_id, held):
        await asyncio.to_thread(keep)
        spec = _preset_spec(services, name, kind="rename", content=str(held))
        await services.jobs.accept(peer, [new_job(call, job_id, spec)])


async def preset_fetch(services: Services, peer: Peer, call: Call) -> None:
    """Accept a job that sends a preset as a file."""
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    name = _known_name(services, call.values["name"])
    output = held_path(services.jobs.blobs, styles.SUFFIX)
    spec = {
        "kind": "export",
        "preset": name,
        "presets": str(services.jobs.presets),
        "output": str(output),
        "scratch": str(scratch_path(output)),
        "settings": {},
    }
    await services.jobs.accept(peer, [new_job(call, job_id, spec)])


async def preset_rename(services: Services, peer: Peer, call: Call) -> None:
    """Accept a job that gives a preset another name."""
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    old = _own(services, call.values["name"])
    new = _new_name(services, call.values["to"])
    if new in styles.preset_names(services.jobs.presets):
        raise RefusedError(f"there is a preset {new!r} already: choose another name")
    check_unused(services, f"preset {old.stem!r}", preset=old.stem, content=str(old))
    spec = _preset_spec(services, new, kind="rename", content=str(old), replaces=str(old))
    await services.jobs.accept(peer, [new_job(call, job_id, spec)])


def preset_delete(services: Services, peer: Peer, call: Call) -> None:
    """Delete a preset that was made here, unless a job needs it."""
    path = _own(services, call.values["name"])
    check_unused(services, f"preset {path.stem!r}", preset=path.stem, content=str(path))
    path.unlink(missing_ok=True)
    peer.send("/astfx/preset/deleted", path.stem)


def _known_name(services: Services, name: Value) -> str:
    if name not in styles.preset_names(services.jobs.presets):
        raise RefusedError(f"there is no preset {name!r}: /astfx/presets lists them")
    return str(name)


def _new_name(services: Services, name: Value) -> str:
    checked = styles.checked_name(str(name), "preset")
    if checked in styles.kept(services.jobs.clips):
        raise RefusedError(f"{checked!r} is the name of a style clip: choose another")
    return checked


def _own(services: Services, name: Value) -> Path:
    """The file of a preset that was made here."""
    path = services.jobs.presets / f"{_known_name(services, name)}{styles.SUFFIX}"
    if not path.exists():
        raise RefusedError(f"preset {name!r} comes with astfx: only presets made here can change")
    return path


def _preset_spec(services: Services, name: str, **more: Any) -> dict[str, Any]:
    output = services.jobs.presets / f"{name}{styles.SUFFIX}"
    scratch = str(scratch_path(output))
    return {"name": name, "output": str(output), "scratch": scratch, "settings": {}, **more}
