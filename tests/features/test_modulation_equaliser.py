"""The modulation equaliser, on envelopes whose modulations are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.features.modulation_bands import MODULATIONS_HZ, N_MODULATIONS, modulation_energies
from astfx.features.modulation_equaliser import (
    ModulationEqualiser,
    correct_modulations,
    equalised,
)

RATE_HZ = 344.5
MOST_CORRECTION = 2.0
IDENTITY_TOLERANCE = 1e-6
GAIN_TOLERANCE_DB = 1.5

Array = npt.NDArray[np.floating]


def sine(hz: float, seconds: float = 30.0) -> Array:
    return np.asarray(np.sin(2.0 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ))


def powers_of(signal: Array) -> npt.NDArray[np.float32]:
    """Powers of a signal's modulations, (1, N_MODULATIONS)."""
    return (modulation_energies(signal[:, None], RATE_HZ) / len(signal)).astype(np.float32)


def gain_db(equaliser: ModulationEqualiser, hz: float) -> float:
    """Gain of a sine, without learning from it."""
    signal = sine(hz)
    output = np.array([equalised(equaliser, 0, float(value), 0.0) for value in signal])
    half = len(signal) // 2
    return float(20.0 * np.log10(output[half:].std() / signal[half:].std()))


def equaliser_for(ratio: Array, *, negligible: float = 0.0) -> ModulationEqualiser:
    """Equaliser for a style that has `ratio` times the power of the content in each band."""
    equaliser = ModulationEqualiser.of(np.asarray(ratio, np.float32)[None], RATE_HZ)
    equaliser.content.powers[:] = 1.0
    equaliser.negligible[:] = negligible
    return equaliser


def test_equal_powers_change_nothing() -> None:
    equaliser = equaliser_for(np.ones(N_MODULATIONS))
    signal = np.random.default_rng(0).standard_normal(500)
    output = [equalised(equaliser, 0, float(value), 0.0) for value in signal]
    np.testing.assert_allclose(output, signal, atol=IDENTITY_TOLERANCE)


@pytest.mark.parametrize(("hz", "expected_db"), [(0.8, 0.0), (30.0, 9.0)])
def test_fast_modulations_are_raised_and_slow_ones_left(hz: float, expected_db: float) -> None:
    ratio = np.where(np.arange(N_MODULATIONS) < 8, 10.0**0.9, 1.0)
    assert gain_db(equaliser_for(ratio), hz) == pytest.approx(expected_db, abs=GAIN_TOLERANCE_DB)


def test_neighbours_an_octave_apart_are_told_from_each_other() -> None:
    """A style that pulses at 2.65 Hz, and a content that does so at 5.3 Hz."""
    ratio = np.ones(N_MODULATIONS)
    ratio[9], ratio[7] = 10.0**0.6, 10.0**-0.6
    equaliser = equaliser_for(ratio)
    assert MODULATIONS_HZ[9] == pytest.approx(2.65, abs=0.01)
    assert gain_db(equaliser, MODULATIONS_HZ[9]) > 2.0
    assert gain_db(equaliser, MODULATIONS_HZ[7]) < -2.0


def test_the_slowest_modulations_have_a_gain_of_their_own() -> None:
    ratio = np.ones(N_MODULATIONS)
    ratio[-1] = 10.0**0.8
    equaliser = equaliser_for(ratio)
    assert gain_db(equaliser, 0.03) == pytest.approx(8.0, abs=GAIN_TOLERANCE_DB)
    assert gain_db(equaliser, 4.0) == pytest.approx(0.0, abs=GAIN_TOLERANCE_DB)


def test_modulations_that_are_weak_in_both_are_left() -> None:
    ratio = np.ones(N_MODULATIONS)
    ratio[8] = 0.1
    free, left = (equaliser_for(ratio, negligible=power) for power in (0.0, 100.0))
    assert gain_db(free, MODULATIONS_HZ[8]) < -4.0
    assert gain_db(left, MODULATIONS_HZ[8]) == pytest.approx(0.0, abs=0.2)


def test_a_signal_takes_the_powers_of_another() -> None:
    rng = np.random.default_rng(1)
    white = rng.standard_normal(20_000)
    slow = np.convolve(white, np.ones(40) / 40.0, "same")
    slow /= slow.std()
    wanted = powers_of(slow)
    equaliser = ModulationEqualiser.of(wanted, RATE_HZ)
    content = rng.standard_normal(20_000)
    output = []
    for k, value in enumerate(content):
        found = equalised(equaliser, 0, float(value), 1.0 / (k + 40.0))
        correct_modulations(equaliser, 0, found, 1.0 / (k + 40.0))
        output.append(found)
    strong = wanted[0] > 0.1 * wanted.max()
    before, after = (
        np.abs(np.log(powers_of(np.asarray(x)) / wanted))[0, strong].mean()
        for x in (content, output)
    )
    assert after < 0.4 * before


def test_corrections_are_bounded() -> None:
    equaliser = equaliser_for(np.ones(N_MODULATIONS))
    for _ in range(20_000):
        correct_modulations(equaliser, 0, 0.0, 0.01)
    np.testing.assert_allclose(equaliser.corrections, MOST_CORRECTION)
