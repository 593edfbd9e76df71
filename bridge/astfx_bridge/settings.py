"""What a server is started with, validated once."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from pathlib import Path

from astfx_bridge.errors import BridgeError

OSC_PORT, HTTP_PORT = 9101, 9102
MIN_TOKEN_CHARACTERS = 8


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, unreachable from others."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Caps on what clients may ask for; each is answered with a fail that names it.

    Attributes
    ----------
    clip_seconds : float
        Longest content or style, in seconds.
    blob_bytes : int
        Longest packet over TCP, and so the longest clip in a blob.
    queue_jobs : int
        Jobs that have not ended.
    connections : int
        TCP connections at a time.
    messages_per_second : float
        From one sender; twice as many may come at once.
    kept_records : int
        Ended jobs that can still be asked for.
    kept_blob_bytes : int
        Size of the blob results kept.
    job_seconds : float
        A job that runs longer is stopped and fails.
    """

    clip_seconds: float = 1800.0
    blob_bytes: int = 64 * 2**20
    queue_jobs: int = 1000
    connections: int = 32
    messages_per_second: float = 2000.0
    kept_records: int = 10_000
    kept_blob_bytes: int = 2**30
    job_seconds: float = 3600.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0):
                raise BridgeError(f"{name}={value!r} must be above 0")
        if self.blob_bytes > 2**30:
            raise BridgeError(f"blob_bytes={self.blob_bytes} must be at most {2**30} (1 GiB)")


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where a server listens, what it may touch, how much it does at a time.

    Attributes
    ----------
    host : str
        Address to listen on. All but loopback addresses need a token.
    osc_port : int, 0 to 65535
        UDP and TCP; 0 takes a free one.
    http_port : int or None, 0 to 65535
        OSCQuery; None leaves it out.
    roots : tuple of Path
        Folders that clients may read and write.
    state : Path
        Folder of the server's records; made if it is not there.
    jobs : int, 1 to 64
        Renders at a time.
    token : str
        Secret that clients must give; empty is none.
    announce : bool
        Announce the OSCQuery server by zeroconf.
    limits : Limits
    """

    host: str = "127.0.0.1"
    osc_port: int = OSC_PORT
    http_port: int | None = HTTP_PORT
    roots: tuple[Path, ...] = (Path(),)
    state: Path = Path("astfx-state")
    jobs: int = 1
    token: str = field(default="", repr=False)
    announce: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.host == "localhost":  # one address, not whatever the name stands for
            object.__setattr__(self, "host", "127.0.0.1")
        for name, port in (("osc_port", self.osc_port), ("http_port", self.http_port)):
            if port is not None and not 0 <= port <= 65_535:
                raise BridgeError(f"{name}={port} must lie between 0 and 65535")
        if not 1 <= self.jobs <= 64:
            raise BridgeError(f"jobs={self.jobs} must lie between 1 and 64")
        if not self.roots:
            raise BridgeError("a server needs at least one root folder")
        if self.token and (len(self.token) < MIN_TOKEN_CHARACTERS or not self.token.isprintable()):
            raise BridgeError(
                f"the token must have at least {MIN_TOKEN_CHARACTERS} printable characters"
            )
        if not self.token and not is_loopback(self.host):
            raise BridgeError(
                f"host {self.host} can be reached from other machines: give a --token that "
                "clients must know, or listen on 127.0.0.1"
            )
