"""A client for Python programs. It sends files or blobs, and gets them back stylised.

    with Client() as astfx:
        astfx.engine.render("voice.wav", "wet.wav", style="rain.wav", strength=0.8)

It needs only python-osc and this package, not torch.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from astfx_bridge.addresses import REPLIES, ROWS
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.ids import MAX_ID_CHARACTERS, canonical_id
from astfx_bridge.settings import OSC_PORT
from astfx_bridge.table import Row, Value
from astfx_bridge.wire.connection import UDP, Connection
from astfx_bridge.wire.framing import LENGTH
from astfx_bridge.wire.osc import Message, Sendable

NO_ID = (0, "", "0")


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a job that is done.

    Attributes
    ----------
    id : int or str
    output : str or bytes
        The path of the result, or the clip itself if a blob was sent.
    sample_rate : int, hertz
    frames : int
        The length of the result.
    """

    id: Value
    output: str | bytes
    sample_rate: int
    frames: int


class Client(Connection):
    """A connection to a bridge, with functions for its commands.

    Parameters
    ----------
    host : str
    port : int
    transport : {"length", "slip", "udp"}
        TCP with a length before each packet, TCP with SLIP, or UDP.
    token : str
        The server's token, if it has one. It can be sent by TCP only.
    timeout_seconds : float
        How long to wait for an answer. Jobs may take longer.

    Raises
    ------
    BridgeError
        If nothing answers there.
    RefusedError
        If the token is wrong.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = OSC_PORT,
        *,
        transport: str = LENGTH,
        token: str = "",
        timeout_seconds: float = 10.0,
    ) -> None:
        super().__init__(host, port, transport=transport, timeout_seconds=timeout_seconds)
        if token and transport != UDP:
            try:
                self._authenticate(token)
            except BaseException:
                self.close()
                raise

    def _authenticate(self, token: str) -> None:
        self.send("/astfx/auth", token)
        answer = self.receive()
        if answer is None:
            raise BridgeError(f"no answer from {self.where} in {self.timeout_seconds:g} seconds")
        if answer.address == "/astfx/fail":
            raise RefusedError(str(answer.values[2]))

    def replies(self, address: str, *values: Sendable) -> Iterator[Message]:
        """Send a message, and yield everything that the server sends until it has handled it.

        Raises
        ------
        BridgeError
            If the server does not answer in time.
        """
        token = f"end-{secrets.token_hex(6)}"
        self.send(address, *values)
        self.send("/astfx/ping", token)
        deadline = time.monotonic() + self.timeout_seconds
        while (message := self.receive(deadline - time.monotonic())) is not None:
            if message.address == "/astfx/pong" and message.values == (token,):
                return
            yield message
        raise BridgeError(
            f"no answer to {address} from {self.where} in {self.timeout_seconds:g} seconds"
        )

    def ask(self, address: str, *values: Sendable) -> list[Message]:
        """Send a message and return its replies. Messages of running jobs stay for `receive`.

        A command that starts a job and has the id 0 is given an id of its own first. So the
        messages about the jobs of others, which a subscriber receives too, are not taken for it.

        Raises
        ------
        RefusedError
            If the reply is a fail.
        """
        row = ROWS.get(address)
        if row is not None and row.job and values and values[0] in NO_ID:
            values = (own_id(), *values[1:])
        asked = {} if row is None else _named(row, values)
        found, others = [], []
        refused = ""
        for message in self.replies(address, *values):
            if _refuses(message, address, asked.get("id")):
                refused = str(message.values[2])
            elif row is not None and message.address in row.replies and _answers(message, asked):
                found.append(message)
            else:
                others.append(message)
        self.inbox.extend(others)
        if refused:
            raise RefusedError(refused)
        return found

    def presets(self) -> list[str]:
        """The names of all presets on the server.

        Raises
        ------
        BridgeError
            If the server does not answer.
        """
        names: list[str] = []
        while True:
            (page,) = self.ask("/astfx/presets", len(names))
            names += map(str, page.values[2:])
            if len(names) >= int(page.values[0]) or len(page.values) == 2:
                return names

    def render(
        self,
        content: str | os.PathLike[str],
        output: str | os.PathLike[str],
        *,
        job_id: int | str = 0,
        progress: Callable[[float], None] | None = None,
        timeout_seconds: float = 3600.0,
        **settings: Value | os.PathLike[str],
    ) -> Result:
        """Render a file to a file. Both are paths on the server, under its roots.

        Parameters
        ----------
        content, output : path
        job_id : int or str
            0 stands for a new one. The same request with the same id is answered from the server's
            record.
        progress : callable, optional
            Called with the fraction that is done.
        timeout_seconds : float
        **settings
            Parameters of the job by name: ``style="rain.wav", strength=0.5``.

        Raises
        ------
        RefusedError
            If the job is refused, fails or is cancelled.
        BridgeError
            If the connection is lost, or the job does not end in time.
        """
        values: list[Sendable] = [content, output, *_pairs(settings)]
        return self._job("/astfx/render", job_id, values, progress, timeout_seconds)

    def render_blob(
        self,
        clip: bytes,
        *,
        job_id: int | str = 0,
        progress: Callable[[float], None] | None = None,
        timeout_seconds: float = 3600.0,
        **settings: Value | os.PathLike[str],
    ) -> Result:
        """Render the bytes of a WAV or FLAC. The `output` of the result is bytes too.

        The style may be the bytes of a sound or of a preset's file.
        """
        values: list[Sendable] = [clip, *_pairs(settings)]
        return self._job("/astfx/render/blob", job_id, values, progress, timeout_seconds)

    def _job(
        self,
        address: str,
        job_id: int | str,
        values: list[Sendable],
        progress: Callable[[float], None] | None,
        timeout_seconds: float,
    ) -> Result:
        # An id that nobody else has: a subscriber also receives the messages of others' jobs.
        job = own_id() if job_id in NO_ID else canonical_id(job_id)
        self.send(address, job, *values)
        deadline = time.monotonic() + timeout_seconds
        others: list[Message] = []
        try:
            while (message := self.receive(deadline - time.monotonic())) is not None:
                kind, said = message.address, message.values
                if _refuses(message, address, job):
                    raise RefusedError(str(said[2]))
                if kind == "/astfx/progress" and said[0] == job:
                    if progress is not None:
                        progress(float(said[1]))
                elif kind == "/astfx/done" and said[:2] == (address, job):
                    output, sample_rate, frames = said[2:]
                    assert isinstance(output, str | bytes)
                    return Result(
                        id=job, output=output, sample_rate=int(sample_rate), frames=int(frames)
                    )
                elif not (kind == "/astfx/queued" and said[0] == job):
                    others.append(message)
        finally:
            self.inbox.extend(others)
        raise BridgeError(f"job {job!r} did not end in {timeout_seconds:g} seconds")


def own_id() -> str:
    """A new id, which no other client has."""
    return f"py-{secrets.token_hex(6)}"


def _named(row: Row, values: Sequence[Sendable]) -> dict[str, Value]:
    """The id and the key that a message names, as its replies name them."""
    found: dict[str, Value] = {}
    for argument, value in zip(row.arguments, values, strict=False):
        if argument.name in ("id", "key") and isinstance(value, int | float | str):
            found[argument.name] = canonical_id(value) if argument.types == "is" else value
    if row.parameter is not None:
        found["key"] = row.parameter.name
    return found


def _answers(message: Message, asked: Mapping[str, Value]) -> bool:
    """Whether a message concerns what was asked for, and not a job or key of somebody else."""
    for name, value in zip(REPLIES[message.address].arguments, message.values, strict=False):
        if name in asked and value != asked[name]:
            return name == "id" and _belongs(value, asked[name])
    return True


def _refuses(message: Message, address: str, job: Value | None) -> bool:
    """Whether a message is the fail of a command, and not that of somebody else's job."""
    if message.address != "/astfx/fail":
        return False
    command, named = message.values[:2]
    if command == "/astfx/packet":
        return True
    if job is None or str(named) == str(job)[:MAX_ID_CHARACTERS]:
        return command == address
    return command == address and _belongs(named, job)


def _belongs(job: Value, parent: Value) -> bool:
    """Whether a job is one of a stem folder, or the preview of a job."""
    return str(job).startswith(str(parent) + "/")


def _pairs(settings: Mapping[str, Sendable]) -> list[Sendable]:
    return [part for pair in settings.items() for part in pair]
