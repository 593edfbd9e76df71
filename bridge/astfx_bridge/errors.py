"""What the bridge refuses, in the words that the client reads."""

from __future__ import annotations

from astfx.errors import AstfxError


class RefusedError(AstfxError, ValueError):
    """A command that cannot be carried out; the message is the fail's text."""


class PacketError(AstfxError, ValueError):
    """Bytes that are no OSC packet, or one beyond the limits.

    Parameters
    ----------
    message : str
    address : str
        Of the message that was at fault, where it could be read.
    """

    def __init__(self, message: str, address: str = "") -> None:
        super().__init__(message)
        self.address = address


class BridgeError(AstfxError, RuntimeError):
    """A server that cannot start, or that a client cannot reach."""
