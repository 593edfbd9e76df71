"""Measure true peaks, more finely than the limiter does."""

from __future__ import annotations

import numpy as np
import soxr

from astfx.audio import Waveform


def true_peak_db(waveform: Waveform, sample_rate: int) -> float:
    """Highest peak of all channels, (channels, samples), at eight times the rate, in dBTP."""
    samples = waveform.T.astype(np.float64)
    finer = soxr.resample(samples, sample_rate, 8 * sample_rate, quality="VHQ")
    return float(20.0 * np.log10(np.abs(finer).max()))
