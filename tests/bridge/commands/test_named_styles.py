"""Style clips that are sent once and named afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from astfx_bridge.commands.services import Services
from astfx_bridge.jobs import styles
from astfx_bridge.table import Value
from astfx_bridge.wire.osc import Message, encode

from tests.bridge.offline import Stream, ask, handle, make_services, refusal, tcp_peer
from tests.bridge.serving import make_sounds


def put(services: Services, *values: Value) -> Message:
    """What a TCP client is sent in answer to a clip."""
    stream = Stream()
    handle(services, tcp_peer(stream), encode("/astfx/style/put", values))
    (answer,) = stream.received
    return answer


def sound(tmp_path: Path, name: str = "style") -> bytes:
    return (tmp_path / "root" / f"{name}.wav").read_bytes()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    services = make_services(tmp_path, clip_seconds=10, kept_style_bytes=1_800_000)
    make_sounds(tmp_path / "root")
    return services


def test_a_kept_clip_is_a_style(services: Services, tmp_path: Path) -> None:
    answer = put(services, "rain-on-tin", sound(tmp_path))
    assert (answer.address, answer.values) == ("/astfx/style/kept", ("rain-on-tin", 1.0))
    assert ask(services, "/astfx/styles")[0].values == (1, 0, "rain-on-tin")
    ask(services, "/astfx/render", 1, "content.wav", "o.wav", "style", "rain-on-tin")
    spec = services.jobs.find(1).spec
    assert Path(spec["style"]).read_bytes() == sound(tmp_path)
    assert services.jobs.files.looked_at(services.jobs.find(1)).spec["style"] == spec["style"]
    assert refusal(services, "/astfx/style/delete", "rain-on-tin") == (
        "style clip 'rain-on-tin' is used by job 1, which has not ended"
    )
    ask(services, "/astfx/cancel", 1)
    (gone,) = ask(services, "/astfx/style/delete", "rain-on-tin")
    assert (gone.address, gone.values) == ("/astfx/style/deleted", ("rain-on-tin",))
    assert list(services.jobs.clips.iterdir()) == []
    named = ("style", "rain-on-tin")
    assert refusal(services, "/astfx/render", 2, "content.wav", "o.wav", *named) == (
        "style 'rain-on-tin' is neither a file under the roots nor a preset nor a kept clip"
    )
    assert refusal(services, "/astfx/style/delete", "rain-on-tin") == (
        "there is no style clip 'rain-on-tin': /astfx/styles lists them"
    )


def test_a_clip_is_kept_in_place_of_the_earlier_one(services: Services, tmp_path: Path) -> None:
    put(services, "a", sound(tmp_path))
    (services.jobs.clips / "a.wav").rename(services.jobs.clips / "a.flac")
    put(services, "a", sound(tmp_path, "small"))
    assert list(styles.kept(services.jobs.clips)) == ["a"]
    assert (services.jobs.clips / "a.wav").read_bytes() == sound(tmp_path, "small")


@pytest.mark.parametrize(
    ("name", "clip", "message"),
    [
        ("Rain", "style", "style name 'Rain' must be 1 to 64 lower-case letters and digits, with"),
        ("rain", "style", "'rain' is the name of a preset: choose another"),
        ("a", "long", "style 'a' lasts 40.0 seconds, at most 10 are allowed"),
        ("b", "long", "the style clips would take "),
    ],
)
def test_a_clip_that_cannot_be_kept_is_refused(
    services: Services, tmp_path: Path, name: str, clip: str, message: str
) -> None:
    if name == "b":
        put(services, "a", sound(tmp_path))
        total = len(sound(tmp_path)) + len(sound(tmp_path, "long"))
        message += f"{total} bytes, at most 1800000 are kept: delete some with /astfx/style/delete"
    assert str(put(services, name, sound(tmp_path, clip)).values[2]).startswith(message)


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (b"noise", "the style must be a WAV or a FLAC"),
        (b"RIFF\x08\0\0\0WAVEfmt ", "style 'a' cannot be read as audio"),
    ],
)
def test_what_is_no_clip_is_not_kept(services: Services, clip: bytes, message: str) -> None:
    assert put(services, "a", clip).values[2] == message
    assert list(services.jobs.clips.iterdir()) == []


def test_a_preset_does_not_take_the_name_of_a_clip(services: Services, tmp_path: Path) -> None:
    put(services, "a", sound(tmp_path))
    assert refusal(services, "/astfx/preset/make", 1, "a", "style.wav") == (
        "'a' is the name of a style clip: choose another"
    )


def test_a_place_behind_the_last_clip_is_refused(services: Services) -> None:
    assert refusal(services, "/astfx/styles", 1) == (
        "first=1 must be at most 0, the number of style clips"
    )
