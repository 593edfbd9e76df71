"""Handlers for the parameters of the server."""

from __future__ import annotations

from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.commands.services import Services
from astfx_bridge.table import Call, Value
from astfx_bridge.wire.peers import Peer


def get(services: Services, peer: Peer, call: Call) -> None:
    """Send a parameter, or all of them."""
    key = call.values.get("key")
    for name in PARAMETERS if key is None else [str(key)]:
        peer.send("/astfx/value", name, services.parameters[name])


def set_parameter(services: Services, peer: Peer, call: Call) -> None:
    """Change the parameter that the call names."""
    change(services, peer, str(call.values["key"]), call.values["value"])


def param(services: Services, peer: Peer, call: Call) -> None:
    """Change or send the parameter that has this address."""
    assert call.row.parameter is not None
    name = call.row.parameter.name
    if name in call.values:
        change(services, peer, name, call.values[name])
    else:
        peer.send("/astfx/value", name, services.parameters[name])


def change(services: Services, peer: Peer, key: str, value: Value) -> None:
    """Change a parameter, and send its new value to the sender and the subscribers."""
    changed = services.parameters.set(key, value)
    for other in [peer, *(one for one in services.subscribers() if one is not peer)]:
        other.send("/astfx/value", key, changed)
