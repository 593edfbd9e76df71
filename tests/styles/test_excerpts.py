from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from astfx.audio import ArraySource, Waveform
from astfx.errors import InvalidAudioError
from astfx.styles.excerpts import MAX_PIECES, StyleParts, read_pieces

RATE = 8000


def parts_of(style: Waveform) -> StyleParts:
    return StyleParts.of(ArraySource(style, RATE, "style"))


def excerpts(style: Waveform) -> list[Waveform]:
    return parts_of(style).excerpts


def pieces(style: Waveform) -> list[Waveform]:
    return parts_of(style).pieces


def noise(seconds: float, seed: int = 0) -> Waveform:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((1, round(seconds * RATE))).astype(np.float32) * np.float32(0.1)


def tone(seconds: float, frequency_hz: float) -> Waveform:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * frequency_hz * time).astype(np.float32)[None] * np.float32(0.1)


def test_a_short_style_is_used_whole() -> None:
    style = noise(20.0)
    for (part,) in (excerpts(style), pieces(style)):
        np.testing.assert_array_equal(part, style)


@pytest.mark.parametrize("seconds", [20.5, 65.3, 200.0])
def test_excerpts_of_a_long_style_are_twenty_seconds_in_the_order_of_time(seconds: float) -> None:
    style = noise(seconds)
    parts = excerpts(style)
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
    for window in np.concatenate(excerpts(style), axis=1).reshape(-1, RATE):
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
    (part,) = excerpts(style)
    np.testing.assert_array_equal(part, style[:, 5 * RATE : 9 * RATE])
    assert len(pieces(style)) == 1


def test_a_silent_style_is_one_window() -> None:
    assert len(excerpts(np.zeros((2, 30 * RATE), np.float32))) == 1


def test_pieces_are_spread_over_a_long_style() -> None:
    style = noise(300.0)
    found = pieces(style)
    assert [piece.shape[1] for piece in found] == MAX_PIECES * [10 * RATE]
    np.testing.assert_array_equal(found[0], style[:, : 10 * RATE])
    np.testing.assert_array_equal(found[-1], style[:, -10 * RATE :])


def test_the_same_style_gives_the_same_excerpts() -> None:
    style = noise(45.0)
    for first, second in zip(excerpts(style), excerpts(style), strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_parts_do_not_depend_on_the_blocks_in_which_the_style_is_read() -> None:
    style = np.concatenate([noise(31.7), tone(20.0, 440.0), noise(13.1, seed=3)], axis=1)
    style = np.concatenate([style, style[:, ::-1]])

    class Blocks(ArraySource):
        def blocks(self, block_samples: int = 777) -> Iterator[Waveform]:
            return super().blocks(777)

    plain, other = parts_of(style), StyleParts.of(Blocks(style, RATE, "style"))
    for first, second in ((plain.excerpts, other.excerpts), (plain.pieces, other.pieces)):
        assert len(first) == len(second)
        for one, same in zip(first, second, strict=True):
            np.testing.assert_array_equal(one, same)


def test_a_sample_that_is_not_finite_is_found_in_a_long_style() -> None:
    style = noise(60.0)
    style[0, 45 * RATE] = np.nan
    with pytest.raises(InvalidAudioError, match=r"style holds nan at 45.000 seconds \(channel 1\)"):
        parts_of(style)


def test_memory_does_not_depend_on_the_length_of_the_style() -> None:
    """A style of 40 minutes would take 77 MB as a whole. Its parts are 140 seconds."""

    class Long(ArraySource):
        def blocks(self, block_samples: int = 0) -> Iterator[Waveform]:
            for start in range(240):
                yield np.roll(self.waveform, 100 * start, axis=1)

    source = Long(noise(10.0), RATE, "style")
    parts_of(noise(30.0))  # imports
    tracemalloc.start()
    try:
        found = StyleParts.of(source)
        taken = tracemalloc.get_traced_memory()[1] / 1e6
        read_pieces(source, 3)
        assert tracemalloc.get_traced_memory()[1] / 1e6 == pytest.approx(taken, abs=5.0)
    finally:
        tracemalloc.stop()
    assert sum(part.shape[1] for part in found.excerpts + found.pieces) == 140 * RATE
    assert taken < 20.0


def test_a_few_pieces_are_read_in_a_row() -> None:
    style = noise(300.0)
    found = read_pieces(ArraySource(style, RATE, "style"), 3)
    middle = style[:, 140 * RATE : 150 * RATE]
    np.testing.assert_array_equal(found[:, 10 * RATE : 20 * RATE], middle)
    assert found.shape == (1, 30 * RATE)
    short = noise(4.0)
    np.testing.assert_array_equal(read_pieces(ArraySource(short, RATE, "style"), 3), short)
