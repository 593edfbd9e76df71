"""What commands do and refuse, on a real server."""

from __future__ import annotations

import socket
from collections.abc import Callable

import numpy as np
import pytest
from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.errors import RefusedError

from tests.bridge.serving import PATIENCE_SECONDS, Server, read, until

STYLE = ("style", "style.wav")
SLOW = (*STYLE, "quality", "best")


def test_a_subscriber_hears_of_the_jobs_of_others(server: Server) -> None:
    with server.client("udp") as listener, server.client() as client:
        listener.ask("/astfx/notify", 1)
        client.render("content.wav", "heard.wav", job_id=77, style="style.wav", quality="draft")
        assert until(listener, "/astfx/queued").values == (77,)
        assert until(listener, "/astfx/done").values[1] == 77
        client.ask("/astfx/set", "mix", 1.0)
        assert until(listener, "/astfx/value").values == ("mix", 1.0)
        listener.ask("/astfx/notify", 0)


def test_replies_go_to_the_port_asked_for(server: Server) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear, server.client("udp") as client:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(PATIENCE_SECONDS)
        client.send("/astfx/replyto", ear.getsockname()[1])
        client.send("/astfx/ping", 9)
        packets = [ear.recv(2000), ear.recv(2000)]
    assert packets[0].startswith(b"/astfx/replying")
    assert packets[1].startswith(b"/astfx/pong")


def test_parameters_of_the_server_are_taken_over_by_its_jobs(server: Server) -> None:
    with server.client() as client:
        for key, value in (("strength", 0.25), ("style", "style.wav"), ("quality", "draft")):
            assert client.ask("/astfx/set", key, value)[0].values == (key, value)
        client.send("/astfx/render", "taken", "content.wav", "taken.wav", "mix", 0.5)
        until(client, "/astfx/done")
        held = {
            key: client.ask("/astfx/job/get", "taken", key)[0].values[2]
            for key in ("strength", "style", "quality", "mix")
        }
        assert held == {"strength": 0.25, "style": "style.wav", "quality": "draft", "mix": 0.5}
        for key, value in (("strength", 1.0), ("style", ""), ("quality", "standard")):
            client.ask("/astfx/set", key, value)


REFUSED = [
    (
        ("content.wav", "x.wav"),
        "there is no style: add `style PATH`, or send /astfx/set style PATH",
    ),
    (("gone.wav", "x.wav", *STYLE), "content 'gone.wav' does not exist"),
    (("../content.wav", "x.wav", *STYLE), "content '../content.wav' lies outside"),
    (("/etc/passwd", "x.wav", *STYLE), "content '/etc/passwd' lies outside the server's roots"),
    (("content.wav", "/tmp/x.wav", *STYLE), "output '/tmp/x.wav' lies outside"),
    (("content.wav", "x.wav", "style", "../x.wav"), "style '../x.wav' lies outside"),
    (("content.wav", "x.wav", "style", "snow"), "style 'snow' is neither a file under the roots"),
    (("content.wav", "content.wav", *STYLE), "output 'content.wav' is the content itself"),
    (("content.wav", "style.wav", *STYLE), "output 'style.wav' is the style itself"),
    (("content.wav", "x.txt", *STYLE), "must end in a known audio suffix"),
    (("content.wav", "x.wav", *STYLE, "strength", 2), "strength=2 must lie between 0 and 1"),
    (("content.wav", "x.wav", *STYLE, "timbre", -1), "timbre=-1 must lie between 0 and 1"),
    (("content.wav", "x.wav", *STYLE, "texture", 1.5), "texture=1.5 must lie between 0 and 1"),
    (
        ("content.wav", "x.wav", *STYLE, "loud", 1),
        "there is no parameter 'loud': it must be one of style",
    ),
    (("content.wav", "x.wav", *STYLE, "method"), "what follows must come in pairs"),
    (("content.wav", "x.wav", *STYLE, "engine", "warp"), "must be one of auto, render, stream"),
    (("content.wav",), "/astfx/render id content output [key value ...]: got 2 arguments"),
]


@pytest.mark.parametrize(("values", "message"), REFUSED)
def test_a_request_that_cannot_be_met_is_refused_at_once(
    server: Server, values: tuple[str | float, ...], message: str
) -> None:
    with server.client() as client:
        with pytest.raises(RefusedError) as caught:
            client.ask("/astfx/render", "refused", *values)
        assert message in str(caught.value)
        with pytest.raises(RefusedError, match=r"there is no job refused"):
            client.ask("/astfx/status", "refused")


