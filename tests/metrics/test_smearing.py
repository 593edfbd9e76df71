from __future__ import annotations

import re

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors
from astfx.metrics import early_echo_db, musical_noise_per_second, pre_echo_db

Signal = npt.NDArray[np.float64]

RATE = 22050
GATED_PER_SECOND = 100.0
CLEAN_PER_SECOND = 2.0


def clicks(n_samples: int = 2 * RATE, level: float = 1.0) -> Signal:
    """Decaying bursts every half second, the first after a quarter."""
    signal = np.zeros(n_samples)
    burst = level * np.exp(-np.arange(4000) / 800.0) * np.sin(np.arange(4000) * 0.9)
    for start in range(RATE // 4, n_samples - 4000, RATE // 2):
        signal[start : start + 4000] += burst
    return signal


def test_randomly_gated_bins_are_musical_noise(noise: Signal) -> None:
    spectrum = librosa.stft(noise)
    gate = np.random.default_rng(4).random(spectrum.shape) > 0.995
    gated = librosa.istft(spectrum * gate, length=noise.size)
    assert musical_noise_per_second(gated, RATE) > GATED_PER_SECOND


def test_noise_tones_and_silence_have_none(noise: Signal) -> None:
    tone = np.sin(2 * np.pi * 700.0 * np.arange(2 * RATE) / RATE)
    assert musical_noise_per_second(noise, RATE) < CLEAN_PER_SECOND
    assert musical_noise_per_second(tone, RATE) == 0.0
    assert musical_noise_per_second(np.zeros(RATE), RATE) == 0.0


def test_musical_noise_does_not_depend_on_level_and_little_on_rate(noise: Signal) -> None:
    from astfx.metrics._inputs import resample

    spectrum = librosa.stft(noise)
    gate = np.random.default_rng(4).random(spectrum.shape) > 0.995
    gated = librosa.istft(spectrum * gate, length=noise.size)
    base = musical_noise_per_second(gated, RATE)
    assert musical_noise_per_second(0.001 * gated, RATE) == base
    doubled = musical_noise_per_second(resample(gated, RATE, 2 * RATE), 2 * RATE)
    assert doubled == pytest.approx(base, rel=0.1)


def test_musical_noise_refuses_short_sounds(noise: Signal) -> None:
    message = "waveform lasts 0.045 s; musical noise needs at least 0.25 s"
    with pytest.raises(errors.InvalidAudioError, match=re.escape(message)):
        musical_noise_per_second(noise[:1000], RATE)


def test_crisp_attacks_have_no_pre_echo() -> None:
    assert pre_echo_db(clicks(), clicks(), RATE) == pytest.approx(0.0, abs=1e-9)
    assert pre_echo_db(0.1 * clicks(), clicks(), RATE) == pytest.approx(0.0, abs=1e-6)


def test_a_ghost_before_every_attack_is_measured() -> None:
    crisp = clicks() + clicks_floor()
    n_ghost = round(0.01 * RATE)
    found = []
    for level in (0.01, 0.1):
        ghost = crisp + level * np.roll(clicks(), -n_ghost)
        found.append(pre_echo_db(ghost, crisp, RATE))
    assert 0.0 < found[0] < found[1]
    assert found[1] - found[0] == pytest.approx(20.0, abs=2.0)  # ten times the amplitude


def clicks_floor() -> Signal:
    return 1e-3 * np.random.default_rng(6).standard_normal(2 * RATE)


def test_steady_content_has_no_attack(noise: Signal) -> None:
    assert np.isnan(pre_echo_db(noise, noise, RATE))
    assert np.isnan(pre_echo_db(noise, np.zeros(noise.size), RATE))


def test_a_silent_output_is_finite() -> None:
    assert np.isfinite(pre_echo_db(np.zeros(2 * RATE), clicks(), RATE))


def test_pre_echo_refuses_short_sounds() -> None:
    message = "output and content share 0.045 s; pre-echo needs at least 0.1 s"
    with pytest.raises(errors.InvalidAudioError, match=re.escape(message)):
        pre_echo_db(clicks()[:1000], clicks(), RATE)


def test_only_what_swells_before_the_last_window_is_an_early_echo() -> None:
    crisp = clicks() + clicks_floor()
    window = 2048 / RATE
    for lead, least, most in ((0.5, -0.5, 0.5), (1.5, 10.0, 60.0)):
        ghost = crisp + 0.1 * np.roll(clicks(), -round(lead * window * RATE))
        assert least < early_echo_db(ghost, crisp, RATE) < most
    steady = crisp + 0.1 * np.random.default_rng(7).standard_normal(crisp.size)
    assert abs(early_echo_db(steady, crisp, RATE)) < 1.0
    assert abs(early_echo_db(crisp, crisp, RATE)) < 0.5
    swelling = crisp + np.roll(clicks(), -round(1.5 * window * RATE))
    assert early_echo_db(swelling, swelling, RATE) <= 0.0  # a rise of the content's own


def test_a_pause_that_the_output_plays_on_in_is_no_early_echo() -> None:
    """Only a rise of the content's own is taken off, never its fall into the pause."""
    rng = np.random.default_rng(8)
    between = 0.02 * rng.standard_normal(2 * RATE)
    for attack in range(RATE // 4, between.size - 4000, RATE // 2):
        between[attack - 2 * 2048 : attack] = 0.0
    pausing = clicks() + clicks_floor() + between
    playing = pausing + 0.3 * rng.standard_normal(pausing.size)
    assert early_echo_db(pausing, pausing, RATE) < -10.0  # it does fall
    assert abs(early_echo_db(playing, pausing, RATE)) < 1.0


def test_early_echo_needs_attacks_and_a_window_in_range(noise: Signal) -> None:
    assert np.isnan(early_echo_db(noise, noise, RATE))
    message = "window_seconds=2.0 must lie between 0.01 and 1 (seconds)"
    with pytest.raises(errors.InvalidSettingError, match=re.escape(message)):
        early_echo_db(clicks(), clicks(), RATE, 2.0)
