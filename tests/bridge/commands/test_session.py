from __future__ import annotations

from pathlib import Path

from astfx_bridge.wire.osc import Message, encode

from tests.bridge.offline import OSC_PORT, Stream, UdpClient, handle, make_services, tcp_peer

TOKEN = "a long secret"


def test_a_connection_admits_at_most_16_udp_ports(tmp_path: Path) -> None:
    services, stream = make_services(tmp_path, token=TOKEN), Stream()
    peer = tcp_peer(stream)
    for port in range(5001, 5018):
        handle(services, peer, encode("/astfx/auth", [TOKEN, port]))
    last = stream.received[-1]
    assert last.values == ("/astfx/auth", TOKEN, "a connection may bind at most 16 UDP ports")
    assert [services.access.admits("127.0.0.1", port) for port in (5001, 5016, 5017)] == [
        True,
        True,
        False,
    ]


def test_a_wrong_token_closes_the_connection_after_its_fail(tmp_path: Path) -> None:
    services, stream = make_services(tmp_path, token=TOKEN), Stream()
    handle(services, tcp_peer(stream), encode("/astfx/auth", ["a wrong secret"]))
    assert stream.closed
    (fail,) = stream.received
    assert fail.values == ("/astfx/auth", "a wrong secret", "the token is wrong")


def test_before_the_token_a_connection_is_told_so_and_closed(tmp_path: Path) -> None:
    services, stream = make_services(tmp_path, token=TOKEN), Stream()
    handle(services, tcp_peer(stream), encode("/astfx/ping", [1]))
    assert stream.closed
    (fail,) = stream.received
    assert fail.values == (
        "/astfx/auth",
        0,
        "this server needs a token: send /astfx/auth token first",
    )


def test_replies_are_never_sent_to_the_servers_own_port(tmp_path: Path) -> None:
    services, client = make_services(tmp_path), UdpClient()
    for address, values in (("/astfx/replyto", [OSC_PORT]), ("/astfx/notify", [1, OSC_PORT])):
        handle(services, client, encode(address, values))
        fail = client.received[-1]
        assert fail.values[::2] == (address, f"port {OSC_PORT} is the server's own")
    assert (client.reply_port, client.notify) == (0, False)


def test_the_sender_of_a_ping_gets_its_token_back(tmp_path: Path) -> None:
    services, client = make_services(tmp_path), UdpClient()
    for values in ([], [7], ["seven"]):
        handle(services, client, encode("/astfx/ping", values))
    assert client.received == [Message("/astfx/pong", (token,)) for token in (0, 7, "seven")]
