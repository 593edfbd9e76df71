"""Handlers for the connection itself: greeting, token, where replies go, subscriptions, quit."""

from __future__ import annotations

import asyncio
from importlib import metadata

from astfx_bridge.addresses import PROTOCOL
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.table import Call
from astfx_bridge.wire.peers import Peer, StreamPeer

MAX_BOUND_PORTS = 16


def ping(services: Services, peer: Peer, call: Call) -> None:
    """Answer with the same token."""
    peer.send("/astfx/pong", call.values.get("token", 0))


def version(services: Services, peer: Peer, call: Call) -> None:
    """Send the versions of astfx and of the protocol."""
    peer.send("/astfx/version", metadata.version("astfx"), PROTOCOL)


def auth(services: Services, peer: Peer, call: Call) -> None:
    """Check the token of a TCP connection, and admit UDP from the port that it names."""
    assert isinstance(peer, StreamPeer)
    try:
        services.access.check_token(peer.host, str(call.values["token"]))
    except RefusedError:
        peer.backlog.clear()
        asyncio.get_running_loop().call_soon(peer.close)  # after the fail has been sent
        raise
    peer.authenticated = True
    port = int(call.values.get("udp_port", -1))
    if port >= 0:
        if len(peer.bound_ports) >= MAX_BOUND_PORTS:
            raise RefusedError(f"a connection may bind at most {MAX_BOUND_PORTS} UDP ports")
        services.access.bind(peer.host, port)
        peer.bound_ports.append(port)
    peer.send("/astfx/authenticated", max(port, 0))


def replyto(services: Services, peer: Peer, call: Call) -> None:
    """Send replies to another UDP port of the same host."""
    _redirect(services, peer, int(call.values["port"]))
    peer.send("/astfx/replying", peer.reply_port)


def _redirect(services: Services, peer: Peer, port: int) -> None:
    if port == services.osc_port():
        raise RefusedError(f"port {port} is the server's own")
    peer.reply_port = port


def notify(services: Services, peer: Peer, call: Call) -> None:
    """Start or end the subscription to the messages of every job."""
    if "port" in call.values:
        _redirect(services, peer, int(call.values["port"]))
    peer.notify = bool(call.values["on"])
    peer.send("/astfx/notified", int(peer.notify))


def sync(services: Services, peer: Peer, call: Call) -> None:
    """Answer when the sender's earlier jobs have ended."""
    services.jobs.notices.sync(peer, call.values["id"])


def quit_server(services: Services, peer: Peer, call: Call) -> None:
    """End the server."""
    peer.send("/astfx/bye")
    asyncio.get_running_loop().call_soon(services.stop)
