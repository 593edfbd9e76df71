"""Ids of jobs: the same everywhere they are named, however large they are."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from astfx_bridge.ids import canonical_id
from astfx_bridge.wire.osc import decode, encode

from tests.bridge.offline import UdpClient, handle, make_services
from tests.bridge.serving import make_sounds

LARGE = 2**40


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        (7.0, 7),
        (7, 7),
        ("-7", -7),
        ("0", 0),
        ("2147483647", 2**31 - 1),
        ("2147483648", "2147483648"),
        (2**31, "2147483648"),
        (LARGE + 1, "1099511627777"),
        (float(LARGE), "1099511627776"),
        (0.5, "0.5"),
        (float("inf"), "inf"),
        ("007", "007"),
        ("7/preview", "7/preview"),
        ("+7", "+7"),
    ],
)
def test_an_id_is_an_integer_where_it_is_written_as_one(
    value: int | float | str, expected: int | str
) -> None:
    found = canonical_id(value)
    assert (found, type(found)) == (expected, type(expected))


def wide(address: bytes, number: int, *texts: str) -> bytes:
    """A message whose first argument is an int64, as osc.js and others send it."""

    def padded(text: bytes) -> bytes:
        return text + bytes(4 - len(text) % 4)

    tags = padded(b",h" + b"s" * len(texts))
    rest = b"".join(padded(text.encode()) for text in texts)
    return padded(address) + tags + struct.pack(">q", number) + rest


def test_large_ids_are_different_jobs_and_named_alike_everywhere(tmp_path: Path) -> None:
    services, client = make_services(tmp_path), UdpClient()
    make_sounds(tmp_path / "root")

    def ask(packet: bytes) -> list[tuple[object, ...]]:
        client.received.clear()
        handle(services, client, packet)
        return [message.values for message in client.received]

    first, second = str(LARGE), str(LARGE + 1)
    style = ("style", "style.wav")
    for number, name in ((LARGE, first), (LARGE + 1, second)):
        request = wide(b"/astfx/render", number, "content.wav", f"{name}.wav", *style)
        assert ask(request) == [(name,)]
    assert ask(wide(b"/astfx/status", LARGE + 1))[0][0] == second
    assert ask(wide(b"/astfx/job/get", LARGE, "mix")) == [(first, "mix", 1.0)]
    assert ask(encode("/astfx/queue", []))[1][0] == first
    said = ask(wide(b"/astfx/result", LARGE))
    assert said == [("/astfx/result", first, f"job {first} has not ended: it is queued")]
    assert ask(wide(b"/astfx/cancel", LARGE))[-1] == (first, 1)
    assert ask(encode("/astfx/forget", [first])) == [(first,)]
    assert ask(wide(b"/astfx/ping", LARGE + 1)) == [(second,)]
    assert ask(wide(b"/astfx/sync", LARGE + 1)) == []  # the other job has not ended
    assert ask(wide(b"/astfx/cancel", LARGE + 1))[-2:] == [(second,), (second, 1)]


def test_an_id_is_one_whether_it_is_sent_as_a_number_or_a_text(tmp_path: Path) -> None:
    services, client = make_services(tmp_path), UdpClient()
    make_sounds(tmp_path / "root")
    for job_id in (7001, 7001.0, "7001"):
        handle(
            services,
            client,
            encode("/astfx/render", [job_id, "content.wav", "o.wav", "style", "style.wav"]),
        )
    handle(services, client, encode("/astfx/render", ["7002", "gone.wav", "o.wav"]))
    assert [message.values[:2] for message in client.received] == [
        (7001,),
        (7001,),
        (7001,),
        ("/astfx/render", 7002),
    ]


def test_numbers_that_no_tag_of_osc_holds_are_sent_as_texts() -> None:
    values = (2**31, -(2**31) - 1, 1e300, float("inf"))
    assert decode(encode("/a", values))[0].values == (
        "2147483648",
        "-2147483649",
        "1e+300",
        float("inf"),
    )
