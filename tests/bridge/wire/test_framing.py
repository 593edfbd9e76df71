from __future__ import annotations

import random
import struct

import pytest
from astfx_bridge.errors import PacketError
from astfx_bridge.wire.framing import LENGTH, SLIP, Deframer, frame

PACKETS = [b"/a\0\0", bytes(range(256)), b"\xc0\xdb\xdc\xdd" * 9, b"#bundle\0" + bytes(8)]


@pytest.mark.parametrize("framing", [LENGTH, SLIP])
@pytest.mark.parametrize("cut", [1, 3, 64, 10_000])
def test_packets_survive_a_stream_cut_anywhere(framing: str, cut: int) -> None:
    stream = b"".join(frame(packet, framing) for packet in PACKETS)
    deframer = Deframer(1000)
    found: list[bytes] = []
    for start in range(0, len(stream), cut):
        found += deframer.feed(stream[start : start + cut])
    assert found == PACKETS
    assert deframer.framing == framing


def test_slip_is_known_without_its_first_end() -> None:
    assert list(Deframer(100).feed(b"/a\0\0\xc0")) == [b"/a\0\0"]


def test_slip_is_framed_as_rfc_1055_says() -> None:
    assert frame(b"a\xc0b\xdbc", SLIP) == b"\xc0a\xdb\xdcb\xdb\xddc\xc0"


def test_a_length_is_four_bytes_big_endian() -> None:
    assert frame(b"/a\0\0", LENGTH) == b"\0\0\0\x04/a\0\0"


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (struct.pack(">I", 101), "a packet of 101 bytes was announced, 100 are allowed"),
        (struct.pack(">I", 0), "a packet of 0 bytes was announced"),
        (b"GET / HTTP/1.1\r\n", "neither SLIP nor length-prefixed OSC"),
        (b"\xc0" + b"a" * 101 + b"\xc0", "a packet is longer than the 100 bytes allowed"),
        (b"\xc0" + b"a" * 300, "a packet is longer than the 100 bytes allowed"),
        (b"\xc0\xdbx\xc0", "a SLIP escape is broken"),
    ],
)
def test_a_broken_stream_is_given_up_in_words(stream: bytes, message: str) -> None:
    with pytest.raises(PacketError) as caught:
        list(Deframer(100).feed(stream))
    assert message in str(caught.value)


def test_a_long_slip_packet_in_small_pieces_is_searched_once() -> None:
    rng = random.Random(0)
    packet = bytes(rng.randrange(256) for _ in range(100_000))
    stream = frame(packet, SLIP)
    deframer = Deframer(200_000)
    found: list[bytes] = []
    for start in range(0, len(stream), 7):
        found += deframer.feed(stream[start : start + 7])
    assert found == [packet]
