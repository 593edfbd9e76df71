"""Who may send: tokens, admitted UDP sources and limits, on real sockets."""

from __future__ import annotations

import socket
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from astfx_bridge import Client
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.wire.osc import encode

from tests.bridge.serving import Server, collect, eventually, until

TOKEN = "a long secret"


def test_a_token_lets_a_connection_in(start: Callable[..., Server]) -> None:
    server = start("--token", TOKEN)
    with server.client(token=TOKEN) as client:
        assert client.ask("/astfx/ping", 3)[0].values == (3,)
    with server.client("slip", token=TOKEN) as client:
        assert client.ask("/astfx/ping", 3)[0].values == (3,)
    assert TOKEN not in server.banner


def test_without_the_token_nothing_is_answered_but_a_fail(start: Callable[..., Server]) -> None:
    server = start("--token", TOKEN)
    with server.client() as client:
        client.send("/astfx/get", "strength")
        fail = until(client, "/astfx/fail")
        assert fail.values[:2] == ("/astfx/auth", 0)
        with pytest.raises(BridgeError, match=r"has closed the connection"):
            until(client, "/astfx/value")
    with pytest.raises(RefusedError, match=r"the token is wrong"):
        server.client(token="another secret")
    with socket.create_connection(("127.0.0.1", server.port)) as stream:
        stream.sendall(struct.pack(">I", 5000))  # nothing long is read before the token
        assert b"5000 bytes was announced, 4096 are allowed" in stream.recv(4096)


def test_udp_speaks_only_beside_an_authenticated_connection(start: Callable[..., Server]) -> None:
    server = start("--token", TOKEN)
    with server.client("udp") as speaker:
        speaker.send("/astfx/ping", 1)
        assert "this server needs a token" in str(until(speaker, "/astfx/fail").values[2])
        with server.client() as client:
            client.ask("/astfx/auth", TOKEN, speaker.local_port)
            speaker.send("/astfx/ping", 2)
            assert until(speaker, "/astfx/pong").values == (2,)
            with server.client("udp") as other:
                other.send("/astfx/ping", 3)
                assert until(other, "/astfx/fail").values[0] == "/astfx/auth"

        def refused() -> bool:
            speaker.send("/astfx/ping", 4)
            return (answer := speaker.receive(1.0)) is not None and answer.address == "/astfx/fail"

        eventually(refused)


def test_unauthenticated_floods_get_few_answers(start: Callable[..., Server]) -> None:
    server = start("--token", TOKEN)
    with server.client("udp") as speaker:
        for number in range(300):
            speaker.send("/astfx/ping", number)
        assert len(collect(speaker, 0.5)) <= 15


def test_connections_are_capped(start: Callable[..., Server]) -> None:
    server = start("--connections", "2")
    held = [server.client(), server.client("slip")]
    for client in held:
        client.ask("/astfx/ping")
    with server.client() as third:
        fail = until(third, "/astfx/fail")
    assert fail.values[2] == "there are 2 connections already, no more are taken"
    held.pop().close()

    def taken() -> bool:
        with server.client() as third, suppress(BridgeError):
            third.send("/astfx/ping", 1)
            return (answer := third.receive()) is not None and answer.values == (1,)
        return False

    eventually(taken)
    held.pop().close()


@pytest.mark.parametrize("transport", ["length", "udp"])
def test_message_rates_are_capped(start: Callable[..., Server], transport: str) -> None:
    server = start("--messages-per-second", "50")
    with server.client(transport) as client:
        began = time.monotonic()
        for number in range(400):
            client.send("/astfx/ping", number)
        answers = collect(client, 1.0)
        seconds = time.monotonic() - began
        pongs = [m for m in answers if m.address == "/astfx/pong"]
        fails = [str(m.values[2]) for m in answers if m.address == "/astfx/fail"]
        assert 100 <= len(pongs) <= 100 + 50 * seconds
        assert 1 <= len(fails) <= 3 + seconds
        assert fails[0].startswith("more than 50 messages a second")
        assert client.ask("/astfx/ping", "well")[0].values == ("well",)


