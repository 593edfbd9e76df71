from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx.audio import Waveform
from astfx.errors import InvalidSettingError
from astfx.frontends.stft import Stft
from astfx.phase import PHASE_METHODS, PhaseProblem, find_phase_method
from astfx.phase.griffin_lim import FAST_MOMENTUM, refine
from astfx.phase.pghi import HANN_GAMMA, pghi, phase_gradients
from tests.conftest import Load

TABLE_TOLERANCE_DB = 1.5
GRADIENT_TOLERANCE = 1e-3  # radians
ROUNDING = 1e-5  # relative, float32
LEAST_LEAD = 0.9  # correlation of the first free frame with the one that fixed frames ask for
STFT = Stft(n_fft=2048, hop_length=512, device=torch.device("cpu"))


def convergence_db(spectrogram: Tensor) -> float:
    """Spectral convergence: how far from consistent a spectrogram is (lower is better)."""
    again = STFT.forward(STFT.inverse(spectrogram)).abs()
    magnitude = spectrogram.abs()
    return float(20 * torch.log10((again - magnitude).norm() / magnitude.norm()))


def reconstruct(spectrogram: Tensor, start: str, n_iter: int, momentum: float) -> Tensor:
    magnitude = spectrogram.abs()
    if start == "pghi":
        angle = pghi(magnitude[0].numpy(), 2048, 512, np.random.default_rng(0))
    else:
        angle = np.random.default_rng(0).random(tuple(magnitude.shape[1:]), dtype=np.float32)
        angle *= np.float32(2 * np.pi)
    first = torch.polar(magnitude[0], torch.from_numpy(angle))[None]
    fixed = torch.zeros(1, 0, STFT.n_bins, dtype=torch.complex64)
    return refine(first, magnitude, fixed, STFT, n_iter=n_iter, momentum=momentum)


# Spectral convergence measured elsewhere for clips of the same three kinds, in dB.
TABLE = [
    ("pghi", 0, 0.0, {"music": -17.1, "speech": -20.2, "fire": -17.4}),
    ("random", 32, 0.0, {"music": -16.9, "speech": -18.4, "fire": -18.3}),
    ("random", 100, 0.0, {"music": -20.3, "speech": -23.9, "fire": -21.8}),
    ("random", 32, FAST_MOMENTUM, {"music": -22.7, "speech": -26.0, "fire": -23.3}),
    ("pghi", 4, FAST_MOMENTUM, {"music": -22.4, "speech": -26.8, "fire": -22.4}),
    ("pghi", 32, FAST_MOMENTUM, {"music": -28.0, "speech": -32.5, "fire": -26.6}),
]
CLIPS = {"music": "classic/imperial", "speech": "classic/gettysburg", "fire": "classic/fire"}


@pytest.mark.parametrize("kind", list(CLIPS))
def test_spectral_convergence_reaches_the_table(load: Load, kind: str) -> None:
    clip = torch.from_numpy(load(CLIPS[kind], seconds=8.0))
    spectrogram = STFT.analyse(clip)
    for start, n_iter, momentum, expected in TABLE:
        found = convergence_db(reconstruct(spectrogram, start, n_iter, momentum))
        assert found < expected[kind] + TABLE_TOLERANCE_DB, (start, n_iter, momentum)


def test_phase_gradients_follow_the_slopes_up_to_the_edges() -> None:
    """A magnitude that falls evenly in time and frequency has one slope everywhere.

    At the first and last frame the slope is taken from the one neighbour there is. At 0 Hz and
    at half the sample rate a real signal's spectrum is even, so its slope over bins is zero.
    """
    n_fft, hop_length, per_frame, per_bin = 64, 16, -0.2, 0.1
    frames, bins = np.arange(6)[:, None], np.arange(33)[None]
    magnitude = np.exp(per_frame * frames + per_bin * bins).astype(np.float32)
    time_gradient, frequency_gradient = phase_gradients(magnitude, n_fft, hop_length)
    gamma = HANN_GAMMA * n_fft**2
    over_bins = np.full(33, per_bin)
    over_bins[[0, -1]] = 0.0
    advance = hop_length * n_fft / gamma * over_bins + 2 * np.pi * hop_length / n_fft * bins
    np.testing.assert_allclose(time_gradient, np.tile(advance, (6, 1)), atol=GRADIENT_TOLERANCE)
    turn = -gamma / (hop_length * n_fft) * per_frame - np.pi
    np.testing.assert_allclose(frequency_gradient, turn, atol=GRADIENT_TOLERANCE)


