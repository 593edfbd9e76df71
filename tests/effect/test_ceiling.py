"""The true-peak ceiling of an effect."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

import astfx
from astfx.audio import Waveform
from astfx.errors import EffectTypeError, InvalidSettingError
from presets.synthesis.contents import make_content
from tests.audio.true_peaks import true_peak_db
from tests.effect.conftest import RATE, Make, streamed

ENGINES = ("stream", "live", "gain")
HIGHEST_LATENCY_MS = {"stream": 75.0, "live": 25.0, "gain": 31.0}


@pytest.mark.parametrize("engine", [*ENGINES, "render"])
def test_a_ceiling_that_is_not_reached_changes_nothing(
    engine: str, make: Make, clip: Waveform
) -> None:
    quiet = 0.05 * clip
    plain, limited = make(engine=engine), make(engine=engine, ceiling_db=-0.1)
    np.testing.assert_array_equal(limited(quiet, RATE), plain(quiet, RATE))


@pytest.mark.parametrize("engine", [*ENGINES, "render"])
def test_true_peaks_stay_below_the_ceiling(engine: str, make: Make, clip: Waveform) -> None:
    loud = clip / np.abs(clip).max()
    effect = make(engine=engine, ceiling_db=-6.0)
    output = effect(loud, RATE)
    assert output.shape == loud.shape
    assert true_peak_db(make(engine=engine)(loud, RATE)) > -5.0
    assert true_peak_db(output) < -6.0


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg, for its meter")
@pytest.mark.parametrize("engine", ENGINES)
def test_the_meter_of_ffmpeg_agrees(engine: str, tmp_path: Path) -> None:
    """Hiss is hard: much of it is close to the Nyquist frequency, where meters err most."""
    content = make_content("melody", 44100)[None].astype(np.float32)
    effect = astfx.StyleTransfer("tape-hiss", engine=engine, ceiling_db=-0.1)
    path = tmp_path / "limited.wav"
    soundfile.write(path, effect(content / np.abs(content).max(), 44100).T, 44100, subtype="FLOAT")
    meter = ["-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    shown = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostats", *meter], capture_output=True, text=True, check=True
    )
    peaks_dbtp = [float(found) for found in re.findall(r"Peak: +(-?[\d.]+) dBFS", shown.stderr)]
    assert len(peaks_dbtp) == 1
    assert -1.0 < peaks_dbtp[0] <= -0.1


@pytest.mark.parametrize("engine", ENGINES)
def test_blocks_give_what_the_whole_clip_gives(engine: str, make: Make, clip: Waveform) -> None:
    effect = make(engine=engine, ceiling_db=-20.0)
    whole = effect(clip, RATE)
    n = clip.shape[1] - effect.latency_samples
    for size in (1000, 64):
        parts = streamed(effect, clip, [size])
        assert parts.shape[1] == n
        np.testing.assert_array_equal(parts, whole[:, :n])


@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000, 96000])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_look_ahead_costs_little_latency(engine: str, sample_rate: int, make: Make) -> None:
    plain, limited = make(engine=engine), make(engine=engine, ceiling_db=-1.0)
    added = limited.latency_samples_at(sample_rate) - plain.latency_samples_at(sample_rate)
    assert 1.4 <= 1e3 * added / sample_rate < 2.0
    latency_ms = 1e3 * limited.latency_samples_at(sample_rate) / sample_rate
    if sample_rate >= 44100:
        assert latency_ms <= HIGHEST_LATENCY_MS[engine]


def test_samples_that_are_not_finite_disturb_nothing_else(make: Make, clip: Waveform) -> None:
    """At mix=0 they come out as they went in."""
    effect = make(engine="live", mix=0.0, ceiling_db=0.0)
    broken = (0.1 * clip).astype(np.float32)
    broken[0, 8000], broken[1, 9000] = np.nan, np.inf
    output = effect(broken, RATE)
    late = slice(9000 + RATE // 2, None)
    np.testing.assert_allclose(output[:, late], broken[:, late], rtol=1e-2)
    assert np.isnan(output[0, 8000])
    assert np.isinf(output[1, 9000])


def test_files_are_limited_too(tmp_path: Path, make: Make, clip: Waveform) -> None:
    loud = clip / np.abs(clip).max()
    soundfile.write(tmp_path / "in.wav", loud.T, RATE, subtype="FLOAT")
    board = astfx.Pedalboard([make(engine="live", ceiling_db=-6.0)])
    astfx.render_file(board, tmp_path / "in.wav", tmp_path / "out.wav", float_samples=True)
    output = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)[0].T
    assert true_peak_db(output) < -6.0


def test_the_ceiling_can_be_changed_saved_and_seen(make: Make) -> None:
    effect = astfx.StyleTransfer("rain", engine="live", ceiling_db=-3)
    assert effect.ceiling_db == -3.0
    assert "ceiling_db=-3" in repr(effect)
    again = astfx.StyleTransfer.from_dict(effect.to_dict())
    assert again.ceiling_db == -3.0
    latency = effect.latency_samples
    effect.ceiling_db = None
    assert effect.latency_samples < latency
    assert "ceiling" not in repr(effect)


def test_what_is_no_ceiling(make: Make) -> None:
    for value in (1.0, -41.0, float("nan")):
        with pytest.raises(InvalidSettingError, match=r"ceiling_db=.* must be from -40 to 0 dB"):
            make(ceiling_db=value)
    with pytest.raises(EffectTypeError, match=r"ceiling_db=.loud. must be a number .* or None"):
        make(ceiling_db="loud")
