from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfilt

import astfx
from astfx.audio import Waveform
from astfx.audio.fitting import Fitting
from astfx.audio.limiter import CEILING_DB, LOOK_AHEAD_MS, RELEASE_MS, Limiter
from astfx.audio.loudness import LoudnessMeter
from astfx.errors import InvalidSettingError
from tests.audio.true_peaks import true_peak_db
from tests.conftest import Load

RATE = 44_100
TRUE_PEAK_TOLERANCE_DB = 0.2  # the limiter looks at eight times the sample rate
LOUDNESS_TOLERANCE_DB = 1.0  # what the documentation says


def cut(waveform: Waveform, length: int) -> Iterator[Waveform]:
    return (waveform[:, i : i + length] for i in range(0, waveform.shape[1], length))


def limited(waveform: Waveform, length: int = 4096, gain: float = 1.0) -> Waveform:
    limiter = Limiter(RATE, len(waveform), gain)
    return np.concatenate(list(limiter.blocks(cut(waveform, length))), axis=1)


def noise(seconds: float, level: float) -> Waveform:
    rng = np.random.default_rng(0)
    return (level * rng.standard_normal((2, round(seconds * RATE)))).astype(np.float32)


def lufs(waveform: Waveform, sample_rate: int) -> float:
    meter = LoudnessMeter(sample_rate, len(waveform))
    meter.add(waveform)
    return meter.lufs


def test_what_stays_below_the_ceiling_is_not_touched() -> None:
    time = np.arange(RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)[None]
    np.testing.assert_array_equal(limited(tone), tone)


def test_true_peaks_stay_below_the_ceiling() -> None:
    loud = noise(2.0, 0.2)
    loud[:, RATE : RATE + 2000] *= 10.0
    assert true_peak_db(loud) > 10.0
    assert true_peak_db(limited(loud)) < CEILING_DB + TRUE_PEAK_TOLERANCE_DB
    # Noise whose peaks are easily missed: four times the sample rate is not enough.
    band = butter(8, [15_000, 20_000], "band", fs=RATE, output="sos")
    bright = 10.0 * sosfilt(band, noise(1.0, 0.2), axis=-1)
    found = limited(bright.astype(np.float32))
    assert true_peak_db(found) < CEILING_DB + TRUE_PEAK_TOLERANCE_DB
    # The samples of this tone miss its peaks by 3 dB.
    time = np.arange(RATE) / RATE
    tone = 1.4 * np.sin(2 * np.pi * RATE / 4 * time + np.pi / 4)
    tone *= np.hanning(RATE)
    found = limited(tone.astype(np.float32)[None])
    assert np.abs(tone).max() < 1.0
    assert true_peak_db(found) < CEILING_DB + TRUE_PEAK_TOLERANCE_DB


