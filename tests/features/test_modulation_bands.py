"""Modulation bands, on envelopes whose modulations are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.features.modulation_bands import (
    MODULATIONS_HZ,
    N_MODULATIONS,
    N_OCTAVES,
    SLOW_HZ,
    ModulationPowers,
    add_modulations,
    from_octaves,
    modulation_energies,
)

RATE_HZ = 344.5
POWER_TOLERANCE = 0.05  # relative: the filters swing in, and the bilinear transform bends them
SAME_TOLERANCE = 1e-4  # relative: float32 powers against float64 ones

Array = npt.NDArray[np.floating]


def sine(hz: float, seconds: float = 40.0) -> Array:
    return np.asarray(np.sin(2.0 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ))


def powers_of(signal: Array) -> Array:
    """Mean powers of a signal's modulations, (N_MODULATIONS,)."""
    return np.asarray(modulation_energies(signal[:, None], RATE_HZ)[0] / len(signal))


@pytest.mark.parametrize("band", [2, 6, 11])
def test_a_sine_has_all_its_power_in_its_band_and_a_third_half_an_octave_away(band: int) -> None:
    """|H|^2 = 1 / (1 + Q^2 (f / f0 - f0 / f)^2) with Q = 2."""
    found = powers_of(sine(MODULATIONS_HZ[band])) / 0.5
    assert found[band] == pytest.approx(1.0, rel=POWER_TOLERANCE)
    for beside in (band - 1, band + 1):
        assert found[beside] == pytest.approx(1.0 / 3.0, rel=2.0 * POWER_TOLERANCE)


def test_what_is_slower_has_its_power_in_the_last_band() -> None:
    assert int(np.argmax(powers_of(sine(SLOW_HZ / 4.0)))) == N_MODULATIONS - 1


def test_running_powers_are_those_of_the_whole() -> None:
    signal = np.random.default_rng(0).standard_normal(5000)
    running = ModulationPowers.of(np.zeros((2, N_MODULATIONS), np.float32), RATE_HZ)
    for value in signal[::-1]:  # the whole is mirrored at its beginning
        add_modulations(running, 1, float(value), 0.0)
    for k, value in enumerate(signal):
        add_modulations(running, 1, float(value), 1.0 / (k + 1.0))
    np.testing.assert_allclose(running.powers[1], powers_of(signal), rtol=SAME_TOLERANCE)
    assert not running.powers[0].any()


def test_without_a_share_the_powers_stay() -> None:
    before = np.ones((1, N_MODULATIONS), np.float32)
    running = ModulationPowers.of(before, RATE_HZ)
    for value in sine(4.0, 1.0):
        add_modulations(running, 0, float(value), 0.0)
    np.testing.assert_array_equal(running.powers, before)
    assert running.state.any()


def test_powers_in_octaves_become_those_of_noise() -> None:
    """The ratio is that of two integrals, which are summed up here over ten decades."""
    octaves = np.arange(1.0, N_OCTAVES + 1.0, dtype=np.float32)[None]
    found = from_octaves(octaves)
    log_hz = np.linspace(-12.0, 12.0, 200_001)
    f = np.exp(log_hz)
    narrow = 1.0 / (1.0 + 4.0 * (f - 1.0 / f) ** 2)
    broad = np.abs(1.0 / (1.0 + 1j * f / 2.0) - 1.0 / (1.0 + 1j * f)) ** 2
    ratio = float(narrow.sum() / broad.sum())
    assert found.shape == (1, N_MODULATIONS)
    assert found[0, 0] == pytest.approx(2.0 * ratio, rel=1e-3)  # 60 Hz lies in the second octave
    assert found[0, -2] == pytest.approx(9.0 * ratio, rel=1e-3)  # and 0.33 Hz in the ninth
    assert found[0, -1] == N_OCTAVES


def test_filters_are_stable_where_a_window_has_few_frames() -> None:
    """At 40 frames a second, five bands lie above the Nyquist frequency."""
    signal = np.random.default_rng(1).standard_normal(20_000)
    found = modulation_energies(signal[:, None], 40.0)[0] / len(signal)
    assert np.isfinite(found).all()
    assert found.max() < 1.0


def test_a_short_sound_has_its_slow_modulations() -> None:
    """Three seconds are not enough for a filter of 0.5 Hz that begins with nothing."""
    clips = [
        np.random.default_rng(seed).standard_normal(round(3.0 * RATE_HZ)) for seed in range(40)
    ]
    long = np.random.default_rng(99).standard_normal(round(120.0 * RATE_HZ))
    short = np.mean([powers_of(clip) for clip in clips], axis=0)
    change_db = 10.0 * np.log10(short[14] / powers_of(long)[14])
    assert abs(change_db) < 1.0