def test_a_client_that_reads_nothing_is_cut_off(start: Callable[..., Server]) -> None:
    server = start("--blob-mb", "1", "--messages-per-second", "1000000")
    with socket.create_connection(("127.0.0.1", server.port)) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        packet = encode("/astfx/ping", ["x" * 4000])
        framed = struct.pack(">I", len(packet)) + packet
        stream.settimeout(5.0)
        with pytest.raises(OSError, match=r"reset|pipe|timed out"):
            stream.sendall(framed * 20_000)
    with server.client() as client:
        assert client.ask("/astfx/ping", 1)[0].values == (1,)


def test_the_server_never_answers_itself(server: Server) -> None:
    with server.client("udp") as client:
        client.send("/astfx/replyto", server.port)
        fail = until(client, "/astfx/fail")
        assert fail.values[2] == f"port {server.port} is the server's own"
        for address in ("/astfx/fail", "/astfx/pong", "/astfx/done"):
            client.send(address, "x", 1, "y")
        assert collect(client, 0.3) == []


def status(server: Server, token: str) -> int:
    """The HTTP status of a request with a token."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.http_port}/", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def test_wrong_tokens_are_counted_for_all_doors_together(start: Callable[..., Server]) -> None:
    server = start("--token", TOKEN)
    assert status(server, TOKEN) == 200
    for number in range(5):
        assert status(server, f"a wrong secret {number}") == 401
        with pytest.raises(RefusedError, match=r"the token is wrong"):
            server.client(token="another secret")
    assert status(server, "a wrong secret") == 429
    assert status(server, TOKEN) == 429
    with pytest.raises(RefusedError, match=r"too many wrong tokens: wait a minute"):
        server.client(token=TOKEN)


def test_connections_that_send_nothing_do_not_keep_others_out(start: Callable[..., Server]) -> None:
    server = start("--connections", "4")
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
    with server.client() as client:
        assert client.ask("/astfx/ping", 1)[0].values == (1,)
    for stream in silent:
        stream.close()


def test_a_udp_subscriber_is_let_go_when_its_authorisation_ends(
    start: Callable[..., Server],
) -> None:
    server = start("--token", TOKEN)
    with server.client("udp") as listener, server.client(token=TOKEN) as other:
        with server.client() as holder:
            holder.ask("/astfx/auth", TOKEN, listener.local_port)
            listener.ask("/astfx/notify", 1)
            other.ask("/astfx/set", "mix", 0.5)
            assert until(listener, "/astfx/value").values == ("mix", 0.5)

        def refused() -> bool:
            listener.send("/astfx/ping", 4)
            return until_refused(listener)

        eventually(refused)
        other.ask("/astfx/set", "mix", 0.75)
        # Admitted again, it has to subscribe again.
        with server.client() as holder:
            holder.ask("/astfx/auth", TOKEN, listener.local_port)
            other.ask("/astfx/set", "mix", 1.0)
            assert listener.ask("/astfx/ping", 5)[0].values == (5,)
        assert not [message for message in listener.inbox if message.address == "/astfx/value"]


def until_refused(client: Client) -> bool:
    answer = client.receive(1.0)
    return answer is not None and answer.address == "/astfx/fail"


def test_half_sent_packets_take_bounded_memory(start: Callable[..., Server]) -> None:
    server = start()
    assert server.process is not None
    status_file = Path(f"/proc/{server.process.pid}/status")
    if not status_file.exists():
        pytest.skip("needs /proc to measure the server")
    part = struct.pack(">I", 64 * 2**20) + bytes(63 * 2**20)
    streams = []
    for _ in range(12):
        stream = socket.create_connection(("127.0.0.1", server.port))
        streams.append(stream)
        with suppress(OSError):
            stream.sendall(part)
    with server.client() as client:
        assert client.ask("/astfx/ping", 1)[0].values == (1,)
    peak_kb = int(status_file.read_text().split("VmHWM:")[1].split()[0])
    for stream in streams:
        stream.close()
    assert peak_kb < 350 * 1024


@pytest.mark.parametrize("transport", ["length", "slip"])
def test_a_blob_that_is_too_long_is_refused_in_a_sentence(
    start: Callable[..., Server], transport: str
) -> None:
    server = start("--blob-mb", "1")
    with server.client(transport) as client, pytest.raises(RefusedError) as caught:
        client.render_blob(b"RIFF" + bytes(40 * 2**20), style="style.wav")
    assert f"{2**20} " in str(caught.value)
    assert "allowed" in str(caught.value)