def test_all_channels_get_one_gain_and_the_gain_has_no_jumps() -> None:
    quiet = noise(1.0, 0.01)
    loud = quiet.copy()
    loud[0, RATE // 2] = 4.0
    gain = limited(loud)[1] / quiet[1]
    least = 10.0 ** (CEILING_DB / 20.0) / 4.0
    assert gain.min() == pytest.approx(least, rel=1e-3)
    assert gain.argmin() == pytest.approx(RATE // 2, abs=20)
    before, after = round(1.2e-3 * LOOK_AHEAD_MS * RATE), round(8e-3 * RELEASE_MS * RATE)
    np.testing.assert_allclose(gain[: RATE // 2 - before], 1.0, rtol=1e-6)
    np.testing.assert_allclose(gain[RATE // 2 + after :], 1.0, rtol=1e-3)
    assert np.abs(np.diff(gain)).max() < 1.1 / (1e-3 * LOOK_AHEAD_MS * RATE)


@pytest.mark.parametrize("length", [1, 100, 777])
def test_the_blocks_do_not_matter(length: int) -> None:
    loud = noise(0.2, 0.6)
    np.testing.assert_array_equal(limited(loud, length), limited(loud, loud.shape[1]))


@pytest.mark.parametrize("n_samples", [1, 30, 500])
def test_short_clips_keep_their_length(n_samples: int) -> None:
    found = limited(np.full((2, n_samples), 3.0, np.float32))
    assert found.shape == (2, n_samples)
    assert np.abs(found).max() <= 10.0 ** (CEILING_DB / 20.0) + 1e-6


def test_a_limited_clip_is_as_loud_as_before() -> None:
    loud = noise(2.0, 0.1)
    loud[:, ::4000] *= 30.0
    fitting = Fitting(lambda: cut(loud, 5000), RATE, 2, "limit")
    found = np.concatenate(list(fitting.blocks()), axis=1)
    assert np.abs(found).max() < 1.0
    assert lufs(found, RATE) == pytest.approx(lufs(loud, RATE), abs=0.1)
    assert fitting.limited_db > 6.0
    assert fitting.level_lost_db == pytest.approx(0.0, abs=0.1)
    assert fitting.peak == np.abs(loud).max()


def test_what_cannot_be_as_loud_tells_how_much_it_lost() -> None:
    square = np.sign(noise(1.0, 1.0)) * np.float32(4.0)
    fitting = Fitting(lambda: cut(square, 5000), RATE, 2, "limit")
    found = np.concatenate(list(fitting.blocks()), axis=1)
    lost = lufs(square, RATE) - lufs(found, RATE)
    assert lost > 6.0
    assert fitting.level_lost_db == pytest.approx(lost, abs=0.01)


def test_scaling_keeps_the_shape_and_clipping_the_rest() -> None:
    loud = noise(0.5, 0.4)
    peak = float(np.abs(loud).max())
    scaled = Fitting(lambda: cut(loud, 999), RATE, 2, "scale")
    found = np.concatenate(list(scaled.blocks()), axis=1)
    np.testing.assert_allclose(found, loud * 0.9999 / peak, rtol=1e-6)
    assert scaled.level_lost_db == pytest.approx(20 * np.log10(peak / 0.9999))
    clipped = Fitting(lambda: cut(loud, 999), RATE, 2, "clip")
    found = np.concatenate(list(clipped.blocks()), axis=1)
    np.testing.assert_array_equal(found, np.clip(loud, -1.0, 1.0))
    assert 0.0 < clipped.level_lost_db < 0.5


@pytest.mark.parametrize("peak", ["limit", "scale", "clip", None])
def test_what_does_not_exceed_full_scale_stays_as_it_is(peak: str | None) -> None:
    clip = noise(0.1, 0.2)
    clip *= np.float32(1.0) / np.abs(clip).max()
    fitting = Fitting(lambda: cut(clip, 999), RATE, 2, peak)
    np.testing.assert_array_equal(np.concatenate(list(fitting.blocks()), axis=1), clip)
    assert (fitting.limited_db, fitting.level_lost_db) == (0.0, 0.0)


@pytest.fixture
def loud_pair(tmp_path: Path, melody: Waveform, rain: Waveform) -> tuple[Path, Path]:
    """A content so loud that a render of it exceeds full scale."""
    content, style = tmp_path / "c.wav", tmp_path / "s.wav"
    soundfile.write(content, melody[0] / np.abs(melody).max(), 22_050, subtype="FLOAT")
    soundfile.write(style, rain[0], 22_050)
    return content, style


def test_files_have_the_loudness_of_the_content_by_default(
    loud_pair: tuple[Path, Path], tmp_path: Path
) -> None:
    content, rate = soundfile.read(loud_pair[0], dtype="float32", always_2d=True)
    wanted = lufs(np.ascontiguousarray(content.T), rate)
    loudness = {}
    for peak in ("limit", "scale", "float"):
        output = tmp_path / f"{peak}.wav"
        is_float = peak == "float"
        report = astfx.transfer_file(
            *loud_pair, output, quality="draft", float_samples=is_float,
            peak="limit" if is_float else peak,
        )  # fmt: skip
        assert report.peak > 1.2
        found, _ = soundfile.read(output, dtype="float32", always_2d=True)
        loudness[peak] = lufs(np.ascontiguousarray(found.T), rate)
        assert (np.abs(found).max() > 1.0) == is_float
        assert (report.limited_db > 1.0) == (peak == "limit")
    assert loudness["limit"] == pytest.approx(wanted, abs=LOUDNESS_TOLERANCE_DB)
    assert loudness["float"] == pytest.approx(wanted, abs=0.01)
    assert loudness["scale"] < wanted - LOUDNESS_TOLERANCE_DB


def test_float_files_hold_exactly_the_samples_of_transfer(
    loud_pair: tuple[Path, Path], tmp_path: Path
) -> None:
    content, style = (
        soundfile.read(path, dtype="float32", always_2d=True)[0].T for path in loud_pair
    )
    expected = astfx.transfer(content, style, 22_050, quality="draft")
    astfx.transfer_file(*loud_pair, tmp_path / "o.wav", quality="draft", float_samples=True)
    found = soundfile.read(tmp_path / "o.wav", dtype="float32", always_2d=True)[0].T
    np.testing.assert_array_equal(found, expected)


def test_an_unknown_way_is_refused(loud_pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match="peak='squash' must be one of limit, scale, cl"):
        astfx.transfer_file(*loud_pair, tmp_path / "o.wav", peak="squash")


REAL_PAIRS = [
    ("man_speaking_english", "applause"),
    ("pachelbel", "crickets"),
    ("woman_speaking_french", "bongo-loop"),
    ("bongo-loop", "cat_milk"),
]


@pytest.mark.parametrize(("content", "style"), REAL_PAIRS)
def test_real_sounds_keep_their_loudness(
    content: str, style: str, load: Load, tmp_path: Path
) -> None:
    folder = "grinstein/content_style"
    clip = load(f"{folder}/{content}")
    paths = tmp_path / "c.wav", tmp_path / "s.wav", tmp_path / "o.wav"
    soundfile.write(paths[0], clip.T, 22_050, subtype="FLOAT")
    soundfile.write(paths[1], load(f"{folder}/{style}").T, 22_050, subtype="FLOAT")
    astfx.transfer_file(*paths, quality="draft")
    found = soundfile.read(paths[2], dtype="float32", always_2d=True)[0].T
    difference = lufs(np.ascontiguousarray(found), 22_050) - lufs(clip, 22_050)
    assert difference == pytest.approx(0.0, abs=LOUDNESS_TOLERANCE_DB)
