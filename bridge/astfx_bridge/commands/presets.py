"""Handlers for presets: list them, choose one as the style, make one, blend several."""

from __future__ import annotations

import asyncio
from typing import Any

from astfx_bridge.commands.job_requests import checked_sound, new_id, new_job
from astfx_bridge.commands.parameters import change
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import styles
from astfx_bridge.jobs.scratch import scratch_path
from astfx_bridge.table import Call
from astfx_bridge.wire.peers import Peer

# A message holds 256 arguments at most.
NAMES_PER_PAGE = 200


def presets(services: Services, peer: Peer, call: Call) -> None:
    """Send the names of the presets, a page of them."""
    names = styles.preset_names(services.jobs.presets)
    first = int(call.values.get("first", 0))
    if first > len(names):
        raise RefusedError(f"first={first} must be at most {len(names)}, the number of presets")
    peer.send("/astfx/presets", len(names), first, *names[first : first + NAMES_PER_PAGE])


def preset(services: Services, peer: Peer, call: Call) -> None:
    """Make a preset the style of jobs to come."""
    name = str(call.values["name"])
    if name not in styles.preset_names(services.jobs.presets):
        raise RefusedError(f"there is no preset {name!r}: /astfx/presets lists them")
    change(services, peer, "style", name)


async def preset_make(services: Services, peer: Peer, call: Call) -> None:
    """Accept a job that makes a preset from a sound."""
    job_id = new_id(services, call)
    if services.jobs.answer_repeat(peer, job_id, call.digest):
        return
    name = styles.checked_preset_name(str(call.values["name"]))
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
    name = styles.checked_preset_name(str(call.values["name"]))
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


def _preset_spec(services: Services, name: str, **more: Any) -> dict[str, Any]:
    output = services.jobs.presets / f"{name}{styles.SUFFIX}"
    scratch = str(scratch_path(output))
    return {"name": name, "output": str(output), "scratch": scratch, "settings": {}, **more}
