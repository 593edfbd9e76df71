"""The errors of the bridge. The client is sent their messages."""

from __future__ import annotations

from astfx.errors import AstfxError


class RefusedError(AstfxError, ValueError):
    """A command that cannot be carried out. The message is the text of the fail."""


class PacketError(AstfxError, ValueError):
    """Bytes that are no OSC packet, or a packet that exceeds the limits.

    Parameters
    ----------
    message : str
    address : str
        The address of the faulty message, if it could be read.
    """

    def __init__(self, message: str, address: str = "") -> None:
        super().__init__(message)
        self.address = address


class BridgeError(AstfxError, RuntimeError):
    """A server that cannot start, or that a client cannot reach."""