def test_unknown_methods_are_refused_once_the_worker_has_told_its_own(server: Server) -> None:
    with server.client() as client:
        client.render("content.wav", "known.wav", style="style.wav", quality="draft")
        with pytest.raises(RefusedError, match=r"method='magic' must be one of gram"):
            client.ask("/astfx/set", "method", "magic")


@pytest.mark.parametrize(
    ("address", "values", "message"),
    [
        ("/astfx/pong/x", (), "there is no address /astfx/pong/x"),
        ("/astfx/rendr", (), "did you mean /astfx/render?"),
        ("/astfx/status", (404,), "there is no job 404"),
        ("/astfx/cancel", (404,), "there is no job 404"),
        ("/astfx/get", ("loudness",), "key='loudness' must be one of style, strength"),
        ("/astfx/set", ("strength", -1), "strength=-1 must lie between 0 and 1"),
        ("/astfx/set", ("strength", "full"), "strength must be a number, not 'full'"),
        ("/astfx/queue", (1001,), "limit=1001 must lie between 0 and 1000"),
        ("/astfx/render", ("a/b", "content.wav", "x.wav"), "without a slash"),
        (
            "/astfx/render/blob",
            ("new", b"ID3 not a wave", *STYLE),
            "the content must be a WAV or a FLAC",
        ),
        ("/astfx/stem", ("new", "content.wav", "x"), "folder 'content.wav' is not a folder"),
        ("/astfx/stem", ("new", "empty", "x", *STYLE), "folder 'empty' contains no sounds"),
    ],
)
def test_a_command_that_cannot_be_met_is_refused(
    server: Server, address: str, values: tuple[str | int | bytes, ...], message: str
) -> None:
    (server.root / "empty").mkdir(exist_ok=True)
    with server.client() as client:
        client.send(address, *values)
        fail = until(client, "/astfx/fail", 10.0)
    assert fail.values[0] == address
    assert message in str(fail.values[2])
    assert list((server.state / "blobs").glob("*.content")) == []


def test_wildcards_ask_but_never_change(server: Server) -> None:
    with server.client() as client:
        client.send("/astfx/render", "kept", "long.wav", "kept.wav", *SLOW)
        until(client, "/astfx/queued")
        for pattern in (
            "/astfx/*",
            "/astfx/{quit,cancel}",
            "/*/*/all",
            "/astfx/[a-z]*",
            "/astfx/?uit",
        ):
            client.send(pattern)
            client.send(pattern, "kept")
        client.send("/astfx/*/strength", 0.1)
        client.send("/astfx/*", "strength", 0.1)
        list(client.replies("/astfx/ping"))  # messages are answered in their order
        assert client.ask("/astfx/status", "kept")[0].values[1] in ("queued", "running")
        assert client.ask("/astfx/get", "strength")[0].values == ("strength", 1.0)
        client.send("/astfx/param/*")
        keys = [until(client, "/astfx/value").values[0] for _ in PARAMETERS]
        assert keys == list(PARAMETERS)
        client.ask("/astfx/cancel", "kept")


def test_a_queued_job_can_still_be_changed(start: Callable[..., Server]) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", 1, "long.wav", "a.wav", *SLOW)
        client.send("/astfx/render", 2, "content.wav", "b.wav", *STYLE, "quality", "draft")
        until(client, "/astfx/progress")
        client.ask("/astfx/job/set", 2, "strength", 0.0)
        with pytest.raises(RefusedError, match=r"job 1 is running: only a queued job can be"):
            client.ask("/astfx/job/set", 1, "strength", 0.0)
        with pytest.raises(RefusedError, match=r"strength=7 must lie between 0 and 1"):
            client.ask("/astfx/job/set", 2, "strength", 7)
        client.ask("/astfx/cancel", 1)
        until(client, "/astfx/done")
    # Strength 0 gives the content itself, in 24 bit.
    np.testing.assert_allclose(
        read(server.root / "b.wav"), read(server.root / "content.wav"), atol=2**-23
    )


def test_clips_are_capped(start: Callable[..., Server]) -> None:
    server = start("--clip-seconds", "2", "--blob-mb", "0.05")
    with server.client() as client:
        with pytest.raises(RefusedError, match=r"content 'long.wav' lasts 40.0 seconds, at most 2"):
            client.ask("/astfx/render", 1, "long.wav", "x.wav", *STYLE)
        with pytest.raises(RefusedError, match=r"style 'long.wav' lasts 40.0 seconds, at most 2"):
            client.ask("/astfx/render", 1, "content.wav", "x.wav", "style", "long.wav")
        client.send("/astfx/render/blob", 1, bytes(60_000), *STYLE)
        fail = until(client, "/astfx/fail")
    assert fail.values[0] == "/astfx/packet"
    assert "52429 are allowed" in str(fail.values[2])
