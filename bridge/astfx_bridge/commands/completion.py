"""The completion message of a job: what the client wants to happen when it is done.

As with scsynth, a blob is an OSC packet that the server then carries out for the client. A text is
an address: a message with this address is sent to the client, after the done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from astfx_bridge.addresses import ROWS
from astfx_bridge.errors import PacketError, RefusedError
from astfx_bridge.table import Value
from astfx_bridge.wire.osc import MAX_DATAGRAM_BYTES, decode

KEY = "completion"
_ADDRESS = re.compile(r"(/[A-Za-z0-9_.:+-]+)+")
_LONGEST_ADDRESS = 250


def without_completion(
    pairs: Sequence[tuple[str, Value]],
) -> tuple[list[tuple[str, Value]], dict[str, str]]:
    """The pairs of a request without its completion, and the part of the job's spec for that.

    Raises
    ------
    RefusedError
        If it is neither a packet that the server understands nor an address.
    """
    wanted = [value for key, value in pairs if key == KEY]
    others = [pair for pair in pairs if pair[0] != KEY]
    return others, _spec(wanted[-1]) if wanted else {}


def _spec(completion: Value) -> dict[str, str]:
    if isinstance(completion, bytes):
        return {"completion_packet": _checked_packet(completion).hex()}
    text = str(completion)
    if not _ADDRESS.fullmatch(text) or len(text) > _LONGEST_ADDRESS:
        raise RefusedError(
            f"completion={text[:80]!r} must be an OSC packet as a blob, or an address such as "
            "/wet/ready"
        )
    if text == "/astfx" or text.startswith("/astfx/"):
        raise RefusedError(f"completion={text[:80]!r} must not begin with /astfx/")
    return {"completion_address": text}


def _checked_packet(packet: bytes) -> bytes:
    if len(packet) > MAX_DATAGRAM_BYTES:
        raise RefusedError(
            f"completion has {len(packet)} bytes: it must have at most {MAX_DATAGRAM_BYTES}"
        )
    try:
        messages = decode(packet)
        for message in messages:
            if message.address not in ROWS:
                raise RefusedError(f"there is no address {message.address}")
            if message.address == "/astfx/auth":  # a token belongs to a connection
                raise RefusedError("/astfx/auth must be sent by the client itself")
            ROWS[message.address].check(message.values)
    except (PacketError, RefusedError) as error:
        raise RefusedError(f"completion is no message that can be carried out ({error})") from None
    return packet
