"""Handlers of presets: list them, take one, make one, blend some."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from astfx_bridge.commands import job_requests
from astfx_bridge.commands.dispatch import Call
from astfx_bridge.commands.job_control import new_job
from astfx_bridge.commands.session import set_value
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import styles
from astfx_bridge.jobs.scratch import scratch_path
from astfx_bridge.wire.peers import Peer

if TYPE_CHECKING:
    from astfx_bridge.server import Bridge


def presets(bridge: Bridge, peer: Peer, call: Call) -> None:
    """List the presets."""
    names = styles.names(bridge.desk.presets)
    peer.send("/astfx/presets", len(names), *names)


def preset(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Take a preset as the style."""
    name = str(call.values["name"])
    if name not in styles.names(bridge.desk.presets):
        raise RefusedError(f"there is no preset {name!r}: /astfx/presets lists them")
    set_value(bridge, peer, "style", name)


async def preset_make(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Accept the making of a preset from a sound."""
    job_id = job_requests.new_id(bridge, call)
    if bridge.desk.repeat(peer, job_id, call):
        return
    name, text = styles.new_name(str(call.values["name"])), str(call.values["path"])

    def prepare() -> dict[str, Any]:
        path = bridge.roots.readable(text, "sound")
        job_requests.source(path, text, "sound", bridge.settings.limits.clip_seconds)
        return _preset_spec(bridge, job_id, name, kind="preset", content=str(path))

    spec = await asyncio.to_thread(prepare)
    bridge.desk.accept(peer, call, [new_job(call, job_id, spec)])


def preset_blend(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Accept the blending of presets."""
    job_id = job_requests.new_id(bridge, call)
    if bridge.desk.repeat(peer, job_id, call):
        return
    name = styles.new_name(str(call.values["name"]))
    known, weights = styles.names(bridge.desk.presets), {}
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
    spec = _preset_spec(bridge, job_id, name, kind="blend", weights=weights)
    bridge.desk.accept(peer, call, [new_job(call, job_id, spec)])


def _preset_spec(bridge: Bridge, job_id: str, name: str, **more: Any) -> dict[str, Any]:
    output = bridge.desk.presets / f"{name}{styles.SUFFIX}"
    scratch = str(scratch_path(output))
    return {"name": name, "output": str(output), "scratch": scratch, "settings": {}, **more}
