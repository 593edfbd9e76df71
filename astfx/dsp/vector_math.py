"""Exponentials and logarithms of whole arrays, for compiled loops.

numba calls the C library once for each value. These loops are arithmetic alone, so that the
compiler uses the processor's vector instructions. The polynomials are those of the Cephes library
(Moshier 1992, `expf` and `logf`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]

_F = np.float32
LOWEST_EXPONENT, HIGHEST_EXPONENT = -87.0, 88.0
"""Arguments of the exponential are brought into this range."""

_LOWEST, _HIGHEST = _F(LOWEST_EXPONENT), _F(HIGHEST_EXPONENT)
_LEAST = _F(np.finfo(np.float32).tiny)
_PER_LN_2, _LN_2_HIGH, _LN_2_LOW = _F(1.0 / math.log(2.0)), _F(0.693359375), _F(-2.12194440e-4)
_HALF, _ONE = _F(0.5), _F(1.0)
_MANTISSA_BITS, _EXPONENT_OF_ONE = 23, 127
_ROOT_OF_HALF = 0x3F3504F3  # the bits of the float
_E0, _E1, _E2 = _F(5.0000001201e-1), _F(1.6666665459e-1), _F(4.1665795894e-2)
_E3, _E4, _E5 = _F(8.3334519073e-3), _F(1.3981999507e-3), _F(1.9875691500e-4)
_L0, _L1, _L2 = _F(3.3333331174e-1), _F(-2.4999993993e-1), _F(2.0000714765e-1)
_L3, _L4, _L5 = _F(-1.6668057665e-1), _F(1.4249322787e-1), _F(-1.2420140846e-1)
_L6, _L7, _L8 = _F(1.1676998740e-1), _F(-1.1514610310e-1), _F(7.0376836292e-2)


@compiled(fastmath=True)
def exp_all(values: Array) -> None:
    """Replace each value by its exponential, (n,), in place; exact to 1e-7 of the result."""
    for i in range(len(values)):
        x = min(max(values[i], _LOWEST), _HIGHEST)
        power = math.floor(x * _PER_LN_2 + _HALF)
        r = x - power * _LN_2_HIGH - power * _LN_2_LOW
        y = ((((_E5 * r + _E4) * r + _E3) * r + _E2) * r + _E1) * r + _E0
        bits = np.int32((np.int32(power) + _EXPONENT_OF_ONE) << _MANTISSA_BITS)
        values[i] = (y * r * r + r + _ONE) * bits.view(np.float32)


@compiled(fastmath=True)
def log_all(values: Array) -> None:
    """Replace each value by its natural logarithm, (n,), in place.

    It is exact to 2e-7 of the result, or 2e-8 near zero. Values below the least normal number count
    as that.
    """
    for i in range(len(values)):
        bits = np.float32(max(values[i], _LEAST)).view(np.int32)
        power = np.int32(bits - _ROOT_OF_HALF) >> _MANTISSA_BITS
        r = np.int32(bits - (power << _MANTISSA_BITS)).view(np.float32) - _ONE
        square, n = r * r, _F(power)
        y = ((((_L8 * r + _L7) * r + _L6) * r + _L5) * r + _L4) * r + _L3
        y = (((y * r + _L2) * r + _L1) * r + _L0) * r * square
        values[i] = r + (y + n * _LN_2_LOW - _HALF * square) + n * _LN_2_HIGH


@compiled()
def raise_to(values: Array, exponent: float) -> None:
    """Raise each value, from 0 on, to a power from 0 on, (n,), in place."""
    log_all(values)
    by = np.float32(exponent)
    for i in range(len(values)):
        values[i] *= by
    exp_all(values)
