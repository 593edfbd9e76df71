"""The balance, on bins whose level is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.features.balance import (
    Balance,
    balance_gains,
    balance_level,
    forget_lacking,
    learn_balance,
)

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


def error(frames: Array) -> npt.NDArray[np.floating]:
    """What the mean levels lack, without what all bins lack together, (bins,)."""
    wanted = balance_level(STYLE).mean(axis=0)
    short = wanted - balance_level(frames).mean(axis=0)
    return np.asarray(short - (wanted * short).sum() / wanted.sum())


def test_the_mean_over_seconds_comes_to_the_styles() -> None:
    """Also that of the first seconds: what they lacked is paid back later."""
    content = np.tile(STYLE, (1000, 1)) * np.array([0.5, 2.0, 1.5], np.float32)
    output = run(Balance.of(STYLE, RATE_HZ), content)
    assert np.abs(error(output[:500])).max() < 0.3 * np.abs(error(content[:500])).max()
    assert np.abs(error(output[1000:])).max() < MEAN_TOLERANCE


def test_what_all_bins_lack_is_left_to_the_loudness() -> None:
    loud = 100.0 * STYLE  # so loud that the level is a logarithm
    balance = Balance.of(loud, RATE_HZ)
    run(balance, np.tile(0.5 * loud, (500, 1)))
    gains = np.ones(3, np.float32)
    balance_gains(balance, gains)
    np.testing.assert_allclose(gains, 1.0, atol=MEAN_TOLERANCE)


def test_gains_are_bounded_even_for_a_bin_that_stays_silent() -> None:
    balance = Balance.of(STYLE, RATE_HZ)
    content = np.tile(STYLE, (4000, 1))
    content[:, 1] = 0.0
    run(balance, content)
    gains = np.ones(3, np.float32)
    balance_gains(balance, gains)
    assert gains[1] == pytest.approx(MOST_GAIN, rel=RELATIVE_TOLERANCE)
    assert gains.min() >= (1.0 - RELATIVE_TOLERANCE) / MOST_GAIN


def test_without_output_there_is_no_gain() -> None:
    gains = np.ones(3, np.float32)
    balance_gains(Balance.of(STYLE, RATE_HZ), gains)
    np.testing.assert_array_equal(gains, 1.0)


def test_what_is_to_be_paid_back_is_forgotten_and_the_rest_stays() -> None:
    balance = Balance.of(STYLE, RATE_HZ)
    run(balance, np.tile(STYLE, (60, 1)) * np.array([0.2, 1.0, 2.0], np.float32))
    lasting = balance.lasting.copy()
    assert np.abs(balance.lacking).max() > 0.1
    for _ in range(round(30.0 * RATE_HZ)):
        forget_lacking(balance)
    assert np.abs(balance.lacking).max() < 1e-3
    np.testing.assert_array_equal(balance.lasting, lasting)
