from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest
import scipy.fft

from astfx import errors
from astfx.metrics import random_banks
from astfx.metrics.random_banks import Bank, band_envelopes, distance_db, random_banks_db

Signal = npt.NDArray[np.float64]

RATE = 22050
SAME_DB = -60.0  # what rounding leaves of the difference of two equal sounds
TWO_TAKES_DB = -4.0  # of four seconds of noise, whose bands are hardly correlated
REVERSED_DB = -35.0  # a frame may begin a sample earlier or later
BANK = Bank(
    n_bands=30, scale="erb", lowest_hz=50.0, highest_hz=9000.0, shape="cosine", compression=0.3,
    envelope_rate_hz=400.0, n_modulation_bands=20, modulation_q=2.0,
)  # fmt: skip


def noise_of(seconds: float, seed: int) -> Signal:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def envelopes_of(signal: Signal, bank: Bank = BANK) -> Signal:
    return band_envelopes(np.asarray(scipy.fft.rfft(signal)), signal.size, RATE, bank)[0]


def test_a_seed_draws_the_same_banks_and_another_seed_others() -> None:
    assert random_banks.random_banks(8, 5) == random_banks.random_banks(8, 5)
    assert random_banks.random_banks(3, 5) == random_banks.random_banks(8, 5)[:3]
    assert set(random_banks.random_banks(8, 5)).isdisjoint(random_banks.random_banks(8, 6))


def test_the_banks_of_the_published_figures_are_of_every_kind() -> None:
    banks = random_banks.random_banks()
    assert len(banks) == 8
    assert {bank.scale for bank in banks} == set(random_banks.SCALES)
    assert {bank.shape for bank in banks} == set(random_banks.SHAPES)
    assert min(bank.n_bands for bank in banks) < 30 < max(bank.n_bands for bank in banks)


@pytest.mark.parametrize("scale", random_banks.SCALES)
def test_scales_are_inverted(scale: str) -> None:
    frequency_hz = np.array([30.0, 440.0, 9000.0])
    there = random_banks._to_scale(frequency_hz, scale)
    np.testing.assert_allclose(random_banks._from_scale(there, scale), frequency_hz, rtol=1e-9)


@pytest.mark.parametrize("scale", random_banks.SCALES)
@pytest.mark.parametrize("shape", random_banks.SHAPES)
def test_a_tone_leaves_a_steady_envelope_in_its_band(scale: str, shape: str) -> None:
    bank = Bank(**{**vars(BANK), "scale": scale, "shape": shape})
    low, high = random_banks._to_scale([50.0, 9000.0], scale)
    edges = np.linspace(low, high, 32)
    centre_hz = np.round(random_banks._from_scale(edges[1:-1], scale))
    band = 20
    amplitude = 0.25
    tone = amplitude * np.sin(2 * np.pi * centre_hz[band] * np.arange(2 * RATE) / RATE)
    envelopes = envelopes_of(tone, bank)
    assert np.argmax(envelopes.mean(axis=1)) == band
    np.testing.assert_allclose(envelopes[band], amplitude**0.3, rtol=0.01)


@pytest.mark.parametrize("band", [5, 10, 15])
def test_modulation_power_peaks_in_the_band_of_its_rate(band: int) -> None:
    rate_hz = float(np.geomspace(0.5, 0.45 * 400.0, 20)[band])
    time = np.arange(4 * RATE) / RATE
    tone = np.sin(2 * np.pi * 1000.0 * time) * (1.0 + 0.5 * np.sin(2 * np.pi * rate_hz * time))
    envelopes = envelopes_of(tone)
    found = random_banks.statistics_of_envelopes(envelopes, 400.0, BANK)
    loudest = np.argmax(envelopes.mean(axis=1))
    assert np.argmax(found["modulation_power"].reshape(30, 20)[loudest]) == band