def test_phase_gradients_of_a_single_frame_know_of_no_change_in_time() -> None:
    _, frequency_gradient = phase_gradients(np.ones((1, 33), np.float32), 64, 16)
    np.testing.assert_allclose(frequency_gradient, -np.pi, atol=GRADIENT_TOLERANCE)


def test_pghi_recovers_the_phase_of_a_tone() -> None:
    """Frame to frame the phase advances by 2 pi f hop, and the sign alternates over bins."""
    frequency = 100.3 / 2048
    tone = torch.cos(2 * torch.pi * frequency * torch.arange(30000))[None]
    magnitude = STFT.analyse(tone)[0].abs()[6:40]
    phase = pghi(magnitude.numpy(), 2048, 512, np.random.default_rng(0), tolerance=1e-3)
    advance = np.exp(1j * np.diff(phase[:, 100]))
    assert np.abs(np.angle(advance * np.exp(-2j * np.pi * frequency * 512))).max() < 0.05
    beside = np.exp(1j * (phase[:, 101] - phase[:, 100]))
    assert np.abs(np.angle(-beside)).max() < 0.1


def test_pghi_keeps_and_extends_known_phase(melody: Waveform) -> None:
    spectrogram = STFT.analyse(torch.from_numpy(melody))[0]
    magnitude, truth = spectrogram.abs().numpy(), spectrogram.angle().numpy()
    known = np.zeros(magnitude.shape, np.bool_)
    known[:20] = True
    phase = pghi(magnitude, 2048, 512, np.random.default_rng(0), phase=truth, known=known)
    np.testing.assert_array_equal(phase[:20], truth[:20])
    loud = magnitude[20] > 0.1 * magnitude[20].max()
    error = np.abs(np.angle(np.exp(1j * (phase[20] - truth[20]))))[loud]
    assert np.median(error) < 0.6  # radians; chance would be 1.57


def test_pghi_of_silence_is_finite() -> None:
    phase = pghi(np.zeros((5, 9), np.float32), 16, 4, np.random.default_rng(0))
    assert phase.shape == (5, 9)
    assert np.isfinite(phase).all()


def test_pghi_reaches_islands_and_single_frames() -> None:
    magnitude = np.zeros((40, 33), np.float32)
    magnitude[3:8, 4:9] = 1.0
    magnitude[30:33, 20:25] = 0.5
    first = pghi(magnitude, 64, 16, np.random.default_rng(0))
    second = pghi(magnitude, 64, 16, np.random.default_rng(0))
    np.testing.assert_array_equal(first, second)
    one = pghi(np.ones((1, 33), np.float32), 64, 16, np.random.default_rng(0))
    steps = np.angle(-np.exp(1j * np.diff(one[0])))
    assert np.abs(steps).max() < 1e-3


