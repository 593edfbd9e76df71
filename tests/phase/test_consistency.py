"""Griffin & Lim's two forms and Le Roux's local sums, compared with their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx.audio import Waveform
from astfx.frontends.stft import Stft
from astfx.phase import PHASE_METHODS, PhaseProblem
from astfx.phase.local_sums import REACH_BINS, consistency_kernel, consistent_bins

CPU = torch.device("cpu")
SMALL = Stft(n_fft=64, hop_length=16, device=CPU)
STFT = Stft(n_fft=2048, hop_length=512, device=CPU)
ROUNDING = 1e-5  # relative, float32
TRUNCATION = 0.01  # relative: what neighbours beyond five bins contribute


def random_spectrogram(stft: Stft, n_frames: int) -> Tensor:
    """A spectrogram that is not the STFT of any signal."""
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(2, n_frames, stft.n_bins, generator=generator)
    parts[1, :, 0] = parts[1, :, -1] = 0.0
    return torch.complex(parts[0], parts[1])


def inconsistency_db(spectrogram: Tensor, stft: Stft = STFT) -> float:
    again = stft.forward(stft.inverse(spectrogram)).abs()
    magnitude = spectrogram.abs()
    return float(20 * torch.log10((again - magnitude).norm() / magnitude.norm()))


def solve(name: str, spectrogram: Tensor, n_iter: int) -> Tensor:
    return PHASE_METHODS[name].reconstruct(
        PhaseProblem(
            magnitude=spectrogram.abs(),
            content=spectrogram,
            fixed=spectrogram[:0],
            stft=STFT,
            n_iter=n_iter,
            rng=np.random.default_rng(0),
        )
    )


@pytest.mark.parametrize("overlap", [4, 8])
def test_both_inverses_undo_the_transform(overlap: int) -> None:
    stft = Stft(n_fft=64, hop_length=64 // overlap, device=CPU)
    waveform = torch.randn(1, 1000, generator=torch.Generator().manual_seed(1))
    spectrogram = stft.analyse(waveform)
    left = stft.n_fft - stft.hop_length
    for inverse in (stft.inverse, stft.inverse_unweighted):
        found = inverse(spectrogram)[:, left : left + 1000]
        torch.testing.assert_close(found, waveform, rtol=0, atol=1e-5)


def test_least_squares_is_the_nearest_consistent_spectrogram() -> None:
    """Of all signals, LSEE's has the nearest STFT; OA's is further away."""
    asked = random_spectrogram(SMALL, 40)

    def distance(waveform: Tensor) -> float:
        # The waveform covers every frame in full, so no frame is left out.
        weight = torch.ones(SMALL.n_bins)
        weight[1:-1] = 2.0  # both halves of the spectrum
        error = SMALL.forward(waveform) - asked
        return float((error.abs().square() * weight).sum())

    best = SMALL.inverse(asked)
    middle = slice(SMALL.n_fft, -SMALL.n_fft)
    generator = torch.Generator().manual_seed(2)
    for _ in range(5):
        other = best.clone()
        other[middle] += 1e-2 * torch.randn(other[middle].shape, generator=generator)
        assert distance(other) > distance(best)
    other = best.clone()
    other[middle] = SMALL.inverse_unweighted(asked)[middle]
    assert distance(other) > distance(best)


def test_least_squares_ends_nearer_than_overlap_add(melody: Waveform, rain: Waveform) -> None:
    """Figure 4 of the paper: after many iterations LSEE-MSTFTM has the smaller distance."""
    for clip in (melody, rain):
        spectrogram = STFT.analyse(torch.from_numpy(clip[:, : 2 * 22050]))[0]
        nearer = inconsistency_db(solve("griffin-lim", spectrogram, 60))
        assert nearer < inconsistency_db(solve("oa-griffin-lim", spectrogram, 60)) - 1.0


def test_all_weights_together_are_the_transform_and_its_inverse() -> None:
    spectrogram = random_spectrogram(SMALL, 9)
    expected = SMALL.forward(SMALL.inverse(spectrogram)).numpy()
    for reach, tolerance in ((31, ROUNDING), (REACH_BINS, TRUNCATION)):
        found = consistent_bins(spectrogram.numpy(), SMALL, reach_bins=reach)
        assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected)


def test_weights_of_the_same_frame_are_those_of_the_squared_window() -> None:
    """Hann squared has five coefficients, 3/8, -1/4 and 1/16, over the sum 3/8 * 4."""
    kernel = consistency_kernel(64, 16, 5)[0, 3].real * 1.5
    expected = np.zeros(11)
    expected[5], expected[[4, 6]], expected[[3, 7]] = 3 / 8, -1 / 4, 1 / 16
    np.testing.assert_allclose(kernel, expected, atol=1e-12)


def test_local_sums_beat_griffin_lim_for_as_many_iterations(
    melody: Waveform, rain: Waveform
) -> None:
    for clip in (melody, rain):
        spectrogram = STFT.analyse(torch.from_numpy(clip[:, : 2 * 22050]))[0]
        found = inconsistency_db(solve("local-sums", spectrogram, 40))
        assert found < inconsistency_db(solve("griffin-lim", spectrogram, 40))
        assert found < inconsistency_db(solve("local-sums", spectrogram, 5)) - 3.0


def test_local_sums_keep_a_consistent_phase(melody: Waveform) -> None:
    """The phase of a real signal is a fixed point, apart from the neighbours left out."""
    spectrogram = STFT.analyse(torch.from_numpy(melody))[0]
    found = consistent_bins(spectrogram.numpy(), STFT, reach_bins=REACH_BINS)
    loud = spectrogram.abs().numpy() > 1e-2 * float(spectrogram.abs().max())
    turn = np.angle(found[loud] * np.conj(spectrogram.numpy()[loud]))
    assert np.abs(turn).max() < 0.1
