from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.linalg

from astfx.features import monge
from astfx.features.monge import (
    HIGHEST_HZ,
    MOST_LOG_GAIN,
    N_BANDS,
    GainMap,
    RunningGaussian,
    add_vector,
    band_gains,
    band_levels,
    band_weights,
    bin_weights,
    monge_map,
)

N_FFT, RATE = 1024, 22050
RATE_TOLERANCE = 0.02  # nepers, of the same spectrum on grids of different rates

Matrix = npt.NDArray[np.float64]


def covariance(dims: int, seed: int) -> Matrix:
    root = np.random.default_rng(seed).standard_normal((dims, 2 * dims))
    return root @ root.T / (2 * dims)


def regularised(matrix: Matrix) -> Matrix:
    mean = np.diagonal(matrix).mean()
    return np.asarray(matrix + monge._REGULARISATION * mean * np.eye(len(matrix)))


@pytest.mark.parametrize("dims", [1, 3, 20, N_BANDS])
def test_map_turns_one_covariance_into_the_other(dims: int) -> None:
    content, style = covariance(dims, 0), covariance(dims, 1)
    t = monge_map(content, style)
    np.testing.assert_allclose(t @ regularised(content) @ t.T, regularised(style), atol=1e-9)


def test_map_is_the_optimal_one() -> None:
    """It is symmetric and positive, like the gradient of a convex function; others are not."""
    content, style = covariance(6, 2), covariance(6, 3)
    t = monge_map(content, style)
    np.testing.assert_allclose(t, t.T, atol=1e-10)
    assert np.linalg.eigvalsh(t).min() > 0.0
    a, b = regularised(content), regularised(style)
    root = scipy.linalg.sqrtm(a)
    cross = scipy.linalg.sqrtm(root @ b @ root).real
    # The closed form of the squared Wasserstein distance against the cost of this map.
    distance = np.trace(a + b - 2.0 * cross)
    cost = np.trace((t - np.eye(6)) @ a @ (t - np.eye(6)).T)
    assert cost == pytest.approx(distance, rel=1e-9)


def test_map_between_equal_gaussians_is_the_identity() -> None:
    same = covariance(12, 4)
    np.testing.assert_allclose(monge_map(same, same), np.eye(12), atol=1e-9)


