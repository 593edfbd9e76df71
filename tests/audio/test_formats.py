"""Tags, bitrates, and the formats of ffmpeg."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile

import astfx
from astfx.audio import AudioWriter, FileSource, Waveform, check_output, ffmpeg, read_all
from astfx.errors import AudioFileError, InvalidSettingError
from tests.conftest import Run

RATE = 48_000
TAGS = {"title": "Größe", "artist": "Ada", "album": "B", "date": "2020", "comment": "c"}
BITRATE_TOLERANCE = {"mp3": 0.02, "opus": 0.06, "ogg": 0.3}

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


@pytest.fixture
def clip() -> Waveform:
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((2, 5 * RATE))).astype(np.float32)


def write(path: Path, clip: Waveform, **named: float) -> Path:
    with AudioWriter(path, RATE, len(clip), **named) as writer:  # type: ignore[arg-type]
        writer.write(clip)
    return path


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_tags_of_the_content_are_kept(suffix: str, clip: Waveform, tmp_path: Path) -> None:
    content, output = tmp_path / f"c.{suffix}", tmp_path / f"o.{suffix}"
    with AudioWriter(content, RATE, 2, tags=TAGS) as writer:
        writer.write(clip[:, :RATE])
    kept = FileSource(content, "content").tags
    assert (kept["title"], kept["artist"]) == ("Größe", "Ada")
    astfx.transfer_file(content, "rain", output, quality="draft", iterations=1)
    found = FileSource(output, "output").tags
    assert {key: found.get(key) for key in TAGS} == {key: kept.get(key) for key in TAGS}


@pytest.mark.parametrize(
    ("suffix", "kbps"),
    [("mp3", 128), ("mp3", 320), ("mp3", 48), ("ogg", 96), ("ogg", 256), ("opus", 64),
     ("opus", 160)],
)  # fmt: skip
def test_lossy_files_have_the_bitrate(
    suffix: str, kbps: float, clip: Waveform, tmp_path: Path
) -> None:
    path = write(tmp_path / f"o.{suffix}", clip, bitrate_kbps=kbps)
    found = path.stat().st_size * 8e-3 / (clip.shape[1] / RATE)
    assert found == pytest.approx(kbps, rel=BITRATE_TOLERANCE[suffix])


@pytest.mark.parametrize(("rate", "written"), [(44_100, 48_000), (24_000, 24_000)])
def test_opus_gets_a_sample_rate_that_it_has(
    rate: int, written: int, clip: Waveform, tmp_path: Path, run: Run
) -> None:
    soundfile.write(tmp_path / "c.wav", clip[:, :rate].T, rate)
    output = tmp_path / "o.opus"
    code, out, err = run(
        "render", tmp_path / "c.wav", "-s", "rain", "-o", output, "--quality", "draft",
        "--iterations", 1, "--report", tmp_path / "report.json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "o.opus" in out
    assert (tmp_path / "report.json").is_file()
    found = soundfile.info(output)
    assert (found.samplerate, found.frames) == (written, written)


@pytest.mark.parametrize(
    ("name", "kbps", "message"),
    [
        ("o.wav", 128.0, "bitrate=128 is for lossy formats such as .mp3 and .ogg, not for 'o.wav'"),
        ("o.flac", 128.0, "bitrate=128 is for lossy formats"),
        ("o.mp3", 500.0, r"bitrate=500 must lie between 32 and 320 \(kbit/s\) for this format at"),
        ("o.mp3", 16.0, "bitrate=16 must lie between 32 and 320"),
        ("o.opus", 5.0, "bitrate=5 must lie between 12 and 512"),
        ("o.ogg", 10.0, "bitrate=10 must lie between 64 and 500"),
        ("o.mp3", 0.0, r"bitrate=0.0 must be above 0 \(kbit/s\)"),
        ("o.mp3", float("nan"), "bitrate=nan must be above 0"),
    ],
)
def test_a_bitrate_that_a_format_does_not_have_is_refused(
    name: str, kbps: float, message: str
) -> None:
    with pytest.raises(InvalidSettingError, match=message):
        check_output(name, RATE, 2, bitrate_kbps=kbps)


def test_a_sample_rate_that_a_format_does_not_have_names_one_that_it_has() -> None:
    with pytest.raises(AudioFileError, match=r"96000 Hz, 2 channels, MP3 .*; 48000 Hz can be wr"):
        check_output("o.mp3", 96_000, 2)
    with pytest.raises(AudioFileError, match=r"20 channels, FLAC PCM_24$"):
        check_output("o.flac", 44_100, 20)


def test_without_ffmpeg_the_command_that_converts_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ffmpeg, "program", lambda: None)
    path = tmp_path / "a song.m4a"
    path.write_bytes(b"not audio that libsndfile knows" * 9)
    with pytest.raises(AudioFileError) as caught:
        FileSource(path, "content")
    plain = path.with_suffix(".wav")
    assert str(caught.value) == (
        f"content file '{path}' can only be read with ffmpeg, which was not found: install it, or "
        f"convert the file where it is installed: ffmpeg -i '{path}' '{plain}'"
    )
    with pytest.raises(InvalidSettingError) as refused:
        check_output(path, RATE, 2)
    assert str(refused.value) == (
        f"output file '{path}' can only be written with ffmpeg, which was not found: install it, "
        f"or write '{plain}' and convert it: ffmpeg -i '{plain}' '{path}'"
    )


def fake_ffmpeg(folder: Path, script: str) -> str:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell for a stand-in of ffmpeg")
def test_what_ffmpeg_says_is_passed_on_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: Waveform
) -> None:
    program = fake_ffmpeg(tmp_path, "echo first >&2; echo 'no such codec' >&2; exit 1")
    monkeypatch.setattr(ffmpeg, "program", lambda: program)
    output = tmp_path / "o.m4a"
    output.write_bytes(b"earlier work")
    with pytest.raises(AudioFileError, match=r"could not be finished: ffmpeg cannot write \.m4a"):
        write(output, clip)
    assert output.read_bytes() == b"earlier work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ffmpeg", "o.m4a"]
    with pytest.raises(AudioFileError, match=r"cannot be read as audio \(ffmpeg: no such codec\)"):
        FileSource(output, "content")
    monkeypatch.setattr(ffmpeg, "program", lambda: fake_ffmpeg(tmp_path, "exit 3"))
    with pytest.raises(AudioFileError, match=r"\(ffmpeg: exit code 3\)"):
        FileSource(output, "content")
    monkeypatch.setattr(ffmpeg, "program", lambda: str(tmp_path / "none"))
    with pytest.raises(AudioFileError, match=r"\(ffmpeg: No such file or directory\)"):
        FileSource(output, "content")


@needs_ffmpeg
@pytest.mark.parametrize("suffix", sorted(ffmpeg.WRITTEN))
def test_ffmpeg_writes_and_reads(suffix: str, clip: Waveform, tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)[None].repeat(2, 0) * 0.3
    path = write(tmp_path / f"o{suffix}", tone.astype(np.float32), bitrate_kbps=96.0)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    source = FileSource(path, "content")
    found = read_all(source)
    assert (source.sample_rate, source.channels) == (RATE, 2)
    assert source.seconds == pytest.approx(2.0, abs=0.1)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)
    assert path.stat().st_size * 8e-3 / 2.0 == pytest.approx(96.0, rel=0.4)
    assert path.read_bytes() == write(tmp_path / f"p{suffix}", tone.astype(np.float32),
                                      bitrate_kbps=96.0).read_bytes()  # fmt: skip
    with pytest.raises(InvalidSettingError, match=f"{suffix} has no float samples"):
        check_output(path, RATE, 2, float_samples=True)


@needs_ffmpeg
def test_ffmpegs_formats_are_contents_and_styles(clip: Waveform, tmp_path: Path) -> None:
    content = write(tmp_path / "c.m4a", clip[:, :RATE])
    astfx.transfer_file(content, content, tmp_path / "o.webm", quality="draft", iterations=1)
    assert FileSource(tmp_path / "o.webm", "output").seconds == pytest.approx(1.0, abs=0.1)
    content.write_bytes(content.read_bytes()[:300])
    with pytest.raises(AudioFileError, match=r"c\.m4a' cannot be read as audio \(ffmpeg: "):
        FileSource(content, "content")
