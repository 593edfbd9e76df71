from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from astfx.audio import ArraySource, Excerpt, FileSource, Resampled, Waveform, read_all, resample
from astfx.errors import InvalidAudioError, InvalidSettingError

RATE = 16_000
DECODER_TOLERANCE = 1e-6  # MP3 frames that are decoded after a seek


@pytest.fixture
def clip() -> Waveform:
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((2, 3 * RATE))).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
@pytest.mark.parametrize(("start", "seconds"), [(0.0, 0.5), (1.2345, 1.0), (2.5, 9.0), (1.0, None)])
def test_an_excerpt_of_a_file_is_a_slice_of_it(
    suffix: str, start: float, seconds: float | None, clip: Waveform, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, clip.T, RATE)
    whole = read_all(FileSource(path, "content"))
    first = round(start * RATE)
    last = None if seconds is None else first + round(seconds * RATE)
    found = read_all(Excerpt(FileSource(path, "content"), start, seconds))
    np.testing.assert_allclose(found, whole[:, first:last], atol=DECODER_TOLERANCE)
    assert found.shape[1] > 0


def test_an_excerpt_of_any_source_is_a_slice_in_blocks(clip: Waveform) -> None:
    source = Excerpt(ArraySource(clip, RATE, "content"), 0.5, 1.0)
    blocks = list(source.blocks(777))
    assert max(block.shape[1] for block in blocks) <= 777
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), clip[:, 8000:24_000])
    assert (source.sample_rate, source.channels, source.name) == (RATE, 2, "content")


def test_an_excerpt_must_lie_in_the_content(clip: Waveform, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", clip.T, RATE)
    file = FileSource(tmp_path / "a.wav", "content")
    for start, seconds, message in [
        (-1.0, None, "start=-1.0 must be at least 0"),
        (float("nan"), None, "start=nan must be at least 0"),
        (0.0, 0.0, "seconds=0.0 must be above 0"),
        (0.0, float("inf"), "seconds=inf must be above 0"),
        (3.0, None, "start=3 must lie before the end of the content file '.*', which lasts 3.00"),
    ]:
        with pytest.raises(InvalidSettingError, match=message):
            Excerpt(file, start, seconds)
    late = Excerpt(ArraySource(clip, RATE, "content"), 5.0)
    with pytest.raises(InvalidAudioError, match="content ends before 5 seconds"):
        list(late.blocks())


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
def test_resampling_in_blocks_is_resampling(rate: int, clip: Waveform) -> None:
    source = Resampled(ArraySource(clip, RATE, "content"), rate)
    expected = resample(clip, RATE, rate)
    found = np.concatenate(list(source.blocks(1000)), axis=1)
    assert abs(found.shape[1] - expected.shape[1]) <= 1
    n = min(found.shape[1], expected.shape[1])
    np.testing.assert_allclose(found[:, :n], expected[:, :n], atol=1e-5)
    np.testing.assert_array_equal(np.concatenate(list(source.blocks(1000)), axis=1), found)


def test_a_sample_rate_out_of_range_is_refused(clip: Waveform) -> None:
    with pytest.raises(InvalidSettingError, match="sample_rate=100 must be a whole number"):
        Resampled(ArraySource(clip, RATE, "content"), 100)
