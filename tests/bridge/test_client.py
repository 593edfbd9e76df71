"""The Python client: whose answers it takes, and what it says when the server is gone or silent."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from astfx_bridge import Client
from astfx_bridge.errors import BridgeError, PacketError, RefusedError

from tests.bridge.serving import QUICK, Server, until

SHORT_SECONDS = 0.05
STYLE = ("style", "style.wav")


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A TCP server that accepts connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def client_of(silent: socket.socket, token: str = "") -> Client:
    port = silent.getsockname()[1]
    return Client(port=port, timeout_seconds=SHORT_SECONDS, token=token)


def test_no_server_is_told_in_a_sentence() -> None:
    with pytest.raises(BridgeError, match=r"no bridge on 127.0.0.1 port 1 .*: start `astfx serve`"):
        Client(port=1)
    with pytest.raises(BridgeError, match=r"transport='pigeon' must be one of length, slip, udp"):
        Client(transport="pigeon")


def test_a_server_that_does_not_answer_is_told_in_a_sentence(silent: socket.socket) -> None:
    where = f"127.0.0.1 port {silent.getsockname()[1]}"
    with client_of(silent) as client:
        with pytest.raises(BridgeError, match=rf"^no answer to /astfx/ping from {where} in 0.05 s"):
            client.ask("/astfx/ping")
        with pytest.raises(BridgeError, match=r"^job 7 did not end in 0.05 seconds$"):
            client.render("a.wav", "b.wav", job_id=7, timeout_seconds=SHORT_SECONDS)
    with pytest.raises(BridgeError, match=rf"^no answer from {where} in 0.05 seconds$"):
        client_of(silent, token="a long secret")


def test_a_connection_that_is_closed_or_reset_is_told_in_a_sentence(silent: socket.socket) -> None:
    where = f"127.0.0.1 port {silent.getsockname()[1]}"
    with client_of(silent) as client:
        silent.accept()[0].close()
        with pytest.raises(BridgeError, match=rf"^the bridge on {where} has closed the connection"):
            client.receive(60.0)
    with client_of(silent) as client:
        accepted, _ = silent.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        accepted.close()
        with pytest.raises(BridgeError, match=rf"^lost the bridge on {where} \(.*reset"):
            client.receive(60.0)


def test_a_subscribed_client_gets_its_own_results_only(server: Server) -> None:
    with server.client() as mine, server.client() as other:
        mine.ask("/astfx/notify", 1)
        other.send("/astfx/render", 0, "content.wav", "theirs.wav", *STYLE, *QUICK)
        until(other, "/astfx/queued")
        result = mine.render("content.wav", "mine.wav", style="style.wav", quality="draft")
        assert result.output == str(server.root / "mine.wav")
        other.send("/astfx/render", 0, "content.wav", "theirs2.wav", *STYLE, *QUICK)
        until(other, "/astfx/queued")
        (queued, *_) = mine.ask("/astfx/render", 0, "content.wav", "mine.wav", *STYLE, *QUICK)
        assert str(queued.values[0]).startswith("py-")
        mine.ask("/astfx/notify", 0)


def test_a_subscribed_client_is_not_refused_by_the_fails_of_others(server: Server) -> None:
    with server.client() as mine, server.client() as other:
        mine.ask("/astfx/notify", 1)
        other.send(
            "/astfx/render", "theirs", "long.wav", "cancelled.wav", *STYLE, "quality", "best"
        )
        until(other, "/astfx/queued")
        other.ask("/astfx/cancel", "theirs")
        other.ask("/astfx/set", "mix", 1.0)
        (queued, *_) = mine.ask("/astfx/render", "own", "content.wav", "own.wav", *STYLE, *QUICK)
        assert queued.values == ("own",)
        (value,) = mine.ask("/astfx/get", "strength")
        assert value.values == ("strength", 1.0)
        mine.ask("/astfx/notify", 0)


@pytest.mark.parametrize(("given", "named"), [("7101", 7101), (2**31, str(2**31)), ("x" * 65, "")])
def test_an_id_is_found_again_however_it_was_written(
    server: Server, given: int | str, named: int | str
) -> None:
    style = Path("style.wav")
    with server.client() as client:
        if not named:
            with pytest.raises(RefusedError, match=r"must be 1 to 64 characters"):
                client.render("content.wav", "o.wav", job_id=given)
            return
        result = client.render(
            Path("content.wav"),
            Path("named.wav"),
            job_id=given,
            style=style,
            quality="draft",
            iterations=1,
        )
        assert result.id == named
        assert client.ask("/astfx/status", given)[0].values[0] == named


def test_an_argument_that_osc_cannot_carry_is_refused_in_a_sentence(silent: socket.socket) -> None:
    with client_of(silent) as client, pytest.raises(PacketError) as caught:
        client.render("a.wav", "b.wav", style=None)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "an argument of /astfx/render is None: it must be a number, a text, a path or bytes"
    )


def test_all_presets_are_listed_however_many_there_are(start: Callable[..., Server]) -> None:
    server = start()
    names = [f"made-{number:03}" for number in range(420)]
    for name in names:
        (server.state / "presets" / f"{name}.astfx").touch()
    with server.client() as client:
        assert client.presets()[:420] == names
        assert len(client.presets()) == len(set(client.presets())) > 420