def test_griffin_lim_never_gets_worse(rain: Waveform) -> None:
    spectrogram = STFT.analyse(torch.from_numpy(rain))
    errors = [convergence_db(reconstruct(spectrogram, "random", n, 0.0)) for n in (0, 1, 4, 16)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_fixed_frames_lead_the_frames_that_follow(sign: float, melody: Waveform) -> None:
    """From a random start, the next frame finds the phase that continues the fixed ones."""
    truth = STFT.analyse(torch.from_numpy(melody))[:, 20:60]
    turns = torch.rand(truth.shape, generator=torch.Generator().manual_seed(0))
    start = torch.polar(truth.abs(), 2 * torch.pi * turns)
    fixed = sign * truth[:, :10]
    found = refine(start, truth.abs(), fixed, STFT, n_iter=30, momentum=FAST_MOMENTUM)
    lead = (found[0, 10] * truth[0, 10].conj()).real.sum() / truth[0, 10].abs().square().sum()
    assert sign * float(lead) > LEAST_LEAD


def problem(content: Tensor, magnitude: Tensor, n_fixed: int = 0, n_iter: int = 4) -> PhaseProblem:
    return PhaseProblem(
        magnitude=magnitude[0],
        content=content[0],
        fixed=content[0, :n_fixed],
        stft=STFT,
        n_iter=n_iter,
        rng=np.random.default_rng(0),
    )


@pytest.mark.parametrize("name", list(PHASE_METHODS))
def test_every_method_gives_the_magnitude_asked_for(name: str, melody: Waveform) -> None:
    content = STFT.analyse(torch.from_numpy(melody))
    magnitude = content.abs() * 1.7
    result = PHASE_METHODS[name].reconstruct(problem(content, magnitude))
    torch.testing.assert_close(result.abs(), magnitude[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", list(PHASE_METHODS))
def test_every_method_keeps_fixed_frames_and_repeats(name: str, melody: Waveform) -> None:
    content = STFT.analyse(torch.from_numpy(melody))
    asked = problem(content, content.abs(), n_fixed=8)
    first = PHASE_METHODS[name].reconstruct(asked)
    torch.testing.assert_close(first[:8], content[0, :8], rtol=1e-4, atol=1e-4)
    # They may have another phase than the content.
    turned = replace(asked, fixed=1j * content[0, :8])
    found = PHASE_METHODS[name].reconstruct(turned)
    torch.testing.assert_close(found[:8], 1j * content[0, :8], rtol=1e-4, atol=1e-4)
    again = PHASE_METHODS[name].reconstruct(problem(content, content.abs(), n_fixed=8))
    assert torch.equal(first, again)


def test_unchanged_magnitude_keeps_the_contents_phase(melody: Waveform) -> None:
    """The default phase method returns the content where nothing was changed."""
    content = STFT.analyse(torch.from_numpy(melody))
    result = PHASE_METHODS["pghi"].reconstruct(problem(content, content.abs()))
    assert float((result - content[0]).norm() / content.norm()) < 1e-3


def test_the_phase_method_content_keeps_every_phase(melody: Waveform) -> None:
    """Only the magnitude changes, by any gain in each bin, and nothing depends on iterations."""
    content = STFT.analyse(torch.from_numpy(melody))
    gain_db = 60.0 * torch.rand(content.shape, generator=torch.Generator().manual_seed(0)) - 30.0
    gain = 10.0 ** (gain_db / 20.0)
    reconstruct = PHASE_METHODS["content"].reconstruct
    found = reconstruct(problem(content, content.abs() * gain))
    torch.testing.assert_close(found, content[0] * gain[0], rtol=ROUNDING, atol=ROUNDING)
    more = reconstruct(problem(content, content.abs() * gain, n_iter=50))
    assert torch.equal(found, more)


def test_the_phase_method_content_takes_bins_without_a_phase() -> None:
    """Where the content is zero, the phase is zero; where zero is asked for, the result is zero."""
    content = torch.full((1, 4, STFT.n_bins), 0.5j, dtype=torch.complex64)
    content[0, 1] = 0.0
    magnitude = torch.full((1, 4, STFT.n_bins), 2.0)
    magnitude[0, 2] = 0.0
    found = PHASE_METHODS["content"].reconstruct(problem(content, magnitude))
    expected = torch.full((4, STFT.n_bins), 2.0j, dtype=torch.complex64)
    expected[1], expected[2] = 2.0, 0.0
    torch.testing.assert_close(found, expected, rtol=ROUNDING, atol=ROUNDING)


def test_fewer_seeds_start_no_worse_than_pghi_or_the_content(
    melody: Waveform, rain: Waveform
) -> None:
    """For small and large changes, seeding is about as good as the better of its two sources."""
    content, other = (STFT.analyse(torch.from_numpy(x)) for x in (melody, rain))
    n_frames = min(content.shape[1], other.shape[1])
    content, other = content[:, :n_frames], other[:, :n_frames]
    for share in (0.1, 0.9):
        magnitude = torch.expm1(torch.lerp(content.abs().log1p(), other.abs().log1p(), share))
        seeded = PHASE_METHODS["pghi"].reconstruct(problem(content, magnitude, n_iter=8))
        angle = pghi(magnitude[0].numpy(), 2048, 512, np.random.default_rng(0))
        found = []
        for start in (torch.from_numpy(angle)[None], content.angle()):
            first = torch.polar(magnitude, start)
            found.append(
                refine(first, magnitude, first[:, :0], STFT, n_iter=8, momentum=FAST_MOMENTUM)
            )
        assert convergence_db(seeded[None]) < min(convergence_db(s) for s in found) + 0.5


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InvalidSettingError, match="phase='x' must be one of pghi, fast-griffin"):
        find_phase_method("x")
