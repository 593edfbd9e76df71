"""The balance, on bins whose level is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from astfx.features.balance import Balance, balance_gains, balance_level, learn_balance

RATE_HZ = 43.0
MOST_GAIN = np.exp(1.5)
RELATIVE_TOLERANCE = 1e-4
MEAN_TOLERANCE = 0.02  # nepers
STYLE = np.array([[0.5, 2.0, 8.0], [1.5, 6.0, 40.0]], np.float32)
"""Two frames of three bins."""

Array = npt.NDArray[np.float32]


def run(balance: Balance, frames: Array) -> Array:
    """Balance frames, (frames, bins), each after the output before it was learned."""
    found = []
    for frame in frames:
        output = frame.copy()
        balance_gains(balance, output)
        learn_balance(balance, output)
        found.append(output)
    return np.stack(found)


def test_an_output_with_the_styles_mean_is_left_alone() -> None:
    balance = Balance.of(STYLE, RATE_HZ)
    output = run(balance, np.tile(STYLE, (400, 1)))
    np.testing.assert_allclose(output, np.tile(STYLE, (400, 1)), rtol=0.03)


def test_the_mean_of_the_whole_output_comes_to_the_styles() -> None:
    """Also that of the first seconds: what they lacked is paid back later."""
    content = np.tile(STYLE, (1000, 1)) * np.array([0.5, 2.0, 1.5], np.float32)
    output = run(Balance.of(STYLE, RATE_HZ), content)
    wanted = balance_level(STYLE).mean(axis=0)
    before = np.abs(balance_level(content[:500]).mean(axis=0) - wanted)
    after = np.abs(balance_level(output[:500]).mean(axis=0) - wanted)
    assert (after < 0.3 * before).all()
    settled = balance_level(output[1000:]).mean(axis=0)
    np.testing.assert_allclose(settled, wanted, atol=MEAN_TOLERANCE)


def test_gains_are_bounded_even_for_bins_that_stay_silent() -> None:
    balance = Balance.of(STYLE, RATE_HZ)
    run(balance, np.zeros((10_000, 3), np.float32))
    gains = np.ones(3, np.float32)
    balance_gains(balance, gains)
    np.testing.assert_allclose(gains, MOST_GAIN, rtol=RELATIVE_TOLERANCE)
    run(balance, np.full((10_000, 3), 1e6, np.float32))
    gains = np.ones(3, np.float32)
    balance_gains(balance, gains)
    np.testing.assert_allclose(gains, 1.0 / MOST_GAIN, rtol=RELATIVE_TOLERANCE)


def test_without_output_there_is_no_gain() -> None:
    gains = np.ones(3, np.float32)
    balance_gains(Balance.of(STYLE, RATE_HZ), gains)
    np.testing.assert_array_equal(gains, 1.0)
