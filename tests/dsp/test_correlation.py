from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from astfx.dsp.correlation import differentiable_pearson, pearson

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.standard_normal((2, 500))
BOTH = FIRST + 0.5 * SECOND


def test_correlations_equal_scipy() -> None:
    expected = scipy.stats.pearsonr(FIRST, BOTH).statistic
    assert pearson(FIRST, BOTH) == pytest.approx(expected, abs=1e-12)
    found = differentiable_pearson(torch.from_numpy(FIRST), torch.from_numpy(BOTH))
    assert float(found) == pytest.approx(expected, abs=1e-9)


def test_correlation_of_equal_and_of_constant_arrays() -> None:
    assert pearson(FIRST, FIRST.copy()) == 1.0
    assert pearson(FIRST, np.ones_like(FIRST)) == 0.0
    constant = torch.ones(500, dtype=torch.float64)
    assert float(differentiable_pearson(torch.from_numpy(FIRST), constant)) == 0.0
