"""Every address of the table, over UDP and both TCP framings, on a real server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile
from astfx_bridge import Client
from astfx_bridge.addresses import PARAMETERS, REPLIES, ROWS
from astfx_bridge.table import Value
from astfx_bridge.wire.connection import TRANSPORTS, UDP
from astfx_bridge.wire.osc import Message

from tests.bridge.serving import QUICK, RATE, Server, collect, read, until

IDS = itertools.count(1001)
STYLE = ("style", "style.wav")
JOBS = ("/astfx/queued", "/astfx/progress", "/astfx/done")


def long_job(client: Client) -> int:
    """A job that is still running when the next command arrives."""
    number = next(IDS)
    client.send("/astfx/render", number, "long.wav", f"long{number}.wav", *STYLE, "quality", "best")
    until(client, "/astfx/queued")
    return number


def ended_job(client: Client) -> int:
    number = next(IDS)
    client.send("/astfx/render", number, "content.wav", f"o{number}.wav", *STYLE, *QUICK)
    until(client, "/astfx/done")
    return number


def clip(server: Server) -> bytes:
    return (server.root / "content.wav").read_bytes()


# Functions that make the arguments to send to each address, once there is a client.
EXAMPLES: dict[str, Callable[[Client, Server], list[Value]]] = {
    "/astfx/ping": lambda c, s: ["hello"],
    "/astfx/version": lambda c, s: [],
    "/astfx/auth": lambda c, s: ["any", 0],
    "/astfx/replyto": lambda c, s: [0],
    "/astfx/notify": lambda c, s: [0],
    "/astfx/sync": lambda c, s: [5],
    "/astfx/render": lambda c, s: [next(IDS), "content.wav", "o.wav", *STYLE, *QUICK],
    "/astfx/render/blob": lambda c, s: [next(IDS), clip(s), *STYLE, *QUICK],
    "/astfx/then": lambda c, s: [next(IDS), ended_job(c), "then.wav", *STYLE, *QUICK],
    "/astfx/stem": lambda c, s: [next(IDS), "stems", "stems-out", *STYLE, *QUICK],
    "/astfx/preview": lambda c, s: [long_job(c), f"preview{next(IDS)}.wav", 1.0, 1.0],
    "/astfx/cancel": lambda c, s: [long_job(c)],
    "/astfx/cancel/all": lambda c, s: [],
    "/astfx/status": lambda c, s: [ended_job(c)],
    "/astfx/result": lambda c, s: [ended_job(c)],
    "/astfx/queue": lambda c, s: [long_job(c)][1:],
    "/astfx/job/get": lambda c, s: [ended_job(c), "quality"],
    "/astfx/job/set": lambda c, s: [queued_job(c), "strength", 0.5],
    "/astfx/forget": lambda c, s: [ended_job(c)],
    "/astfx/get": lambda c, s: ["strength"],
    "/astfx/set": lambda c, s: ["mix", 1.0],
    "/astfx/presets": lambda c, s: [],
    "/astfx/preset": lambda c, s: [preset()],
    "/astfx/preset/make": lambda c, s: [next(IDS), "mine", "style.wav"],
    "/astfx/preset/blend": lambda c, s: [next(IDS), "ours", preset(), 1.0],
    "/astfx/preset/put": lambda c, s: [next(IDS), "sent", preset_file(c)],
    "/astfx/preset/fetch": lambda c, s: [next(IDS), preset()],
    "/astfx/preset/rename": lambda c, s: [next(IDS), made_preset(c), f"renamed-{next(IDS)}"],
    "/astfx/preset/delete": lambda c, s: [made_preset(c)],
    "/astfx/styles": lambda c, s: [],
    "/astfx/style/put": lambda c, s: ["kept", clip(s)],
    "/astfx/style/delete": lambda c, s: [kept_style(s)],
    "/astfx/roots": lambda c, s: [],
    "/astfx/files": lambda c, s: ["", 0],
    "/astfx/quit": lambda c, s: [],
    "/astfx/live/open": lambda c, s: ["other", "ring:o.ring", "ring:o.ring", "style", preset()],
    "/astfx/live/set": lambda c, s: [live_session(c), "strength", 0.5],
    "/astfx/live/get": lambda c, s: [live_session(c)],
    "/astfx/live/morph": lambda c, s: [live_session(c), preset(), 1.0, preset(1), 3.0],
    "/astfx/live/learn": lambda c, s: [live_session(c), "mix"],
    "/astfx/live/record": lambda c, s: [live_session(c), "take.wav"],
    "/astfx/live/status": lambda c, s: [live_session(c)],
    "/astfx/live/close": lambda c, s: [live_session(c)],
    "/astfx/live/list": lambda c, s: [live_session(c)][1:],
} | {
    f"/astfx/param/{name}": lambda c, s, p=parameter: [p.default]  # type: ignore[misc]
    for name, parameter in PARAMETERS.items()
}


def made_preset(client: Client) -> str:
    name = f"made-{next(IDS)}"
    client.send("/astfx/preset/make", 0, name, "style.wav")
    until(client, "/astfx/done")
    return name


def preset_file(client: Client) -> bytes:
    client.send("/astfx/preset/fetch", 0, preset())
    data = until(client, "/astfx/done").values[2]
    assert isinstance(data, bytes)
    return data


def kept_style(server: Server) -> str:
    with server.client() as client:
        client.ask("/astfx/style/put", "kept-too", clip(server))
    return "kept-too"


def queued_job(client: Client) -> int:
    """A job that waits behind two long ones: the server renders two at a time."""
    long_job(client)
    long_job(client)
    return long_job(client)


def preset(place: int = 0) -> str:
    from astfx import presets

    return str(presets.names()[place])


def live_session(client: Client) -> str:
    """A live session that runs. It is shared, because each is a process of its own."""
    if "shared" not in running_sessions(client):
        client.send("/astfx/live/open", "shared", "ring:s.ring", "ring:s.ring", "style", preset())
        until(client, "/astfx/live/opened")
    return "shared"


def running_sessions(client: Client) -> list[str]:
    client.send("/astfx/live/list")
    (count,) = until(client, "/astfx/live/sessions").values
    assert isinstance(count, int)
    return [str(until(client, "/astfx/live/session").values[0]) for _ in range(count)]


def check_reply(message: Message) -> None:
    """A message has the arguments that the table promises."""
    reply = REPLIES[message.address]
    names = {int: "i", float: "f", str: "s", bytes: "b"}
    types = [*reply.types]
    if reply.repeats:
        types += [types.pop()] * (len(message.values) - len(types))
    assert len(types) == len(message.values), message
    for value, allowed in zip(message.values, types, strict=True):
        assert names[type(value)] in allowed, message


@pytest.fixture
def client(server: Server, transport: str) -> Iterator[Client]:
    with server.client(transport) as client:
        yield client
        client.ask("/astfx/cancel/all")
        sessions = running_sessions(client)
        if "shared" in sessions:
            client.send("/astfx/live/record", "shared", "")
            until(client, "/astfx/live/recording")
        if "other" in sessions:
            client.send("/astfx/live/close", "other")
            until(client, "/astfx/live/closed")
        for name, parameter in PARAMETERS.items():
            client.ask("/astfx/set", name, parameter.default)


def test_every_address_has_an_example() -> None:
    assert set(EXAMPLES) == set(ROWS)


@pytest.mark.parametrize("address", sorted(set(ROWS) - {"/astfx/quit"}))
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_address_is_answered_as_the_table_says(
    client: Client, server: Server, transport: str, address: str
) -> None:
    row = ROWS[address]
    if address == "/astfx/stem":
        make_stems(server)
    if row.tcp_only and transport == UDP:
        client.send(address, 1, b"clip")
        assert until(client, "/astfx/fail").values[2] == f"{address} needs TCP"
        return
    values = EXAMPLES[address](client, server)
    collect(client, 0.0)
    client.send(address, *values)
    wanted = set(row.replies)
    seen: list[Message] = []
    while not wanted <= {message.address for message in seen}:
        message = client.receive(60.0)
        assert message is not None, f"{wanted} after {values}: only {seen}"
        check_reply(message)
        assert not (message.address == "/astfx/fail" and message.values[0] == address), message
        seen.append(message)
    if row.job:
        check_result(server, address, values, seen)


def make_stems(server: Server) -> None:
    folder = server.root / "stems"
    folder.mkdir(exist_ok=True)
    for name in ("bass.wav", "drums.flac"):
        soundfile.write(folder / name, read(server.root / "content.wav").T, RATE)
    (folder / "notes.txt").write_text("no sound")


def check_result(server: Server, address: str, values: list[Value], seen: list[Message]) -> None:
    done = next(message for message in seen if message.address == "/astfx/done")
    command, _, output, sample_rate, frames = done.values
    assert command == address
    if "preset" in address:
        return
    assert sample_rate == RATE
    assert frames == RATE
    if isinstance(output, bytes):
        assert output[:4] == b"RIFF"
    else:
        written = read(server.root / str(output))
        assert written.shape == (1, RATE)
        assert np.abs(written).max() > 0.01


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_quit_ends_the_server_and_says_so(start: Callable[..., Server], transport: str) -> None:
    server = start()
    with server.client(transport) as client:
        client.send("/astfx/quit")
        assert until(client, "/astfx/bye").values == ()
    assert server.process is not None
    assert server.process.wait(20) == 0
