from __future__ import annotations

import numpy as np
import pytest

from astfx.audio import Waveform
from astfx.styles.excerpts import MAX_PIECES, excerpts, pieces

RATE = 8000


def noise(seconds: float, seed: int = 0) -> Waveform:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((1, round(seconds * RATE))).astype(np.float32) * np.float32(0.1)


def tone(seconds: float, frequency_hz: float) -> Waveform:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * frequency_hz * time).astype(np.float32)[None] * np.float32(0.1)


def test_a_short_style_is_used_whole() -> None:
    style = noise(20.0)
    assert [part is style for part in excerpts(style, RATE)] == [True]
    assert [part is style for part in pieces(style, RATE)] == [True]


@pytest.mark.parametrize("seconds", [20.5, 65.3, 200.0])
def test_excerpts_of_a_long_style_are_twenty_seconds_in_the_order_of_time(seconds: float) -> None:
    style = noise(seconds)
    parts = excerpts(style, RATE)
    assert sum(part.shape[1] for part in parts) == 20 * RATE
    whole = style[0].tolist()
    starts = [whole.index(part[0, 0]) for part in parts]
    assert starts == sorted(starts)
    assert all(start % RATE == 0 for start in starts)
    for start, part in zip(starts, parts, strict=True):
        np.testing.assert_array_equal(part, style[:, start : start + part.shape[1]])


def test_sounds_are_taken_by_their_share_wherever_they_are() -> None:
    """Thirty of forty seconds are noise; five are one tone and five another."""
    style = np.concatenate(
        [noise(15.0), tone(5.0, 300.0), noise(15.0, seed=1), tone(5.0, 2000.0)], axis=1
    )
    windows = style.reshape(-1, RATE)
    seconds = dict.fromkeys(["noise", "low", "high"], 0)
    names = np.repeat(["noise", "low", "noise", "high"], [15, 5, 15, 5])
    for window in np.concatenate(excerpts(style, RATE), axis=1).reshape(-1, RATE):
        # Windows of a tone are alike; any of them tells which tone it is.
        (places,) = np.nonzero((windows == window).all(axis=1))
        seconds[str(names[places[0]])] += 1
    # Their shares of twenty seconds, rounded.
    assert seconds == {
        "noise": pytest.approx(15.0, abs=1.0),
        "low": pytest.approx(2.5, abs=0.5),
        "high": pytest.approx(2.5, abs=0.5),
    }


def test_silence_is_left_out() -> None:
    style = np.zeros((1, 100 * RATE), np.float32)
    style[:, 5 * RATE : 9 * RATE] = noise(4.0)
    (part,) = excerpts(style, RATE)
    np.testing.assert_array_equal(part, style[:, 5 * RATE : 9 * RATE])
    assert len(pieces(style, RATE)) == 1


def test_a_silent_style_is_one_window() -> None:
    assert len(excerpts(np.zeros((2, 30 * RATE), np.float32), RATE)) == 1


def test_pieces_are_spread_over_a_long_style() -> None:
    style = noise(300.0)
    found = pieces(style, RATE)
    assert [piece.shape[1] for piece in found] == MAX_PIECES * [10 * RATE]
    np.testing.assert_array_equal(found[0], style[:, : 10 * RATE])
    np.testing.assert_array_equal(found[-1], style[:, -10 * RATE :])


def test_the_same_style_gives_the_same_excerpts() -> None:
    style = noise(45.0)
    for first, second in zip(excerpts(style, RATE), excerpts(style, RATE), strict=True):
        np.testing.assert_array_equal(first, second)
