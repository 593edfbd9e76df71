"""Exponentials and logarithms of arrays, against NumPy's in double precision."""

from __future__ import annotations

import numpy as np

from astfx.dsp.vector_math import HIGHEST_EXPONENT, LOWEST_EXPONENT, exp_all, log_all

TOLERANCE = 2e-7


def test_exponentials() -> None:
    arguments = np.linspace(LOWEST_EXPONENT, HIGHEST_EXPONENT, 100_003).astype(np.float32)
    values = arguments.copy()
    exp_all(values)
    np.testing.assert_allclose(values, np.exp(arguments.astype(np.float64)), rtol=TOLERANCE)
    values = np.array([-1e9, -np.inf, 0.0, 1e9, np.inf], np.float32)
    exp_all(values)
    ends = np.exp([LOWEST_EXPONENT, HIGHEST_EXPONENT])
    np.testing.assert_allclose(values, [ends[0], ends[0], 1.0, ends[1], ends[1]], rtol=TOLERANCE)


def test_logarithms() -> None:
    arguments = np.exp(np.linspace(-87.0, 88.0, 100_003)).astype(np.float32)
    values = arguments.copy()
    log_all(values)
    expected = np.log(arguments.astype(np.float64))
    np.testing.assert_allclose(values, expected, rtol=TOLERANCE, atol=0.1 * TOLERANCE)
    values = np.array([0.0, -1.0, 1e-45, 1.0], np.float32)
    log_all(values)
    least = np.log(float(np.finfo(np.float32).tiny))
    np.testing.assert_allclose(values, [least, least, least, 0.0], rtol=TOLERANCE)
