from __future__ import annotations

import errno
import os
import re
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from astfx.audio import (
    ArraySource,
    AudioWriter,
    FileSource,
    SlidingReader,
    Spool,
    read_all,
    read_excerpt,
    resample,
)
from astfx.errors import AudioFileError


@given(
    n_samples=st.integers(1, 3000),
    borders=st.lists(st.integers(-200, 3500), min_size=2, max_size=12),
    lookback=st.integers(0, 300),
)
def test_sliding_reader_is_slicing(n_samples: int, borders: list[int], lookback: int) -> None:
    clip = np.arange(1, n_samples + 1, dtype=np.float32)[None]
    reader = SlidingReader(ArraySource(clip, 8000, "clip").blocks(700), 1)
    padded = np.pad(clip, ((0, 0), (1000, 5000)))
    ordered = sorted(borders)
    latest = -1000
    for start, stop in pairwise(ordered):
        begin = max(start - lookback, latest)
        latest = begin
        np.testing.assert_array_equal(
            reader.read(begin, stop), padded[:, 1000 + begin : 1000 + stop]
        )


def test_file_and_array_sources_agree(tmp_path: Path) -> None:
    clip = np.random.default_rng(0).uniform(-1, 1, (2, 5000)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", clip.T, 16000, subtype="FLOAT")
    source = FileSource(tmp_path / "a.wav", "content")
    assert (source.sample_rate, source.channels) == (16000, 2)
    np.testing.assert_array_equal(read_all(source), clip)
    np.testing.assert_array_equal(np.concatenate(list(source.blocks(77)), axis=1), clip)
    np.testing.assert_array_equal(read_excerpt(source, 0.1), clip[:, :1600])


def test_writer_leaves_nothing_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"

    def fail() -> None:
        with AudioWriter(path, 16000, 1) as writer:
            writer.write(np.zeros((1, 100), np.float32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_writer_keeps_24_bits(tmp_path: Path) -> None:
    clip = np.random.default_rng(0).uniform(-1, 1, (1, 1000)).astype(np.float32)
    with AudioWriter(tmp_path / "a.wav", 16000, 1) as writer:
        writer.write(clip)
    back, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_allclose(back, clip[0], atol=2**-23)


def test_writer_refuses_what_the_format_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"cannot be written .* 44100 Hz, 20 channels, FLAC"):
        AudioWriter(tmp_path / "a.flac", 44100, 20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("on_disk", [False, True])
def test_spool_gives_back_what_it_was_given(on_disk: bool, tmp_path: Path) -> None:
    clip = np.random.default_rng(0).uniform(-1, 1, (3, 200_000)).astype(np.float32)
    spool = Spool(3, tmp_path if on_disk else None)
    for start in range(0, clip.shape[1], 30_001):
        spool.write(clip[:, start : start + 30_001])
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(spool.blocks()), axis=1), clip)
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_resample_keeps_a_tone() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)[None]
    other = resample(tone, 44100, 48000)
    expected = np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    assert other.shape == (1, 48000)
    np.testing.assert_allclose(other[0, 2000:-2000], expected[2000:-2000], atol=1e-3)


def test_a_spool_gives_back_what_was_written(tmp_path: Path) -> None:
    blocks = [np.full((2, n), n, np.float32) for n in (3, 1, 400_000)]
    for folder in (None, tmp_path):
        spool = Spool(2, folder)
        for block in blocks:
            spool.write(block)
        for _ in range(2):  # as often as asked
            np.testing.assert_array_equal(
                np.concatenate(list(spool.blocks()), axis=1), np.concatenate(blocks, axis=1)
            )
        spool.close()


def test_a_spool_is_in_memory_or_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = re.escape(f"no temporary file can be made in '{tmp_path / 'gone'}' (")
    with pytest.raises(AudioFileError, match=message):
        Spool(1, tmp_path / "gone")

    class FullDisk:
        def write(self, data: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folders: list[Path] = []

    def open_file(dir: Path) -> FullDisk:
        folders.append(dir)
        return FullDisk()

    monkeypatch.setattr(tempfile, "TemporaryFile", open_file)
    Spool(1, None).write(np.zeros((1, 9), np.float32))
    assert folders == []
    spool = Spool(1, tmp_path)
    assert folders == [tmp_path]
    with pytest.raises(AudioFileError, match=r"no room for the render.s temporary samples .*No sp"):
        spool.write(np.zeros((1, 9), np.float32))