def test_the_seven_classes_are_measured_in_every_bank(noise: Signal) -> None:
    found = random_banks.bank_statistics("style", noise, RATE, n_banks=2)
    assert len(found) == 2
    for statistics in found:
        assert set(statistics) == {
            "envelope_mean", "envelope_variance", "envelope_skewness", "envelope_kurtosis",
            "envelope_correlation", "modulation_power", "modulation_correlation",
        }  # fmt: skip
        assert all(np.isfinite(values).all() for values in statistics.values())


def test_the_distance_is_that_of_the_mean_error_so_no_class_can_buy_it() -> None:
    wanted = [{"mean": np.array([3.0, 4.0]), "variance": np.array([2.0])}]
    half = [{"mean": wanted[0]["mean"], "variance": np.zeros(1)}]
    assert distance_db(half, wanted) == pytest.approx(10 * np.log10(0.5))
    nearer = [{"mean": 1.001 * wanted[0]["mean"], "variance": np.zeros(1)}]
    assert distance_db(nearer, wanted) == pytest.approx(distance_db(half, wanted), abs=1e-4)


def test_a_sound_against_itself_is_at_the_lowest_value(noise: Signal) -> None:
    assert random_banks_db(noise, noise, RATE) == -100.0


def test_level_channel_order_and_sign_do_not_matter(noise: Signal, melody: Signal) -> None:
    base = random_banks_db(melody, noise, RATE)
    stereo = np.stack([0.5 * melody, 1.5 * melody])
    for other in (0.01 * melody, -melody, stereo, stereo[::-1]):
        assert random_banks_db(other, noise, RATE) == pytest.approx(base, abs=1e-6)
    assert random_banks_db(melody, 0.01 * noise, RATE) == pytest.approx(base, abs=1e-6)


def test_another_take_of_noise_is_near_and_a_melody_far(noise: Signal, melody: Signal) -> None:
    assert random_banks_db(noise_of(4.0, 99), noise, RATE) < TWO_TAKES_DB
    assert random_banks_db(melody, noise, RATE) > -3.0


def test_more_noise_is_farther_from_a_melody(melody: Signal) -> None:
    style = melody + 0.01 * noise_of(4.0, 4)
    hiss = noise_of(4.0, 5)
    found = [random_banks_db(melody + gain * hiss, style, RATE) for gain in (0.01, 0.03, 0.1, 1.0)]
    assert found == sorted(found)
    assert found[-1] - found[0] > 10.0


def test_time_reversal_is_not_heard(melody: Signal) -> None:
    """No class of statistics knows the direction of time."""
    assert random_banks_db(melody[::-1].copy(), melody, RATE) < REVERSED_DB


def test_a_silent_output_is_as_far_as_statistics_of_zero(noise: Signal) -> None:
    assert random_banks_db(np.zeros(2 * RATE), noise, RATE) == pytest.approx(0.0, abs=1e-9)


def test_the_seed_decides_the_distance_only_a_little(noise: Signal, melody: Signal) -> None:
    found = [random_banks_db(melody, noise, RATE, seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert found[2] == pytest.approx(found[0], abs=2.0)


def test_other_sample_rates_give_nearly_the_same(noise: Signal, melody: Signal) -> None:
    from astfx.metrics._inputs import resample

    high = [resample(clip, RATE, 44100) for clip in (melody, noise)]
    expected = random_banks_db(melody, noise, RATE)
    assert random_banks_db(high[0], high[1], 44100) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_banks": 0}, "n_banks=0 must be at least 1"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(
    setting: dict[str, int], message: str, noise: Signal
) -> None:
    with pytest.raises(errors.InvalidSettingError, match=message):
        random_banks_db(noise, noise, RATE, **setting)


def test_short_sounds_and_silent_styles_are_refused(noise: Signal) -> None:
    for name, pair in (
        ("output", (noise[:10000], noise)),
        ("style", (noise, noise[:10000])),
    ):
        message = f"{name} lasts 0.454 s; texture statistics need at least 0.5 s"
        with pytest.raises(errors.InvalidAudioError, match=re.escape(message)):
            random_banks_db(*pair, RATE)
    with pytest.raises(errors.InvalidAudioError, match="style is silent: a distance to silence"):
        random_banks_db(noise, np.zeros(RATE), RATE)
