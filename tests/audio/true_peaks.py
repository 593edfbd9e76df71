"""Measure true peaks, more finely than the limiter does."""

from __future__ import annotations

import numpy as np
from scipy.signal import resample_poly

from astfx.audio import Waveform


def true_peak_db(waveform: Waveform) -> float:
    """Highest peak of all channels, (channels, samples), at 16 times the rate, in dBTP.

    The meter of ITU-R BS.1770-4, with four times its rate. Filters that are much longer than its 12
    samples can read more where noise reaches the Nyquist frequency.
    """
    finer = resample_poly(waveform.astype(np.float64), 16, 1, axis=-1)
    return float(20.0 * np.log10(np.abs(finer).max()))
