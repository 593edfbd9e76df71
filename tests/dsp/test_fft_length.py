from __future__ import annotations

import pytest
import scipy.fft

from astfx.dsp.fft_length import fast_length


def test_lengths_equal_scipy() -> None:
    lengths = [*range(1, 3000), 15_999, 26_401, 48_001, 440_999]
    assert [fast_length(n) for n in lengths] == [scipy.fft.next_fast_len(n) for n in lengths]


@pytest.mark.parametrize("length", [1, 2, 1024, 4000, 2 * 3 * 5 * 7 * 11])
def test_a_fast_length_stays(length: int) -> None:
    assert fast_length(length) == length
