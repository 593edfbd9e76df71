from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs.store import CANCELLED, DONE, QUEUED
from astfx_bridge.jobs.styles import load
from astfx_bridge.wire.osc import encode

from astfx.presets import find
from astfx.presets.files import packed
from astfx.styles.style import Style
from tests.bridge.offline import Stream, ask, handle, make_services, refusal, tcp_peer
from tests.bridge.serving import make_sounds

STYLE = ("style", "style.wav")


def test_a_stem_folder_is_not_rendered_into_itself(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    (tmp_path / "root" / "stems").mkdir()
    message = refusal(services, "/astfx/stem", 1, "stems", "./stems", *STYLE)
    assert message == "output 'stems' is the folder itself: name another"


def test_a_stem_folder_with_more_sounds_than_the_queue_holds_is_refused(tmp_path: Path) -> None:
    services = make_services(tmp_path, queue_jobs=2)
    (tmp_path / "root" / "stems").mkdir()
    for name in ("a.wav", "b.flac", "c.aif", "notes.txt"):
        (tmp_path / "root" / "stems" / name).write_bytes(b"")
    message = refusal(services, "/astfx/stem", 1, "stems", "out", *STYLE)
    assert message == "folder 'stems' contains 3 sounds, at most 2 jobs may wait"
    assert not (tmp_path / "root" / "out").exists()


def test_a_chosen_id_has_six_digits_and_is_not_in_use(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    (first,) = ask(services, "/astfx/render", 100_002, "content.wav", "1.wav", *STYLE)
    (chosen,) = ask(services, "/astfx/render", 0, "content.wav", "2.wav", *STYLE)
    assert (first.values, chosen.values) == ((100_002,), (100_003,))


def test_a_job_keeps_the_servers_parameters_that_it_does_not_bring(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    services.parameters.set("strength", 0.25)
    ask(services, "/astfx/render", 1, "content.wav", "1.wav", *STYLE, "mix", 1)
    services.parameters.set("strength", 0.75)
    settings = services.jobs.find(1).spec["settings"]
    assert settings["strength"] == 0.25
    assert settings["mix"] == 1.0


def test_a_sound_that_cannot_be_rendered_costs_its_stem_folder_one_job(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    stems = tmp_path / "root" / "stems"
    stems.mkdir()
    (tmp_path / "root" / "content.wav").rename(stems / "a.wav")
    (stems / "b.wav").write_bytes((stems / "a.wav").read_bytes()[:2000])  # cut off
    stem, *queued = ask(services, "/astfx/stem", 1, "stems", "out", *STYLE)
    assert stem.values == (1, 2)
    assert [message.values for message in queued] == [("1/a.wav",), ("1/b.wav",)]
    services.jobs.files.looked_at(services.jobs.find("1/a.wav"))
    with pytest.raises(RefusedError, match=r"^content file 'stems/b.wav' is truncated"):
        services.jobs.files.looked_at(services.jobs.find("1/b.wav"))


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_name_that_is_not_text_costs_its_stem_folder_one_job(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    stems = tmp_path / "root" / "stems"
    stems.mkdir()
    (tmp_path / "root" / "content.wav").rename(stems / os.fsdecode(b"\xff.wav"))
    assert ask(services, "/astfx/stem", 1, "stems", "out", *STYLE)[1].values == ("1/\\udcff.wav",)
    with pytest.raises(RefusedError) as caught:
        services.jobs.files.looked_at(services.jobs.find("1/\\udcff.wav"))
    assert str(caught.value) == "content 'stems/\\udcff.wav' has a name that is not UTF-8"


@pytest.mark.parametrize("role", ["content", "style"])
def test_a_file_that_became_a_link_out_of_the_roots_is_not_read(tmp_path: Path, role: str) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    ask(services, "/astfx/render", 1, "content.wav", "o.wav", *STYLE)
    path = tmp_path / "root" / f"{role}.wav"
    path.unlink()
    path.symlink_to(tmp_path / "root" / "mid.wav")
    begun = services.jobs.files.looked_at(services.jobs.find(1))
    assert begun.spec[role] == str(tmp_path / "root" / "mid.wav")  # inside, so it may be read
    path.unlink()
    path.symlink_to(tmp_path / "secret.wav")
    with pytest.raises(RefusedError) as caught:
        services.jobs.files.looked_at(services.jobs.find(1))
    assert str(caught.value) == f"{role} '{path}' lies outside the server's roots"


def test_an_output_folder_that_became_a_link_is_not_written_to(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    (tmp_path / "root" / "out").mkdir()
    (tmp_path / "outside").mkdir()
    ask(services, "/astfx/render", 1, "content.wav", "out/o.wav", *STYLE)
    (tmp_path / "root" / "out").rmdir()
    (tmp_path / "root" / "out").symlink_to(tmp_path / "outside")
    with pytest.raises(RefusedError, match=r"has been moved out of the server's roots$"):
        services.jobs.files.looked_at(services.jobs.find(1))


def rendered(services: Services, job_id: int | str = 1) -> None:
    """Pretend that a job was begun and is done."""
    job = services.jobs.store.start(services.jobs.files.looked_at(services.jobs.find(job_id)))
    services.jobs.end(job, DONE, job.spec["output"], sample_rate=8000, frames=1)


@pytest.mark.parametrize("role", ["content", "style"])
def test_a_request_is_rendered_again_when_its_sounds_were_recorded_again(
    tmp_path: Path, role: str
) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    request = ("/astfx/render", 1, "content.wav", "o.wav", *STYLE)
    path = tmp_path / "root" / f"{role}.wav"
    ask(services, *request)
    rendered(services)
    assert [message.address for message in ask(services, *request)] == ["/astfx/done"]
    times = path.stat()
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert [message.address for message in ask(services, *request)] == ["/astfx/queued"]
    assert services.jobs.find(1).state == QUEUED
    job = services.jobs.store.start(services.jobs.files.looked_at(services.jobs.find(1)))
    assert [message.address for message in ask(services, *request)] == ["/astfx/queued"]
    path.write_bytes(path.read_bytes() + b"x")
    assert refusal(services, *request) == (
        "job 1 renders an earlier version of its files: send it again when it has ended"
    )
    services.jobs.end(job, CANCELLED, "cancelled")
    assert [message.address for message in ask(services, *request)] == ["/astfx/queued"]
    rendered(services)
    path.unlink()  # what is no longer there was not recorded again
    assert [message.address for message in ask(services, *request)] == ["/astfx/done"]


def test_a_stem_folder_is_rendered_again_when_one_of_its_sounds_was_recorded_again(
    tmp_path: Path,
) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    stems = tmp_path / "root" / "stems"
    stems.mkdir()
    for name in ("a.wav", "b.wav"):
        (stems / name).write_bytes((tmp_path / "root" / "content.wav").read_bytes())
    request = ("/astfx/stem", 9, "stems", "out", *STYLE)
    ask(services, *request)
    for name in ("a.wav", "b.wav"):
        rendered(services, f"9/{name}")
    assert [message.address for message in ask(services, *request)] == [
        "/astfx/stem",
        "/astfx/done",
        "/astfx/done",
    ]
    (stems / "b.wav").write_bytes((tmp_path / "root" / "mid.wav").read_bytes())
    assert [message.address for message in ask(services, *request)] == [
        "/astfx/stem",
        "/astfx/queued",
        "/astfx/queued",
    ]


def test_a_preset_that_was_made_again_is_another_style(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    made = services.jobs.presets / "mine.astfx"
    made.write_bytes(b"one")
    request = ("/astfx/render", 1, "content.wav", "o.wav", "style", "mine")
    ask(services, *request)
    rendered(services)
    assert [message.address for message in ask(services, *request)] == ["/astfx/done"]
    made.write_bytes(b"other")
    assert [message.address for message in ask(services, *request)] == ["/astfx/queued"]


def test_a_style_that_is_sent_as_a_blob_is_held_until_the_job_ends(tmp_path: Path) -> None:
    services, stream = make_services(tmp_path), Stream()
    make_sounds(tmp_path / "root")
    clip = (tmp_path / "root" / "content.wav").read_bytes()
    style = (tmp_path / "root" / "style.wav").read_bytes()
    packet = encode("/astfx/render/blob", [1, clip, "style", style])
    handle(services, tcp_peer(stream), packet)
    handle(services, tcp_peer(stream), packet)
    assert [message.values for message in stream.received] == [(1,), (1,)]
    job = services.jobs.find(1)
    assert Path(job.spec["style"]).read_bytes() == style
    assert len(list(services.jobs.blobs.iterdir())) == 2
    services.jobs._remove_unknown_blobs()
    services.jobs.end(services.jobs.files.looked_at(job), CANCELLED, "cancelled")
    assert list(services.jobs.blobs.iterdir()) == []


def test_a_preset_that_is_sent_as_a_blob_is_held_as_a_preset(tmp_path: Path) -> None:
    services, stream = make_services(tmp_path), Stream()
    make_sounds(tmp_path / "root")
    clip = (tmp_path / "root" / "content.wav").read_bytes()
    style = packed(find("rain"))
    handle(services, tcp_peer(stream), encode("/astfx/render/blob", [1, clip, "style", style]))
    assert [message.values for message in stream.received] == [(1,)]
    job = services.jobs.find(1)
    held = Path(job.spec["style"])
    assert (held.suffix, held.read_bytes()) == (".astfx", style)
    assert load(job.spec) == str(held)
    found = Style.of(load(job.spec)).preset
    assert found is not None
    assert found.name == "rain"
    services.jobs.end(services.jobs.files.looked_at(job), CANCELLED, "cancelled")
    assert list(services.jobs.blobs.iterdir()) == []


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (("style", b"noise"), "the style must be a WAV or a FLAC"),
        (("style", "style.wav", "mix", b"x"), "mix must not be a blob: only the style may be one"),
    ],
)
def test_a_blob_that_is_no_style_is_refused(
    tmp_path: Path, pairs: tuple[str | bytes, ...], message: str
) -> None:
    services, stream = make_services(tmp_path), Stream()
    make_sounds(tmp_path / "root")
    clip = (tmp_path / "root" / "content.wav").read_bytes()
    handle(services, tcp_peer(stream), encode("/astfx/render/blob", [1, clip, *pairs]))
    assert stream.received[0].values == ("/astfx/render/blob", 1, message)
    assert list(services.jobs.blobs.iterdir()) == []
