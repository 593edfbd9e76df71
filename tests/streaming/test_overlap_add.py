from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.dsp.windows import asymmetric_windows, hann
from astfx.streaming.overlap_add import (
    MOST_IN_ALL,
    MOST_OF_FRAME,
    OverlapAdd,
    analyse,
    give_hop,
    synthesise,
    take_hop,
)

TOLERANCE = 1e-5
NO_PEAK = 1e9  # so high that nothing is turned down

Array = npt.NDArray[np.float32]


def through(frames: OverlapAdd, clip: Array, gain: float = 1.0, peak: float = NO_PEAK) -> Array:
    """A clip that is analysed and overlap-added, with one gain of all bins."""
    gains = np.full(frames.real.shape[1], gain, np.float32)
    output = np.empty_like(clip)
    for i in range(clip.shape[1] // frames.hop_length):
        take_hop(frames, clip, i)
        analyse(frames)
        synthesise(frames, gains, peak)
        give_hop(frames, i, output)
    return output


@pytest.mark.parametrize(("n_fft", "n_synthesis"), [(512, 128), (512, 256), (96, 24), (480, 478)])
def test_windows_multiply_to_a_short_hann_window(n_fft: int, n_synthesis: int) -> None:
    analysis, synthesis = asymmetric_windows(n_fft, n_synthesis)
    product = analysis.astype(np.float64) * synthesis
    np.testing.assert_allclose(product[-n_synthesis:], hann(n_synthesis), atol=1e-6)
    assert not product[:-n_synthesis].any()


def test_the_analysis_window_rises_slowly_and_falls_quickly() -> None:
    analysis, _ = asymmetric_windows(512, 128)
    top = int(analysis.argmax())
    assert top == 512 - 64
    assert (np.diff(analysis[: top + 1]) >= 0.0).all()
    assert (np.diff(analysis[top:]) <= 0.0).all()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("n_synthesis", "hop_length"), [(128, 64), (256, 64), (256, 32), (320, 64)]
)
def test_unchanged_spectra_give_the_input_back_after_the_delay(
    channels: int, n_synthesis: int, hop_length: int
) -> None:
    clip = np.random.default_rng(0).standard_normal((channels, 4096)).astype(np.float32)
    windows = asymmetric_windows(512, n_synthesis)
    frames = OverlapAdd.of(channels, hop_length, *windows, n_synthesis)
    output = through(frames, clip)
    delay = frames.delay_samples
    assert delay == n_synthesis - hop_length
    np.testing.assert_allclose(output[:, delay:], clip[:, : -delay or None], atol=TOLERANCE)


def test_loud_frames_are_turned_down_to_the_limits() -> None:
    clip = np.random.default_rng(3).standard_normal((1, 2048)).astype(np.float32)
    free, limited = (OverlapAdd.of(1, 64, *asymmetric_windows(512, 128), 128) for _ in range(2))
    peak = 1.5
    loud, output = through(free, clip, 9.0), through(limited, clip, 9.0, peak)
    assert np.abs(loud).max() > 9.0
    assert np.abs(output).max() <= MOST_IN_ALL * peak + TOLERANCE
    assert np.quantile(np.abs(output), 0.95) < MOST_OF_FRAME * peak
