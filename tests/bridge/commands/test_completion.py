"""Completion messages: what a client wants to happen when its job is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from astfx_bridge.jobs.store import CANCELLED, DONE
from astfx_bridge.table import Value
from astfx_bridge.wire.osc import encode
from astfx_bridge.wire.peers import Peer

from tests.bridge.offline import UdpClient, handle, make_services, refusal
from tests.bridge.serving import QUICK, RATE, Server, eventually, make_sounds, until

STYLE = ("style", "style.wav")
RENDER = ("content.wav", "o.wav", *STYLE)


def test_an_address_of_the_clients_choice_follows_the_done(tmp_path: Path) -> None:
    services, client = make_services(tmp_path), UdpClient()
    make_sounds(tmp_path / "root")
    request = encode("/astfx/render", [1, *RENDER, "completion", "/wet/ready"])
    handle(services, client, request)
    job = services.jobs.find(1)
    services.jobs.end(job, DONE, job.spec["output"], sample_rate=8000, frames=9)
    handle(services, client, request)  # the answer to a repeated request is the same
    _, *ends = client.received
    output = str(tmp_path / "root" / "o.wav")
    assert [(end.address, end.values) for end in ends] == 2 * [
        ("/astfx/done", ("/astfx/render", 1, output, 8000, 9)),
        ("/wet/ready", (1, output, 8000, 9)),
    ]


@pytest.mark.parametrize("state", [DONE, CANCELLED])
def test_a_packet_is_carried_out_for_the_client_if_its_job_is_done(
    tmp_path: Path, state: str
) -> None:
    carried: list[tuple[list[Peer], bytes]] = []
    services = make_services(tmp_path, carry_out=lambda *given: carried.append(given))
    make_sounds(tmp_path / "root")
    client, packet = UdpClient(), encode("/astfx/set", ["mix", 0.5])
    handle(services, client, encode("/astfx/render", [1, *RENDER, "completion", packet]))
    job = services.jobs.find(1)
    services.jobs.end(job, state, job.spec["output"])
    assert carried == ([([client], packet)] if state == DONE else [])


@pytest.mark.parametrize(
    ("completion", "message"),
    [
        (b"noise", "completion is no message that can be carried out ("),
        (encode("/nowhere", []), "completion is no message that can be carried out (there is no "),
        (encode("/astfx/set", ["mix"]), "completion is no message that can be carried out (/astfx"),
        (
            encode("/astfx/auth", ["a token"]),
            "completion is no message that can be carried out (/astfx/auth must be sent by the",
        ),
        (b"/" * 65_508, "completion has 65508 bytes: it must have at most 65507"),
        ("ready", "completion='ready' must be an OSC packet as a blob, or an address such as /wet"),
        ("/a b", "completion='/a b' must be an OSC packet as a blob, or an address such as /wet"),
        (7, "completion='7' must be an OSC packet as a blob, or an address such as /wet/ready"),
        ("/" + "a" * 250, "completion='/aaaaaaaaaaaaaa"),
        ("/astfx/done", "completion='/astfx/done' must not begin with /astfx/"),
    ],
)
def test_what_is_no_completion_is_refused(tmp_path: Path, completion: Value, message: str) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    said = refusal(services, "/astfx/render", 1, *RENDER, "completion", completion)
    assert said.startswith(message)


def test_a_completion_starts_the_next_job_even_if_the_client_is_gone(
    start: Callable[..., Server],
) -> None:
    server = start()
    again = ("content.wav", "third.wav", *STYLE, *QUICK)
    third = encode("/astfx/render", [3, *again])
    second = encode("/astfx/render", [2, "mid.wav", "second.wav", *STYLE, "completion", third])
    first = ("long.wav", "first.wav", *STYLE, *QUICK, "completion", second)
    with server.client() as client:
        client.send("/astfx/render", 1, *first)
        until(client, "/astfx/done")
        assert until(client, "/astfx/queued").values == (2,)
    eventually((server.root / "third.wav").exists)  # of a client that is gone
    with server.client() as client:
        client.send("/astfx/result", 3)
        assert until(client, "/astfx/done").values[1:] == (
            *(3, str(server.root / "third.wav"), RATE, RATE),
        )
