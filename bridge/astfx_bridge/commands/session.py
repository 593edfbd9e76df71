"""Handlers of what is no job: greetings, replies, subscriptions, parameters, presets."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from astfx_bridge.addresses import PARAMETERS, PROTOCOL
from astfx_bridge.commands.dispatch import Call
from astfx_bridge.errors import RefusedError
from astfx_bridge.table import Value
from astfx_bridge.wire.peers import Peer, TcpPeer

if TYPE_CHECKING:
    from astfx_bridge.server import Bridge


def ping(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Answer."""
    peer.send("/astfx/pong", call.values.get("token", 0))


def version(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Tell the versions."""
    peer.send("/astfx/version", metadata.version("astfx"), PROTOCOL)


def auth(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Check the token of a TCP connection, and let its UDP port in."""
    assert isinstance(peer, TcpPeer)
    try:
        bridge.access.check_token(peer.host, str(call.values["token"]))
    except RefusedError:
        peer.backlog.clear()
        bridge.soon(peer.close)
        raise
    peer.authenticated = True
    port = int(call.values.get("udp_port", -1))
    if port >= 0:
        if len(peer.bound_ports) >= 16:
            raise RefusedError("a connection may bind at most 16 UDP ports")
        bridge.access.bind(peer.host, port)
        peer.bound_ports.append(port)
    peer.send("/astfx/authenticated", max(port, 0))


def replyto(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Send replies to another port of the same host."""
    _redirect(bridge, peer, int(call.values["port"]))
    peer.send("/astfx/replyto", peer.reply_port)


def _redirect(bridge: Bridge, peer: Peer, port: int) -> None:
    if port == bridge.osc_port:
        raise RefusedError(f"port {port} is the server's own")
    peer.reply_port = port


def notify(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Subscribe to everything."""
    if "port" in call.values:
        _redirect(bridge, peer, int(call.values["port"]))
    peer.notify = bool(call.values["on"])
    peer.send("/astfx/notify", int(peer.notify))


def sync(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Answer when the sender's jobs have ended."""
    bridge.desk.notices.sync(peer, call.values["id"])


def get(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Tell a parameter, or all."""
    key = call.values.get("key")
    for name in PARAMETERS if key is None else [str(key)]:
        peer.send("/astfx/value", name, bridge.parameters[name])


def set_parameter(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Change a parameter."""
    set_value(bridge, peer, str(call.values["key"]), call.values["value"])


def param(bridge: Bridge, peer: Peer, call: Call) -> None:
    """Change or tell the parameter that has this address."""
    assert call.row.parameter is not None
    name = call.row.parameter.name
    if name in call.values:
        set_value(bridge, peer, name, call.values[name])
    else:
        peer.send("/astfx/value", name, bridge.parameters[name])


def set_value(bridge: Bridge, peer: Peer, key: str, value: Value) -> None:
    """Change a parameter, and tell the sender and the subscribers."""
    bridge.parameters[key] = bridge.checked(key, value)
    subscribers = bridge.subscribers()
    for other in [peer, *(one for one in subscribers if one is not peer)]:
        other.send("/astfx/value", key, bridge.parameters[key])


def quit_server(bridge: Bridge, peer: Peer, call: Call) -> None:
    """End the server."""
    peer.send("/astfx/bye")
    bridge.soon(bridge.stop)
