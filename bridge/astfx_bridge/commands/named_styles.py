"""Handlers for style clips that clients send once and name afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

from astfx.runtime.files import written_aside
from astfx_bridge.commands.job_requests import check_unused, clip_suffix, page, read_clip
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import styles
from astfx_bridge.table import Call
from astfx_bridge.wire.peers import Peer


def named_styles(services: Services, peer: Peer, call: Call) -> None:
    """Send the names of the kept style clips, a page of them."""
    names = list(styles.kept(services.jobs.clips))
    peer.send("/astfx/styles", *page(names, call, "style clips"))


async def style_put(services: Services, peer: Peer, call: Call) -> None:
    """Keep a style clip under a name, in place of the clip that had this name."""
    name, clip = str(call.values["name"]), call.values["clip"]
    assert isinstance(clip, bytes)
    styles.checked_name(name, "style")
    if name in styles.preset_names(services.jobs.presets):
        raise RefusedError(f"{name!r} is the name of a preset: choose another")

    def keep() -> float:
        folder = services.jobs.clips
        earlier = styles.kept(folder).get(name)
        suffix = clip_suffix(clip, "style")
        held = sum(path.stat().st_size for path in styles.kept(folder).values() if path != earlier)
        limit = services.settings.limits.kept_style_bytes
        if held + len(clip) > limit:
            raise RefusedError(
                f"the style clips would take {held + len(clip)} bytes, at most {limit} are kept: "
                "delete some with /astfx/style/delete"
            )
        target = folder / f"{name}{suffix}"
        with written_aside(target) as part:
            part.write_bytes(clip)
            seconds = read_clip(services, part, name)
        if earlier is not None and earlier != target:
            earlier.unlink(missing_ok=True)
        return seconds

    peer.send("/astfx/style/kept", name, float(await asyncio.to_thread(keep)))


def style_delete(services: Services, peer: Peer, call: Call) -> None:
    """Delete a kept style clip, unless a job needs it."""
    name = str(call.values["name"])
    path = _found(services, name)
    check_unused(services, f"style clip {name!r}", style=str(path))
    path.unlink(missing_ok=True)
    peer.send("/astfx/style/deleted", name)


def _found(services: Services, name: str) -> Path:
    path = styles.kept(services.jobs.clips).get(name)
    if path is None:
        raise RefusedError(f"there is no style clip {name!r}: /astfx/styles lists them")
    return path
