from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors
from astfx.metrics import scattering
from astfx.metrics.random_banks import random_banks_db
from astfx.metrics.scattering import RATES_HZ, scalogram, scattering_db

Signal = npt.NDArray[np.float64]

RATE = 22050
TWO_TAKES_DB = -8.0  # of four seconds of noise
TURNED = 0.2  # of a logarithm: the frames of the reversed sound begin at other samples
DIRECTION_DB = 6.0  # by how much a reversed glide is farther than another rising one


def noise_of(seconds: float, seed: int) -> Signal:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def glides(seed: int) -> Signal:
    """Six seconds of chirps that rise by two octaves, at random times and pitches."""
    rng = np.random.default_rng(seed)
    place = np.linspace(-1.0, 1.0, round(0.15 * RATE))
    out = 1e-3 * rng.standard_normal(6 * RATE)
    for start in rng.integers(0, out.size - place.size, 60):
        phase = np.cumsum(rng.uniform(600.0, 2500.0) * 2.0**place) / RATE
        out[start : start + place.size] += np.hanning(place.size) * np.sin(2 * np.pi * phase)
    return out


@pytest.mark.parametrize("band", [8, 24, 47])
def test_a_tone_is_in_its_band_with_its_amplitude(band: int) -> None:
    frequency_hz = scattering.LOWEST_HZ * 2.0 ** (band / scattering.BANDS_PER_OCTAVE)
    tone = 0.3 * np.sin(2 * np.pi * frequency_hz * np.arange(2 * RATE) / RATE)
    found, rate_hz = scalogram(tone, RATE)
    assert rate_hz == pytest.approx(400.0, abs=0.5)
    assert found.shape == (56, 800)
    assert np.argmax(found.mean(axis=1)) == band
    assert found[band, 50:-50].mean() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("rate_hz", [2.0, 8.0, 32.0])
def test_the_second_layer_peaks_at_the_rate_of_a_modulation(rate_hz: float) -> None:
    time = np.arange(4 * RATE) / RATE
    sound = np.sin(2 * np.pi * 1040.0 * time) * (1.0 + 0.9 * np.sin(2 * np.pi * rate_hz * time))
    found = scattering.scattering("sound", sound, RATE)
    loudest = int(np.argmax(found.first))
    assert np.argmax(found.second[:, 0, loudest]) == RATES_HZ.index(rate_hz)


def test_rising_and_falling_are_two_scales() -> None:
    """Reversing the time exchanges the two directions of every scale."""
    sound = glides(1)
    forwards, backwards = (
        scattering.scattering("sound", clip, RATE).second for clip in (sound, sound[::-1].copy())
    )
    rising, falling = np.array([1, 3, 5, 7]), np.array([2, 4, 6, 8])
    assert np.abs(np.mean(forwards[:, rising] - forwards[:, falling])) > 0.1
    np.testing.assert_allclose(
        np.mean(backwards[:, rising], axis=2), np.mean(forwards[:, falling], axis=2), atol=TURNED
    )


def test_the_direction_of_glides_is_heard_here_and_not_by_the_random_banks() -> None:
    style, other = glides(1), glides(2)
    turned = other[::-1].copy()
    assert scattering_db(turned, style, RATE) > scattering_db(other, style, RATE) + DIRECTION_DB
    banks = [random_banks_db(clip, style, RATE) for clip in (other, turned)]
    assert banks[1] == pytest.approx(banks[0], abs=0.2)


def test_a_sound_against_itself_is_at_the_lowest_value(noise: Signal) -> None:
    assert scattering_db(noise, noise, RATE) == -100.0


def test_level_channel_order_and_sign_do_not_matter(noise: Signal, melody: Signal) -> None:
    base = scattering_db(melody, noise, RATE)
    stereo = np.stack([0.5 * melody, 1.5 * melody])
    for other in (0.01 * melody, -melody, stereo, stereo[::-1]):
        assert scattering_db(other, noise, RATE) == pytest.approx(base, abs=1e-6)
    assert scattering_db(melody, 0.01 * noise, RATE) == pytest.approx(base, abs=1e-6)


def test_another_take_of_noise_is_near_and_a_melody_far(noise: Signal, melody: Signal) -> None:
    assert scattering_db(noise_of(4.0, 99), noise, RATE) < TWO_TAKES_DB
    assert scattering_db(melody, noise, RATE) > 0.0


def test_more_noise_is_farther_from_a_melody(melody: Signal) -> None:
    style = melody + 0.01 * noise_of(4.0, 4)
    hiss = noise_of(4.0, 5)
    found = [scattering_db(melody + gain * hiss, style, RATE) for gain in (0.01, 0.03, 0.1, 1.0)]
    assert found == sorted(found)
    assert found[-1] - found[0] > 10.0


def test_silence_has_moments_and_a_distance(noise: Signal) -> None:
    assert np.isfinite(scattering_db(np.zeros(2 * RATE), noise, RATE))
    assert scattering_db(np.zeros(2 * RATE), noise, RATE) > 0.0


def test_other_sample_rates_give_nearly_the_same(noise: Signal, melody: Signal) -> None:
    from astfx.metrics._inputs import resample

    high = [resample(clip, RATE, 44100) for clip in (melody, noise)]
    expected = scattering_db(melody, noise, RATE)
    assert scattering_db(high[0], high[1], 44100) == pytest.approx(expected, abs=0.3)


def test_short_sounds_and_silent_styles_are_refused(noise: Signal) -> None:
    for name, pair in (
        ("output", (noise[:10000], noise)),
        ("style", (noise, noise[:10000])),
    ):
        message = f"{name} lasts 0.454 s; scattering needs at least 1.0 s"
        with pytest.raises(errors.InvalidAudioError, match=re.escape(message)):
            scattering_db(*pair, RATE)
    with pytest.raises(errors.InvalidAudioError, match="style is silent: a distance to silence"):
        scattering_db(noise, np.zeros(RATE), RATE)
