"""The modulation equaliser, on envelopes whose modulations are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.features.modulation_equaliser import (
    MODULATIONS_HZ,
    ModulationEqualiser,
    ModulationPowers,
    add_modulations,
    correct_modulations,
    equalised,
)

RATE_HZ = 344.5
N_POWERS = len(MODULATIONS_HZ) + 1
MOST_GAIN_DB = 12.05
IDENTITY_TOLERANCE = 1e-6
STEP_TOLERANCE_DB = 2.0

Array = npt.NDArray[np.floating]


def sine(hz: float, seconds: float = 20.0) -> Array:
    return np.asarray(np.sin(2.0 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ))


def powers_of(signal: Array) -> npt.NDArray[np.float32]:
    """Powers of a signal's modulations, (1, borders + 1)."""
    running = ModulationPowers.of(np.zeros((1, N_POWERS), np.float32), RATE_HZ)
    for k, value in enumerate(signal):
        add_modulations(running, 0, float(value), 1.0 / (k + 1.0))
    return running.powers


def gain_db(equaliser: ModulationEqualiser, hz: float) -> float:
    """Gain of a sine, without learning from it."""
    signal = sine(hz)
    output = np.array([equalised(equaliser, 0, float(value), 0.0) for value in signal])
    half = len(signal) // 2
    return float(20.0 * np.log10(output[half:].std() / signal[half:].std()))


def equaliser_for(ratio: Array) -> ModulationEqualiser:
    """Equaliser for a style that has `ratio` times the power of the content in each band."""
    equaliser = ModulationEqualiser.of(np.asarray(ratio, np.float32)[None], RATE_HZ)
    equaliser.content.powers[:] = 1.0
    return equaliser


def test_equal_powers_change_nothing() -> None:
    equaliser = equaliser_for(np.ones(N_POWERS))
    signal = np.random.default_rng(0).standard_normal(500)
    output = [equalised(equaliser, 0, float(value), 0.0) for value in signal]
    np.testing.assert_allclose(output, signal, atol=IDENTITY_TOLERANCE)


@pytest.mark.parametrize(("hz", "expected_db"), [(0.8, 0.0), (40.0, 9.0)])
def test_a_step_at_a_border_leaves_the_gains_far_from_it(hz: float, expected_db: float) -> None:
    """What is faster than 5 Hz is raised by 9 dB, and what is slower is left."""
    ratio = np.where(np.arange(N_POWERS) < 5, 10.0**0.9, 1.0)
    assert gain_db(equaliser_for(ratio), hz) == pytest.approx(expected_db, abs=STEP_TOLERANCE_DB)


def test_a_step_is_half_way_at_its_border() -> None:
    ratio = np.where(np.arange(N_POWERS) < 5, 10.0**0.9, 1.0)
    assert gain_db(equaliser_for(ratio), MODULATIONS_HZ[4]) == pytest.approx(4.5, abs=0.5)


def test_a_strong_slow_modulation_does_not_pass_through_raised_bands() -> None:
    """All but the slowest bands are raised, and those cut, as far as gains go."""
    ratio = np.where(np.arange(N_POWERS) < 5, 100.0, 0.01)
    equaliser = equaliser_for(ratio)
    assert gain_db(equaliser, 0.4) < -MOST_GAIN_DB + STEP_TOLERANCE_DB
    assert gain_db(equaliser, 60.0) > MOST_GAIN_DB - STEP_TOLERANCE_DB


def test_the_powers_of_modulations_are_those_of_their_bands() -> None:
    """A split into low-pass filters is broad, but the band of a sine has most of its power."""
    for hz, band in ((7.0, 4), (30.0, 2)):
        assert int(np.argmax(powers_of(sine(hz))[0])) == band


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
    before, after = (
        np.abs(np.log(powers_of(np.asarray(x)) / wanted)).mean() for x in (content, output)
    )
    assert after < 0.4 * before


def test_corrections_are_bounded() -> None:
    equaliser = equaliser_for(np.ones(N_POWERS))
    for _ in range(20_000):
        correct_modulations(equaliser, 0, 0.0, 0.01)
    np.testing.assert_allclose(equaliser.corrections, 1.0)