def test_map_survives_singular_covariances() -> None:
    content = np.ones((5, 5))
    for style in (np.zeros((5, 5)), np.ones((5, 5)), np.eye(5)):
        assert np.isfinite(monge_map(content, style)).all()
        assert np.isfinite(monge_map(style, content)).all()


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100, 96000])
def test_each_bands_weights_sum_to_one_and_so_do_each_bins(sample_rate: int) -> None:
    bands, bins = band_weights(sample_rate, N_FFT), bin_weights(sample_rate, N_FFT)
    np.testing.assert_allclose(bands.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(bins.sum(axis=0), 1.0, atol=1e-5)
    assert bands.shape == bins.shape
    assert (len(bands) == N_BANDS) == (sample_rate / 2 >= HIGHEST_HZ)


def test_bands_do_not_depend_on_the_sample_rate() -> None:
    """The same smooth spectrum gives the same levels on grids of any rate."""

    def levels(sample_rate: int) -> npt.NDArray[np.float32]:
        n_fft = 4096 * sample_rate // 22050
        frequency = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
        magnitude = 1.0 + np.cos(frequency / 900.0) ** 2
        found: npt.NDArray[np.float32] = band_levels(
            magnitude[None].astype(np.float32), sample_rate
        )[0]
        return found

    first = levels(22050)
    for sample_rate in (44100, 88200):
        # The last band reaches past the lower Nyquist frequency.
        shared = len(first) - 1
        np.testing.assert_allclose(
            levels(sample_rate)[:shared], first[:shared], atol=RATE_TOLERANCE
        )


def test_running_gaussian_is_mean_and_covariance() -> None:
    """Without forgetting and with a negligible prior, they are those of all vectors."""
    rng = np.random.default_rng(5)
    vectors = rng.standard_normal((4000, 3)) @ np.diag([1.0, 2.0, 3.0]) + [1.0, 2.0, 3.0]
    running = RunningGaussian.of(np.zeros(3), np.eye(3), memory=1e9, prior=1e-9)
    for vector in vectors:
        add_vector(running, vector.astype(np.float32))
    np.testing.assert_allclose(running.mean, vectors.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(running.covariance, np.cov(vectors.T, bias=True), atol=1e-3)


def test_running_gaussian_forgets() -> None:
    running = RunningGaussian.of(np.zeros(1), np.eye(1), memory=20.0)
    for _ in range(400):
        add_vector(running, np.array([10.0], np.float32))
    assert running.mean[0] == pytest.approx(10.0, abs=1e-6)
    assert running.covariance[0, 0] == pytest.approx(0.0, abs=1e-6)


def stream(seed: int, scale: float, n: int = 3000) -> npt.NDArray[np.float32]:
    """Magnitudes of log-normal bands, (frames, bins)."""
    rng = np.random.default_rng(seed)
    steps = scale * rng.standard_normal((n, 20)) @ rng.standard_normal((20, N_FFT // 2 + 1)) / 4.5
    return np.exp(steps + np.linspace(2.0, -2.0 * scale, N_FFT // 2 + 1)).astype(np.float32)


def gain_map(levels: npt.NDArray[np.float32], sample_rate: int, memory: float) -> GainMap:
    covariance_of_levels = np.cov(levels.T).astype(np.float32)
    mean = levels.mean(axis=0)
    return GainMap.of(mean, covariance_of_levels, sample_rate, N_FFT, memory, round(memory / 40))


def gain_of(
    gains: GainMap, magnitude: npt.NDArray[np.float32], *, learn: bool = True
) -> npt.NDArray[np.float32]:
    """Gain of a frame, (bins,), as an engine gets it."""
    found = np.empty_like(magnitude)
    band_gains(gains, magnitude, learn, found)
    return found


def test_gains_give_the_styles_means_and_spreads() -> None:
    style, content = stream(1, 0.6), stream(2, 0.3)
    wanted = band_levels(style, RATE)
    gains = gain_map(wanted, RATE, 2000.0)
    output = np.stack([frame * gain_of(gains, frame) for frame in content])
    found, before = band_levels(output[1000:], RATE), band_levels(content[1000:], RATE)
    for statistic, share in ((np.mean, 0.3), (np.std, 0.7)):
        aim = statistic(wanted, axis=0)
        error = np.abs(statistic(found, axis=0) - aim).mean()
        assert error < share * np.abs(statistic(before, axis=0) - aim).mean()


def test_gains_are_one_for_a_stream_that_is_the_style() -> None:
    style = stream(1, 0.5)
    levels = band_levels(style, RATE)
    gains = gain_map(levels, RATE, 2000.0)
    found = np.stack([gain_of(gains, frame) for frame in style])
    assert np.abs(np.log(found[1000:])).mean() < 0.1


def test_gains_are_bounded_and_silence_teaches_nothing() -> None:
    style = stream(1, 0.5)
    levels = band_levels(style, RATE)
    gains = gain_map(levels, RATE, 200.0)
    first = gain_of(gains, style[0], learn=False)
    silence = np.zeros(N_FFT // 2 + 1, np.float32)
    for _ in range(50):
        quiet = gain_of(gains, silence, learn=False)
    assert np.isfinite(quiet).all()
    assert np.abs(np.log(quiet)).max() <= MOST_LOG_GAIN + 1e-4
    np.testing.assert_array_equal(gain_of(gains, style[0], learn=False), first)
    gain_of(gains, style[1])
    assert not np.array_equal(gain_of(gains, style[0], learn=False), first)


def test_a_map_is_that_of_the_covariance_three_frames_ago() -> None:
    """Frames that teach nothing do not count, and the next map is not begun before."""
    style, content = stream(1, 0.5), stream(2, 0.5, 60)
    levels = band_levels(style, RATE)
    every, steps = 10, monge._MAP_STEPS
    gains = gain_map(levels, RATE, 40.0 * every)
    covariances, maps = [], []
    for frame in content:
        gain_of(gains, frame)
        covariances.append(gains.content.covariance.copy())
        maps.append(gains.map.copy())
        gain_of(gains, frame, learn=False)
    np.testing.assert_array_equal(maps[every + steps - 3], np.eye(len(gains.map)))
    for n in range(3):
        begun = every * (n + 1) - 1
        wanted = monge_map(covariances[begun], gains.style_covariance)
        for place in range(begun + steps - 1, begun + every + steps - 1):
            np.testing.assert_array_equal(maps[place], wanted)


def test_bands_beyond_the_contents_nyquist_frequency_are_left_out() -> None:
    levels = band_levels(stream(1, 0.5), 44100)
    gains = gain_map(levels, 16000, 200.0)
    for frame in stream(2, 0.5, 20):
        assert np.isfinite(gain_of(gains, frame)).all()
