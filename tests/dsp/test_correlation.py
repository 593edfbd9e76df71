from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from astfx.dsp.correlation import CorrelationWith, pearson

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.standard_normal((2, 500))
BOTH = FIRST + 0.5 * SECOND


def test_correlations_equal_scipy() -> None:
    expected = scipy.stats.pearsonr(FIRST, BOTH).statistic
    assert pearson(FIRST, BOTH) == pytest.approx(expected, abs=1e-12)
    found, _ = CorrelationWith(torch.from_numpy(BOTH))(torch.from_numpy(FIRST))
    assert found == pytest.approx(expected, abs=1e-9)


def test_correlation_of_equal_and_of_constant_arrays() -> None:
    assert pearson(FIRST, FIRST.copy()) == 1.0
    assert pearson(FIRST, np.ones_like(FIRST)) == 0.0
    constant = torch.ones(500, dtype=torch.float64)
    assert CorrelationWith(constant)(torch.from_numpy(FIRST))[0] == 0.0
    assert CorrelationWith(torch.from_numpy(FIRST))(constant)[0] == 0.0


def test_the_gradient_of_a_correlation_matches_finite_differences() -> None:
    x, direction = torch.from_numpy(FIRST), torch.from_numpy(SECOND)
    correlation = CorrelationWith(torch.from_numpy(BOTH))
    step = 1e-6
    ends = [correlation(x + sign * step * direction)[0] for sign in (1.0, -1.0)]
    expected = (ends[0] - ends[1]) / (2.0 * step)
    _, gradient = correlation(x)
    assert float((gradient * direction).sum()) == pytest.approx(expected, rel=1e-6)
