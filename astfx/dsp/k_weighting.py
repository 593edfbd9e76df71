"""K-weighting filter of ITU-R BS.1770, and power responses of second-order sections."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def k_weighting(sample_rate: int) -> Array:
    """Second-order sections of the K-weighting filter at any sample rate.

    Parameters
    ----------
    sample_rate : int, hertz

    Returns
    -------
    (2, 6) float64
        In the format of `scipy.signal`: a high shelf of 4 dB, then a high pass at 38 Hz.

    References
    ----------
    ITU-R BS.1770-5. The filters are the analogue prototypes of its 48 kHz coefficients.
    """
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q, gain = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    band = gain**0.4996667741545416
    a0 = 1.0 + k / q + k * k
    shelf = [
        (gain + band * k / q + k * k) / a0,
        2.0 * (k * k - gain) / a0,
        (gain - band * k / q + k * k) / a0,
        1.0,
        2.0 * (k * k - 1.0) / a0,
        (1.0 - k / q + k * k) / a0,
    ]
    k = math.tan(math.pi * 38.13547087602444 / sample_rate)
    q = 0.5003270373238773
    a0 = 1.0 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0]
    return np.array([shelf, high_pass])


def power_response(sections: Array, n_fft: int) -> npt.NDArray[np.float32]:
    """Squared magnitude response of second-order sections at the bins of an FFT, (bins,)."""
    turn = np.exp(-2j * np.pi / n_fft * np.arange(n_fft // 2 + 1))
    delays = np.stack([np.ones_like(turn), turn, turn**2])
    response = (sections[:, :3] @ delays) / (sections[:, 3:] @ delays)
    power: npt.NDArray[np.float32] = np.square(np.abs(response.prod(axis=0))).astype(np.float32)
    return power
