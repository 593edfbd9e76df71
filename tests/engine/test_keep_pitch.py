from __future__ import annotations

import numpy as np
import pytest
import torch

import astfx
from astfx import metrics
from astfx.audio import Waveform, resample
from astfx.dsp.pitch import Pitch, track_pitch
from astfx.engine.keep_pitch import (
    PERIODICITY,
    comb_filtered,
    harmonic_gain,
)
from astfx.errors import EffectError, InvalidSettingError
from astfx.frontends.grid import Grid
from astfx.frontends.stft import Stft
from astfx.plan import RenderPlan
from astfx.runtime.librosa_import import import_librosa
from tests.conftest import Load

RATE = 22050
CENTS_TOLERANCE = 50.0
KEPT_SHARE = 0.9
LOST_SHARE = 0.5
PERIODICITY_TOLERANCE = 0.05  # output and harmonics are taken as independent
TOOTH_TOLERANCE_DB = 1.0
BETWEEN_DB = -30.0


def glide(seconds: float = 3.0, low_hz: float = 180.0, high_hz: float = 260.0) -> Waveform:
    """Twelve harmonics of a pitch that rises, (1, samples)."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2.0 * np.pi * (low_hz * time + (high_hz - low_hz) * time**2 / (2.0 * seconds))
    tone = sum(np.sin(k * phase) / k for k in range(1, 13))
    return (0.1 * np.asarray(tone)[None]).astype(np.float32)


def true_pitch_hz(n_frames: int, seconds: float = 3.0) -> np.ndarray:
    return 180.0 + 80.0 * (np.arange(n_frames) * 512 / RATE) / seconds


def share_of_true_pitch(output: Waveform) -> float:
    """Share of frames whose pitch by YIN, an independent tracker, is the true one."""
    librosa = import_librosa()

    found = librosa.yin(output.mean(axis=0), fmin=65.0, fmax=1047.0, sr=RATE)
    cents = 1200.0 * np.abs(np.log2(found / true_pitch_hz(len(found))))
    return float(np.mean(cents[2:-2] <= CENTS_TOLERANCE))


@pytest.mark.parametrize("quality", ["draft", "standard"])
def test_a_tone_keeps_its_pitch_under_a_noise(rain: Waveform, quality: str) -> None:
    content = glide()
    lost = astfx.transfer(content, rain, RATE, quality=quality)
    kept = astfx.transfer(content, rain, RATE, quality=quality, keep_pitch=True)
    assert share_of_true_pitch(kept) >= max(KEPT_SHARE, share_of_true_pitch(lost))
    # It costs style, and stays nearer to the style than the content is.
    distances = [metrics.random_banks_db(clip, rain, RATE) for clip in (lost, kept, content)]
    assert distances == sorted(distances)


@pytest.mark.parametrize("style", ["grinstein/content_style/man_speaking_english", "classic/fire"])
def test_a_voice_keeps_its_pitch(load: Load, style: str) -> None:
    content = load("grinstein/content_style/woman_speaking_french")
    lost = astfx.transfer(content, load(style), RATE, quality="draft")
    kept = astfx.transfer(content, load(style), RATE, quality="draft", keep_pitch=True)
    assert metrics.pitch_agreement(lost, content, RATE) < LOST_SHARE
    assert metrics.pitch_agreement(kept, content, RATE) >= KEPT_SHARE


def test_channels_keep_their_places(rain: Waveform) -> None:
    left = glide()
    content = np.concatenate([left, -0.25 * left])
    output = astfx.transfer(content, rain, RATE, quality="draft", keep_pitch=True)
    np.testing.assert_allclose(output[1], -0.25 * output[0], rtol=0, atol=1e-4)


def test_without_a_pitch_nothing_is_added(rain: Waveform) -> None:
    rng = np.random.default_rng(0)
    content = (0.1 * np.diff(rng.standard_normal((1, 2 * RATE)))).astype(np.float32)
    assert not track_pitch(content[0]).voiced.any()
    kept = astfx.transfer(content, rain, RATE, quality="draft", keep_pitch=True)
    plain = astfx.transfer(content, rain, RATE, quality="draft", phase="content")
    np.testing.assert_array_equal(kept, plain)


@pytest.mark.parametrize("n_samples", [300, 5000])
def test_short_clips_render(rain: Waveform, n_samples: int) -> None:
    output = astfx.transfer(glide()[:, :n_samples], rain, RATE, quality="draft", keep_pitch=True)
    assert output.shape == (1, n_samples)
    assert np.isfinite(output).all()


def test_strength_0_is_the_content(rain: Waveform) -> None:
    content = glide(1.0)
    output = astfx.transfer(content, rain, RATE, strength=0.0, keep_pitch=True)
    np.testing.assert_array_equal(output, content)


def test_pitch_is_kept_at_half_strength(rain: Waveform) -> None:
    content = glide()
    output = astfx.transfer(content, rain, RATE, strength=0.5, quality="draft", keep_pitch=True)
    assert share_of_true_pitch(output) >= KEPT_SHARE


@pytest.mark.parametrize("sample_rate", [16000, 22050, 48000])
def test_the_pitch_of_a_tone_is_found_at_any_rate(sample_rate: int) -> None:
    time = np.arange(sample_rate) / sample_rate
    tone = sum(np.sin(2.0 * np.pi * 220.0 * k * time) / k for k in range(1, 6))
    clip = resample(np.asarray(tone, np.float32)[None], sample_rate, RATE)
    pitch = track_pitch(clip[0])
    assert pitch.voiced[4:-4].all()
    np.testing.assert_allclose(pitch.hertz[4:-4], 220.0, rtol=0.01)


def constant_pitch(seconds: float, hertz: float) -> Pitch:
    n_frames = round(seconds * RATE) // 512 + 1
    return Pitch(np.full(n_frames, hertz), np.ones(n_frames, bool))


@pytest.mark.parametrize("harmonic", [1, 2, 7])
def test_the_comb_keeps_harmonics_and_nothing_between(harmonic: int) -> None:
    grid = Grid.of(92.88, RATE)
    stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=torch.device("cpu"))
    time, pitch = np.arange(RATE) / RATE, constant_pitch(1.0, 300.0)
    inside = slice(RATE // 8, -RATE // 8)

    def level_db(hertz: float) -> float:
        tone = np.sin(2.0 * np.pi * hertz * time).astype(np.float32)[None]
        found = comb_filtered(tone, pitch, stft, RATE)[:, inside]
        return 20.0 * float(np.log10(np.linalg.norm(found) / np.linalg.norm(tone[:, inside])))

    assert level_db(300.0 * harmonic) == pytest.approx(0.0, abs=TOOTH_TOLERANCE_DB)
    assert level_db(300.0 * (harmonic + 0.5)) < BETWEEN_DB


def test_the_comb_is_silent_without_a_pitch() -> None:
    grid = Grid.of(92.88, RATE)
    stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=torch.device("cpu"))
    pitch = constant_pitch(1.0, 300.0)
    silent = Pitch(pitch.hertz, np.zeros(len(pitch.hertz), bool))
    assert not comb_filtered(np.ones((2, RATE), np.float32), silent, stft, RATE).any()


def periodicity(signal: Waveform, lag: int, frame: int) -> float:
    begin = frame * 512 - 1024
    part = signal[0, begin : begin + 2048]
    early, late = part[:-lag], part[lag:]
    return float(2.0 * (early @ late) / (early @ early + late @ late))


@pytest.mark.parametrize("level_db", [-20.0, 0.0, 20.0])
def test_the_gain_reaches_the_goal_and_no_more(level_db: float) -> None:
    lag = RATE // 210
    hertz = RATE / lag
    rng = np.random.default_rng(0)
    noise = (rng.standard_normal((1, RATE)) * 10.0 ** (level_db / 20.0)).astype(np.float32)
    tone = glide(1.0, hertz, hertz)
    gain = harmonic_gain(noise, tone, constant_pitch(1.0, hertz), RATE)
    middle = len(gain) // 2
    found = periodicity(noise + np.float32(gain[middle]) * tone, lag, middle)
    # Each frame gets at least its own gain, and its neighbours' if theirs is larger.
    assert found >= PERIODICITY - PERIODICITY_TOLERANCE
    assert np.median(gain) / gain[middle] == pytest.approx(1.0, abs=0.5)


def test_a_periodic_output_gets_nothing() -> None:
    lag = RATE // 210
    tone = glide(1.0, RATE / lag, RATE / lag)
    gain = harmonic_gain(tone, 0.1 * tone, constant_pitch(1.0, RATE / lag), RATE)
    assert not gain[3:-3].any()


def test_the_phase_is_the_contents() -> None:
    plan = RenderPlan.of(astfx.Settings(keep_pitch=True, phase="griffin-lim"), RATE)
    assert plan.phase is RenderPlan.of(astfx.Settings(phase="content"), RATE).phase
    assert plan.phase_iterations == 0


@pytest.mark.parametrize("value", [1, 0.0, "yes"])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(InvalidSettingError, match=f"keep_pitch={value!r} must be True or False"):
        astfx.Settings(keep_pitch=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "value", "only"),
    [("keep_pitch", True, "False"), ("timbre", 0.5, "1.0"), ("texture", 0.0, "1.0")],
)
def test_block_engines_refuse_what_they_cannot_do(setting: str, value: object, only: str) -> None:
    message = f"takes {setting}={only} only, not {value}: pass whole clips"
    with pytest.raises(EffectError, match=message):
        astfx.StyleTransfer("rain", engine="stream", **{setting: value})  # type: ignore[arg-type]
    effect = astfx.StyleTransfer("rain", **{setting: value})  # type: ignore[arg-type]
    with pytest.raises(EffectError, match=message):
        effect.process(glide(0.1), RATE, reset=False)
