from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from astfx_bridge.errors import PacketError
from astfx_bridge.wire.osc import MAX_MESSAGES, Message, decode, encode, matcher
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

PING = b"/astfx/ping\0,i\0\0\0\0\0\x07"


def bundle(*elements: bytes, time_tag: int = 1) -> bytes:
    parts = [struct.pack(">i", len(element)) + element for element in elements]
    return b"#bundle\0" + struct.pack(">Q", time_tag) + b"".join(parts)


def test_a_message_is_read_from_its_literal_bytes() -> None:
    packet = b"/a\0\0,ifsb\0\0\0" + struct.pack(">if", -2, 0.5) + b"hi\0\0" + b"\0\0\0\x01z\0\0\0"
    assert decode(packet) == [Message("/a", (-2, 0.5, "hi", b"z"))]


def test_a_message_is_written_as_its_literal_bytes() -> None:
    assert encode("/astfx/ping", [7]) == PING


def test_booleans_and_wide_numbers_arrive_as_plain_ones() -> None:
    packet = b"/a\0\0,TFhd\0\0\0" + struct.pack(">qd", 5, 0.25)
    assert decode(packet) == [Message("/a", (1, 0, 5, 0.25))]


def test_a_message_without_type_tags_has_no_arguments() -> None:
    assert decode(b"/a\0\0") == [Message("/a", ())]


values = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.floats(width=32, allow_nan=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    st.binary(min_size=1, max_size=40),
)


@given(st.lists(values, max_size=12))
def test_what_is_written_is_read_back(arguments: list[int | float | str | bytes]) -> None:
    assert decode(encode("/astfx/x", arguments)) == [Message("/astfx/x", tuple(arguments))]


@given(st.lists(values.filter(lambda v: v != b""), max_size=6))
def test_python_osc_writes_what_is_read(arguments: list[int | float | str | bytes]) -> None:
    builder = OscMessageBuilder("/x")
    for value in arguments:
        kind = {int: "i", float: "f", str: "s", bytes: "b"}[type(value)]
        builder.add_arg(value, kind)
    assert decode(builder.build().dgram)[0].values == tuple(arguments)


def test_a_nested_bundle_gives_its_messages_in_order() -> None:
    first, second, third = (encode("/n", [number]) for number in (1, 2, 3))
    assert [m.values[0] for m in decode(bundle(first, bundle(second), third))] == [1, 2, 3]


def test_a_bundle_of_python_osc_is_read_and_its_time_is_not_waited_for() -> None:
    inner = OscMessageBuilder("/late")
    for time_tag in (IMMEDIATELY, 2_000_000_000):
        builder = OscBundleBuilder(time_tag)
        builder.add_content(inner.build())
        assert decode(builder.build().dgram) == [Message("/late", ())]


def nested(depth: int) -> bytes:
    packet = PING
    for _ in range(depth):
        packet = bundle(packet)
    return packet


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (b"", "the address is cut off"),
        (b"hello\0\0\0", "not OSC: a message starts with an address such as /astfx/ping"),
        (b"/a b\0\0\0\0", "not OSC: a message starts with an address such as /astfx/ping"),
        (b"/\xff\xfe\0", "the address is not UTF-8"),
        (b"/a\0\0ii\0\0", "not OSC: the type tags must start with a comma"),
        (b"/a\0\0,s\0\0ab", "a text is cut off"),
        (b"/a\0\0,s\0\0\xff\0\0\0", "a text is not UTF-8"),
        (b"/a\0\0,i\0\0\0", "the last argument is cut off"),
        (b"/a\0\0,b\0\0\0", "a blob is cut off in its size"),
        (b"/a\0\0,b\0\0\0\0\0\x09abcd", "the last argument is cut off"),
        (b"/a\0\0,b\0\0\xff\xff\xff\xff", "a blob has an impossible size of -1 bytes"),
        (b"/a\0\0,\0\0\0abcd", "4 bytes follow the last argument"),
        (b"/a\0\0,[i]\0\0\0\0\0\0\0\0", "arguments of type '[' are not understood"),
        (b"/" + b"a" * 300 + b"\0\0\0", "the address is longer than 256 bytes"),
        (b"/a\0\0,s\0\0" + b"x" * 5000 + b"\0\0\0\0", "a text is longer than 4096 bytes"),
        (b"#bundle\0\0\0", "a bundle is cut off in its time tag"),
        (bundle() + b"\0\0", "a bundle is cut off in the size of an element"),
        (bundle() + b"\0\0\0\x40", "impossible size of 64 bytes"),
        (bundle() + b"\xff\xff\xff\xfc", "impossible size of -4 bytes"),
        (nested(9), "bundles may be nested at most 8 deep"),
        (nested(2000), "bundles may be nested at most 8 deep"),
        (bundle(*[b"/a\0\0"] * (MAX_MESSAGES + 1)), "at most 1024 messages"),
    ],
)
def test_what_is_no_osc_is_refused_in_words(packet: bytes, message: str) -> None:
    with pytest.raises(PacketError) as caught:
        decode(packet)
    assert message in str(caught.value)


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(packet: bytes) -> None:
    with suppress(PacketError):
        decode(packet)


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("/astfx/*", "/astfx/ping", "/astfx/preset/make"),
        ("/astfx/p?ng", "/astfx/ping", "/astfx/pong/x"),
        ("/astfx/{ping,sync}", "/astfx/sync", "/astfx/status"),
        ("/astfx/[a-q]ing", "/astfx/ping", "/astfx/zing"),
        ("/astfx/[!a-o]ing", "/astfx/ping", "/astfx/bing"),
        ("/astfx/ping.", "/astfx/ping.", "/astfx/pings"),
    ],
)
def test_patterns_match_as_osc_says(pattern: str, matching: str, other: str) -> None:
    assert matcher(pattern).fullmatch(matching)
    assert not matcher(pattern).fullmatch(other)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("/a/[b", "left open or empty"),
        ("/a/{b", "left open or empty"),
        ("/a/[]", "left open or empty"),
        ("/a/[z-a]", "cannot be read"),
        ("/*a*a*a*a*a*a*a*a", "at most 4 wildcards"),
    ],
)
def test_patterns_that_cannot_be_read_are_refused(pattern: str, message: str) -> None:
    with pytest.raises(PacketError, match=message):
        matcher(pattern)
