from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors
from astfx.metrics import artefacts

Signal = npt.NDArray[np.float64]

RATE = 22050
GAUSSIAN_MEAN_OVER_MEDIAN_DB = 3.42  # of a squared Gaussian, 1 / 0.4549
EXACT_DB = 1e-9


def test_convergence_is_the_relative_error_in_db() -> None:
    requested = np.full((2, 5, 7), 2.0)
    assert artefacts.spectral_convergence_db(requested, requested * 1.1) == pytest.approx(-20.0)
    assert artefacts.spectral_convergence_db(requested, np.zeros((2, 5, 7))) == pytest.approx(0.0)
    assert artefacts.spectral_convergence_db(requested, requested) == artefacts.LOWEST_DB


def test_convergence_refuses_other_shapes_and_silence() -> None:
    with pytest.raises(
        errors.InvalidAudioError,
        match=re.escape("requested magnitudes have shape (2, 3), realised ones (2, 4)"),
    ):
        artefacts.spectral_convergence_db(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(errors.InvalidAudioError, match="requested magnitudes are all zero"):
        artefacts.spectral_convergence_db(np.zeros((2, 3)), np.ones((2, 3)))


def test_clipping_is_the_share_at_or_beyond_full_scale() -> None:
    waveform = np.array([[0.5, 1.0, -1.0, 0.999], [0.0, 1.5, 0.0, 0.0]])
    assert artefacts.clipping_share(waveform) == pytest.approx(3 / 8)
    assert artefacts.clipping_share(waveform, ceiling=0.5) == pytest.approx(5 / 8)
    with pytest.raises(errors.InvalidSettingError, match=re.escape("ceiling=0 must be above 0")):
        artefacts.clipping_share(waveform, ceiling=0)


def test_non_finite_samples_are_counted() -> None:
    assert artefacts.non_finite_count(np.array([0.0, np.nan, -np.inf, 1.0])) == 2
    assert artefacts.non_finite_count(np.zeros((2, 9), dtype=np.float32)) == 0


def test_a_step_at_a_border_is_found_in_db() -> None:
    ramp = np.arange(1000.0) * 1e-3  # every difference is 1e-3
    ramp[500:] += 1.0 - 1e-3  # this one is 1
    assert artefacts.border_excess_db(ramp, [500]) == pytest.approx(60.0, abs=EXACT_DB)
    assert artefacts.border_excess_db(np.stack([ramp, ramp]), [500]) == pytest.approx(60.0)
    assert artefacts.border_excess_db(ramp, [499]) == pytest.approx(0.0, abs=1e-6)
    halved = 60.0 - 10 * np.log10(2.0)
    assert artefacts.border_excess_db(ramp, [500, 600]) == pytest.approx(halved, abs=1e-4)


def test_borders_in_noise_have_the_baseline_of_a_gaussian(random: np.random.Generator) -> None:
    waveform = random.standard_normal(200_000)
    found = artefacts.border_excess_db(waveform, range(20, 200_000, 20))
    assert found == pytest.approx(GAUSSIAN_MEAN_OVER_MEDIAN_DB, abs=0.2)


def test_borders_in_silence_are_guarded() -> None:
    silence = np.zeros(100)
    assert artefacts.border_excess_db(silence, [50]) == 0.0
    silence[50:] = 1.0
    assert artefacts.border_excess_db(silence, [50]) == 200.0
    assert artefacts.border_excess_db(np.arange(2.0), [1]) == 200.0  # nothing elsewhere


def test_borders_outside_the_waveform_are_refused() -> None:
    with pytest.raises(errors.InvalidSettingError, match="borders is empty"):
        artefacts.border_excess_db(np.zeros(10), [])
    for border in (0, 10, -1):
        with pytest.raises(errors.InvalidSettingError, match=f"border {border} lies outside 1..9"):
            artefacts.border_excess_db(np.zeros(10), [5, border])


def test_stereo_correlation_of_known_mixtures(random: np.random.Generator) -> None:
    left, right = random.standard_normal((2, 50_000))
    assert artefacts.stereo_correlation(left) == 1.0
    assert artefacts.stereo_correlation(np.stack([left, left])) == 1.0
    assert artefacts.stereo_correlation(np.stack([left, -left])) == pytest.approx(-1.0)
    assert artefacts.stereo_correlation(np.stack([left, right])) == pytest.approx(0.0, abs=0.02)
    half = np.stack([left + right, left - right + left])
    assert artefacts.stereo_correlation(half) == pytest.approx(1 / np.sqrt(10), abs=0.02)
    assert artefacts.stereo_correlation(np.stack([left, 0.0 * left])) == 0.0


def test_stereo_correlation_refuses_surround() -> None:
    with pytest.raises(
        errors.InvalidAudioError, match="waveform has 6 channels; stereo correlation takes 1 or 2"
    ):
        artefacts.stereo_correlation(np.zeros((6, 100)))
