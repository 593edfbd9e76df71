"""OSC over WebSocket and OSCQuery's LISTEN, on a real server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from astfx_bridge.wire.osc import Message
from wsproto.events import BytesMessage

from tests.bridge.serving import QUICK, RATE, Server, until
from tests.bridge.web.browser import Browser, Refused

TOKEN = "a long secret"
STYLE = ("style", "style.wav")


def test_every_kind_of_message_travels_over_a_websocket(server: Server) -> None:
    clip = (server.root / "content.wav").read_bytes()
    with Browser(server) as browser:
        browser.send("/astfx/ping", "web")
        assert browser.receive() == Message("/astfx/pong", ("web",))
        browser.send("/astfx/render", "web", "content.wav", "web.wav", *STYLE, *QUICK)
        assert browser.receive() == Message("/astfx/queued", ("web",))
        done = browser.until("/astfx/done")
        assert done.values[1:] == ("web", str(server.root / "web.wav"), RATE, RATE)
        browser.send("/astfx/render/blob", "web-blob", clip, *STYLE, *QUICK)
        output = browser.until("/astfx/done").values[2]
        assert isinstance(output, bytes)
        assert output[:4] == b"RIFF"
        browser.send("/astfx/nothing")
        assert browser.until("/astfx/fail").values[:2] == ("/astfx/nothing", 0)


def test_a_listener_is_sent_each_new_value_until_it_ignores_it(server: Server) -> None:
    with Browser(server) as browser, server.client() as client:
        browser.command("LISTEN", "/astfx/param/mix")
        browser.send("/astfx/ping", 1)
        browser.until("/astfx/pong")
        client.ask("/astfx/set", "mix", 0.25)
        client.ask("/astfx/set", "strength", 0.5)
        client.ask("/astfx/param/mix", 0.5)
        assert browser.receive() == Message("/astfx/param/mix", (0.25,))
        assert browser.receive() == Message("/astfx/param/mix", (0.5,))
        browser.command("IGNORE", "/astfx/param/mix")
        browser.send("/astfx/ping", 2)
        browser.until("/astfx/pong")
        client.ask("/astfx/set", "mix", 1.0)
        client.ask("/astfx/set", "strength", 1.0)
        browser.send("/astfx/ping", 3)
        assert browser.receive() == Message("/astfx/pong", (3,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "a text must be a command such as"),
        ("[" * 4000, "a text must be a command such as"),
        ('{"COMMAND": "DANCE", "DATA": "/"}', "a text must be a command such as"),
        ('{"COMMAND": "LISTEN", "DATA": "/astfx/ping"}', "address '/astfx/ping' has no value"),
        ('{"COMMAND": "LISTEN", "DATA": 7}', "address '7' has no value to listen to"),
    ],
)
def test_a_text_that_is_no_command_is_told(server: Server, text: str, message: str) -> None:
    with Browser(server) as browser:
        browser.send_text(text)
        said = browser.receive()
        assert isinstance(said, dict)
        assert said["ERROR"].startswith(message)


def test_pages_of_other_sites_are_not_answered(server: Server) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        with pytest.raises(Refused, match="403"):
            Browser(server, origin=origin)
    with pytest.raises(Refused, match="403"):
        Browser(server, host="evil.example")
    with Browser(server, origin=f"http://127.0.0.1:{server.http_port}") as browser:
        browser.send("/astfx/ping", 1)
        browser.until("/astfx/pong")


def test_a_token_is_asked_for_here_too(start: Callable[..., Server]) -> None:
    server = start("--token", TOKEN)
    with pytest.raises(Refused, match="401"):
        Browser(server)
    for path, headers in (
        ("/?token=a%20long%20secret", {}),
        ("/", {"authorization": f"Bearer {TOKEN}"}),
    ):
        with Browser(server, path, origin="http://elsewhere.example", **headers) as browser:
            browser.send("/astfx/ping", 1)
            browser.until("/astfx/pong")
    for _ in range(10):
        with pytest.raises(Refused, match="401"):
            Browser(server, "/?token=wrong")
    with pytest.raises(Refused, match="429"):
        Browser(server, "/?token=a%20long%20secret")


def test_websockets_and_tcp_share_one_number_of_connections(start: Callable[..., Server]) -> None:
    server = start("--connections", "2")
    with server.client() as client, Browser(server) as browser:
        client.ask("/astfx/ping")
        browser.send("/astfx/ping", 1)
        browser.until("/astfx/pong")
        with pytest.raises(Refused, match="503"):
            Browser(server)
        with server.client() as third:
            fail = until(third, "/astfx/fail")
            assert fail.values[2] == "there are 2 connections already, no more are taken"


def test_a_websocket_that_was_never_used_makes_room(start: Callable[..., Server]) -> None:
    server = start("--connections", "1")
    with Browser(server) as silent, server.client() as client:
        client.ask("/astfx/ping")
        assert silent.until_closed()[0] == 1008
        (fail,) = silent.inbox
        assert isinstance(fail, Message)
        assert fail.values[2] == "this connection was idle, and has made room for another"


def test_a_message_that_is_too_long_is_refused_with_its_limit(start: Callable[..., Server]) -> None:
    server = start("--blob-mb", "1")
    for megabytes in (1, 8):
        with Browser(server) as browser:
            browser.send("/astfx/render/blob", 1, b"RIFF" + bytes(megabytes * 2**20), *STYLE)
            fail = browser.until("/astfx/fail")
            expected = "a packet is longer than the 1048576 bytes allowed"
            assert fail.values == ("/astfx/packet", 0, expected)
            assert browser.until_closed()[0] == 1008


def test_message_rates_are_capped(start: Callable[..., Server]) -> None:
    server = start("--messages-per-second", "50")
    with Browser(server) as browser:
        for number in range(400):
            browser.send("/astfx/ping", number)
        fail = browser.until("/astfx/fail")
        assert str(fail.values[2]).startswith("more than 50 messages a second")


def test_half_sent_messages_take_bounded_memory(start: Callable[..., Server]) -> None:
    server = start()
    assert server.process is not None
    status_file = Path(f"/proc/{server.process.pid}/status")
    if not status_file.exists():
        pytest.skip("needs /proc to measure the server")
    browsers = [Browser(server) for _ in range(8)]
    for browser in browsers:
        event = BytesMessage(data=bytes(60 * 2**20), message_finished=False)
        with suppress(OSError):
            browser._send(event)
    with server.client() as client:
        client.ask("/astfx/ping")
    peak_kb = int(status_file.read_text().split("VmHWM:")[1].split()[0])
    for browser in browsers:
        browser.stream.close()
    assert peak_kb < 350 * 1024


def test_a_websocket_ends_with_its_server(start: Callable[..., Server]) -> None:
    server = start()
    with Browser(server) as browser:
        browser.send("/astfx/quit")
        assert browser.receive() == Message("/astfx/bye", ())
        assert browser.until_closed()[0] in (1000, 1001, 1012)
    assert server.stop() == 0


def test_what_is_no_websocket_breaks_nothing(start: Callable[..., Server]) -> None:
    server = start()
    upgrade = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    keyed = (
        upgrade
        + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    for data in (
        upgrade + b"\r\n",
        keyed + b"\xff" * 50,
        keyed + b"\x82\xff" + b"\xff" * 8,
        b"\0" * 100,
        b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 30_000,
        b"GET / HTTP/9.9\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.http_port)) as stream:
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                while stream.recv(1 << 16):
                    pass
    with Browser(server) as browser:
        browser.send("/astfx/ping", 1)
        browser.until("/astfx/pong")
    assert server.stop() == 0  # it has printed nothing
