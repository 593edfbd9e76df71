"""Levels of a stream: means that forget, bursts that hardly count, a loudness that is kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.streaming.levels import (
    HeldPeak,
    HopPower,
    OutputLevel,
    RunningMean,
    add_power,
    add_to_mean,
    frame_limit,
    hold_peak,
    in_burst,
    output_gain,
)

MOST_GAIN = 4.0
BURST = 80.0  # times the usual power
MOST_OF_USUAL = 8.0  # what a hop counts for at most
OVERLAP = 4

Array = npt.NDArray[np.float32]


def test_a_running_mean_is_the_mean_and_then_forgets() -> None:
    mean = RunningMean.of(memory=4.0)
    for count, value in enumerate([1.0, 2.0, 6.0, 3.0], 1):
        add_to_mean(mean, value)
        assert mean.value[0] == pytest.approx([1.0, 1.5, 3.0, 3.0][count - 1])
    add_to_mean(mean, 7.0)
    assert mean.value[0] == pytest.approx(4.0)  # a quarter of the way
    for _ in range(60):
        add_to_mean(mean, 9.0)
    assert mean.value[0] == pytest.approx(9.0, abs=1e-6)


def steady(n_hops: int = 40) -> HopPower:
    power = HopPower.of(memory=200.0, overlap=OVERLAP)
    for _ in range(n_hops):
        add_power(power, 1.0)
    return power


def test_a_burst_is_one_while_it_is_in_the_window_and_counts_for_little() -> None:
    power = steady()
    assert not in_burst(power)
    add_power(power, 1.01 * BURST)
    assert power.mean.value[0] == pytest.approx(1.0 + (MOST_OF_USUAL - 1.0) / 41.0)
    for _ in range(OVERLAP - 1):
        assert in_burst(power)
        add_power(power, 1.0)
    assert in_burst(power)
    add_power(power, 1.0)
    assert not in_burst(power)


def test_what_is_loud_but_no_burst_is_learned_from() -> None:
    power = steady()
    add_power(power, 0.99 * BURST)
    assert not in_burst(power)


def test_a_lasting_rise_is_followed_when_it_has_the_median_of_the_latest() -> None:
    """Those are a twentieth of the memory, but at least twelve hops."""
    for memory, latest in ((200.0, 12), (400.0, 20)):
        power = HopPower.of(memory, OVERLAP)
        for _ in range(40):
            add_power(power, 1.0)
        n_bursts = 0
        for _ in range(latest):
            add_power(power, 1000.0)
            n_bursts += in_burst(power)
            if not in_burst(power):
                break
        # Half of them have the upper median; the last burst before stays for a window.
        assert n_bursts == latest // 2 - 1 + OVERLAP - 1


def test_the_latest_powers_are_kept_in_order() -> None:
    """With equal values among them, as in silence."""
    power, rng = HopPower.of(memory=200.0, overlap=OVERLAP), np.random.default_rng(3)
    given: list[float] = []
    for _ in range(200):
        given.append(float(rng.integers(0, 6)))
        add_power(power, given[-1])
        n = min(len(given), 12)
        np.testing.assert_array_equal(power.ordered[:n], np.sort(given[-n:]))


def noise_power() -> Array:
    return np.square(np.random.default_rng(0).standard_normal(257)).astype(np.float32)


def level_after(content: Array, gain: float, n_frames: int = 10) -> tuple[OutputLevel, float]:
    """The level, and the gain of the last of some frames with one gain of all bins."""
    level, found = OutputLevel.of(16_000, 512, memory=300.0), 1.0
    gains = np.full(len(content), gain, np.float32)
    for _ in range(n_frames):
        found = output_gain(level, content, gains, True)
    return level, found


def test_loudness_is_that_of_the_content() -> None:
    assert level_after(noise_power(), 0.4)[1] == pytest.approx(2.5, rel=1e-4)


@pytest.mark.parametrize(("gain", "expected"), [(1e-3, MOST_GAIN), (0.2, MOST_GAIN)])
def test_the_gain_is_four_at_most(gain: float, expected: float) -> None:
    assert level_after(np.ones(257, np.float32), gain)[1] == pytest.approx(expected)


def test_the_gain_is_a_quarter_at_least() -> None:
    """Of what the limit leaves: without it, the frame would have a hundred times the power."""
    level, ones = OutputLevel.of(16_000, 512, memory=300.0), np.ones(257, np.float32)
    level.content.value[0], level.output.value[0] = 1.0, 1e6
    assert output_gain(level, ones, ones, False) == pytest.approx(1.0 / MOST_GAIN)


def test_a_silent_output_has_no_gain() -> None:
    assert level_after(np.ones(257, np.float32), 0.0)[1] == 1.0


def test_loudness_is_weighted_as_it_is_heard() -> None:
    """At 50 Hz less than at 2 kHz, by what the filters of BS.1770 say."""
    gains = []
    for bin_hz in (50, 2000):
        level = OutputLevel.of(16_000, 16_000, memory=300.0)
        content, gain = np.full(8001, 1e-12, np.float32), np.zeros(8001, np.float32)
        content[[bin_hz, 1000]] = 1.0
        gain[1000] = 1.0
        for _ in range(2):
            found = output_gain(level, content, gain, True)
        gains.append(found)
    assert gains[1] / gains[0] > 1.15


def test_a_frame_has_at_most_three_times_the_contents_power() -> None:
    mean = RunningMean.of(memory=100.0)
    for _ in range(50):
        assert frame_limit(mean, 1.0, 2.9) == 1.0
    assert frame_limit(mean, 1.0, 12.0) == pytest.approx(0.5)
    # A quiet frame may be as loud as three times the mean, a loud one as three times itself.
    assert frame_limit(mean, 0.0, 12.0) == pytest.approx(0.5, rel=0.02)
    assert frame_limit(mean, 10.0, 120.0) == pytest.approx(0.5)


def test_the_output_is_brought_to_the_contents_loudness_and_limited() -> None:
    content = np.ones(257, np.float32)
    level, gain = level_after(content, 0.5, n_frames=60)
    assert gain == pytest.approx(2.0, rel=1e-3)
    burst = output_gain(level, content, np.full(257, 10.0, np.float32), False)
    assert burst**2 * 100.0 == pytest.approx(3.0, rel=1e-3)
    again = output_gain(level, content, np.full(257, 0.5, np.float32), True)
    assert again == pytest.approx(gain, rel=1e-3)


def test_a_peak_is_held_and_fades() -> None:
    peaks = HeldPeak.of(memory=10.0)
    assert hold_peak(peaks, 0.5) == 0.5
    found = [hold_peak(peaks, 0.1) for _ in range(10)]
    assert found[-1] == pytest.approx(0.5 / np.e)
    assert hold_peak(peaks, 0.7) == 0.7
