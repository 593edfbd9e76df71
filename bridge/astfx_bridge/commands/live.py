"""Handlers for live audio. Each session runs in a process of its own (`live.children`)."""

from __future__ import annotations

import asyncio
from typing import Any

from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.ids import canonical_id
from astfx_bridge.live.paths import LivePaths
from astfx_bridge.live.table import OPENING
from astfx_bridge.table import Call
from astfx_bridge.wire.peers import Peer

_RING = "ring:"


def _paths(services: Services) -> LivePaths:
    return LivePaths(services.roots, services.jobs.presets, services.jobs.clips)


async def live_open(services: Services, peer: Peer, call: Call) -> None:
    """Start a live session."""
    given: dict[str, Any] = {name: parameter.default for name, parameter in OPENING.items()}
    named: set[str] = set()
    for key, value in call.pairs:
        if key not in OPENING:
            raise RefusedError(f"a live session has no {key!r}: it has {', '.join(OPENING)}")
        given[key] = OPENING[key].argument.check(value)
        named.add(key)
    if not given["style"]:
        raise RefusedError("there is no style: add `style NAME` with a preset or a path")
    session_id: int | str = canonical_id(str(call.values["id"]))
    if session_id in (0, ""):
        session_id = services.live.free_id()
    paths = _paths(services)
    source, target = str(call.values["input"]), str(call.values["output"])

    def prepare() -> dict[str, Any]:
        further = [name.strip() for name in str(given["further"]).split(",") if name.strip()]
        setup = {
            "style": paths.style(str(given["style"])),
            "further": [paths.style(name) for name in further],
            "engine": given["engine"],
            "channels": given["channels"],
            "morph": given["morph"],
            "gain": given["gain"],
            "bypass": bool(given["bypass"]),
            # A preset's own settings hold where none are given.
            **{key: given[key] for key in named & {"strength", "mix", "mix_law"}},
        }
        return {
            "name": f"astfx-{session_id}"[:32],
            "input": _source(services, source, target),
            "output": target,
            "sample_rate": given["sample_rate"],
            "block_size": given["block_size"],
            "setup": setup,
        }

    request = await asyncio.to_thread(prepare)
    opened = await services.live.open(session_id, request)
    peer.send("/astfx/live/opened", session_id, *opened)


def _source(services: Services, source: str, target: str) -> str:
    """The input of a session. A ring is a file under the roots, for both directions."""
    if not (source.startswith(_RING) or target.startswith(_RING)):
        return source
    if source != target:
        raise RefusedError(f"input {source!r} and output {target!r} must be one and the same ring")
    return _RING + str(services.roots.writable(source.removeprefix(_RING), "ring"))


async def live_command(services: Services, peer: Peer, call: Call) -> None:
    """Let a session carry out a command."""
    address = call.row.address
    paths = _paths(services)
    values, pairs = await asyncio.to_thread(paths.confined, address, call.values, call.pairs)
    for reply, given in await services.live.ask(call.values["id"], address, values, pairs):
        peer.send(reply, *given)


async def live_close(services: Services, peer: Peer, call: Call) -> None:
    """End a session."""
    await services.live.close(call.values["id"])
    peer.send("/astfx/live/closed", call.values["id"], "")


def live_list(services: Services, peer: Peer, call: Call) -> None:
    """List the sessions."""
    rows = services.live.rows()
    peer.send("/astfx/live/sessions", len(rows))
    for row in rows:
        peer.send("/astfx/live/session", *row)
