from __future__ import annotations

import numpy as np

from astfx.features.band_rows import BandRows, band_sums, spread_exp


def test_sums_and_spreads_are_products_with_the_matrix() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(0.1, 1.0, (5, 40))
    for band, row in enumerate(matrix):
        row[: 5 * band] = row[5 * band + 12 :] = 0.0
    rows = BandRows.of(matrix)
    values = rng.standard_normal(40).astype(np.float32)
    sums, gains = np.empty(5, np.float32), np.empty(40, np.float32)
    band_sums(rows, values, sums)
    np.testing.assert_allclose(sums, matrix @ values, rtol=1e-5, atol=1e-5)
    spread_exp(rows, sums, gains)
    np.testing.assert_allclose(gains, np.exp(matrix.T @ sums), rtol=1e-4)


def test_zeros_inside_a_row_are_kept() -> None:
    rows = BandRows.of(np.array([[0.0, 1.0, 0.0, 2.0, 0.0]]))
    assert rows.first.tolist() == [1]
    assert rows.weights.tolist() == [1.0, 0.0, 2.0]
