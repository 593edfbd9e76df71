"""Handlers that show which files clients may name: the roots, and what is in their folders."""

from __future__ import annotations

import asyncio

from astfx_bridge.commands.job_requests import page
from astfx_bridge.commands.services import Services
from astfx_bridge.table import Call
from astfx_bridge.wire.peers import Peer


def roots(services: Services, peer: Peer, call: Call) -> None:
    """Send the folders that clients may use."""
    folders = services.roots.folders
    peer.send("/astfx/roots", len(folders), *(str(folder) for folder in folders))


async def files(services: Services, peer: Peer, call: Call) -> None:
    """Send the names of what a folder holds, a page of them."""
    folder = str(call.values.get("folder", ""))
    names = await asyncio.to_thread(services.roots.names_in, folder or ".", "folder")
    peer.send("/astfx/listing", *page(names, call, "files"))
