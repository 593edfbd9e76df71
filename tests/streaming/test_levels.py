"""Levels of a stream: means that forget, bursts that hardly count, a loudness that is kept."""

from __future__ import annotations

import numpy as np
import pytest

from astfx.streaming.levels import (
    FramePowerLimit,
    HopPower,
    LoudnessMatch,
    OutputLevel,
    RunningMean,
)

MOST_GAIN = 4.0
BURST = 80.0  # times the usual power
MOST_OF_USUAL = 8.0  # what a hop counts for at most
OVERLAP = 4


def test_a_running_mean_is_the_mean_and_then_forgets() -> None:
    mean = RunningMean(memory=4.0)
    for count, value in enumerate([1.0, 2.0, 6.0, 3.0], 1):
        mean.add(value)
        assert mean.value == pytest.approx([1.0, 1.5, 3.0, 3.0][count - 1])
    mean.add(7.0)
    assert mean.value == pytest.approx(4.0)  # a quarter of the way
    for _ in range(60):
        mean.add(9.0)
    assert mean.value == pytest.approx(9.0, abs=1e-6)


def steady(n_hops: int = 40) -> HopPower:
    power = HopPower(memory=200.0, overlap=OVERLAP)
    for _ in range(n_hops):
        power.add(1.0)
    return power


def test_a_burst_is_one_while_it_is_in_the_window_and_counts_for_little() -> None:
    power = steady()
    assert not power.burst
    power.add(1.01 * BURST)
    assert power.value == pytest.approx(1.0 + (MOST_OF_USUAL - 1.0) / 41.0)
    for _ in range(OVERLAP - 1):
        assert power.burst
        power.add(1.0)
    assert power.burst
    power.add(1.0)
    assert not power.burst


def test_what_is_loud_but_no_burst_is_learned_from() -> None:
    power = steady()
    power.add(0.99 * BURST)
    assert not power.burst


def test_a_lasting_rise_is_followed_when_it_has_the_median_of_the_latest() -> None:
    """Those are a twentieth of the memory, but at least twelve hops."""
    for memory, latest in ((200.0, 12), (400.0, 20)):
        power = HopPower(memory, OVERLAP)
        for _ in range(40):
            power.add(1.0)
        n_bursts = 0
        for _ in range(latest):
            power.add(1000.0)
            n_bursts += power.burst
            if not power.burst:
                break
        # Half of them have the upper median; the last burst before stays for a window.
        assert n_bursts == latest // 2 - 1 + OVERLAP - 1


def test_loudness_is_that_of_the_content() -> None:
    match = LoudnessMatch(16_000, 512, memory=50.0)
    content = np.square(np.random.default_rng(0).standard_normal(257)).astype(np.float32)
    for _ in range(10):
        match.add(content, 0.16 * content)
    assert match.gain == pytest.approx(2.5, rel=1e-4)
    match.add(content, content, scale=0.16)
    assert match.gain == pytest.approx(2.5, rel=1e-4)


@pytest.mark.parametrize(("power", "expected"), [(1e-6, MOST_GAIN), (1e6, 1.0 / MOST_GAIN)])
def test_gains_stay_within_four_either_way(power: float, expected: float) -> None:
    content = np.ones(257, np.float32)
    match = LoudnessMatch(16_000, 512, memory=50.0)
    match.add(content, np.float32(power) * content)
    assert match.gain == pytest.approx(expected)


def test_a_silent_output_has_no_gain() -> None:
    match = LoudnessMatch(16_000, 512, memory=50.0)
    match.add(np.ones(257, np.float32), np.zeros(257, np.float32))
    assert match.gain == 1.0


def test_loudness_is_weighted_as_it_is_heard() -> None:
    """At 50 Hz less than at 2 kHz, by what the filters of BS.1770 say."""
    gains = []
    for bin_hz in (50.0, 2000.0):
        content, output = (np.full(8001, 1e-12, np.float32) for _ in range(2))
        content[round(bin_hz)] = 1.0
        output[1000] = 1.0
        match = LoudnessMatch(16_000, 16_000, memory=50.0)
        match.add(content, output)
        gains.append(match.gain)
    assert gains[1] / gains[0] > 1.5


def test_a_frame_has_at_most_three_times_the_contents_power() -> None:
    limit = FramePowerLimit(memory=100.0)
    for _ in range(50):
        assert limit.gain(1.0, 2.9) == 1.0
    assert limit.gain(1.0, 12.0) == pytest.approx(0.5)
    # A quiet frame may be as loud as three times the mean, a loud one as three times itself.
    assert limit.gain(0.0, 12.0) == pytest.approx(0.5, rel=0.02)
    assert limit.gain(10.0, 120.0) == pytest.approx(0.5)


def test_the_output_is_brought_to_the_contents_loudness_and_limited() -> None:
    level = OutputLevel(16_000, 512, memory=100.0)
    content = np.ones(257, np.float32)
    for _ in range(60):
        gain = level.gain(content, 0.25 * content)
    assert gain == pytest.approx(2.0, rel=1e-3)
    burst = level.gain(content, 100.0 * content, learn=False)
    assert burst**2 * 100.0 == pytest.approx(3.0, rel=1e-3)
    assert level.gain(content, 0.25 * content) == pytest.approx(gain, rel=1e-3)
