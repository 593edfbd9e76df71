from __future__ import annotations

import socket
import struct

from astfx_bridge.wire.osc import decode, encode

from tests.bridge.serving import PATIENCE_SECONDS, Server


def test_a_datagram_of_65_kilobytes_is_read_whole(server: Server) -> None:
    texts = [chr(ord("a") + n) * 4000 for n in range(16)]
    parts = [encode("/astfx/ping", [text]) for text in texts]
    bundle = b"#bundle\0" + bytes(8) + b"".join(struct.pack(">i", len(p)) + p for p in parts)
    assert 60_000 < len(bundle) < 65_507
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaker:
        speaker.settimeout(PATIENCE_SECONDS)
        speaker.sendto(bundle, ("127.0.0.1", server.port))
        answers = [decode(speaker.recv(65_535))[0] for _ in texts]
    assert [answer.values for answer in answers] == [(text,) for text in texts]
