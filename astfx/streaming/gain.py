"""The `gain` engine: a gain for each of 64 bands, on a short window, to keep most of the content.

At each hop, the gains map the running statistics of the content's band levels to those of the
style. It is the Monge (optimal transport) map between two Gaussians (`astfx.features.monge`).
Gains keep the content's phase and its stereo image.
"""

from __future__ import annotations

import math

import numpy as np

from astfx.audio import Waveform
from astfx.audio.levels import SILENCE
from astfx.dsp.windows import hann
from astfx.features.monge import Array, GainMap
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.streaming.levels import HeldPeak, HopPower, OutputLevel
from astfx.streaming.overlap_add import OverlapAdd
from astfx.styles.analysis import live_grid

_OVERLAP = 4
_MEMORY_SECONDS = 4.0
_SOLVE_EVERY_SECONDS = 0.25


class GainEngine:
    """Stylises hop by hop with band gains.

    Parameters
    ----------
    mean, covariance : (bands,), (bands, bands)
        Statistics of the style's band levels, from `astfx.styles.analysis.live_statistics` at any
        sample rate.
    sample_rate : int, hertz
        Sample rate of the content.
    channels : int
    """

    def __init__(self, mean: Array, covariance: Array, sample_rate: int, channels: int) -> None:
        grid = self.grid = live_grid(sample_rate)
        self.hop_length = grid.hop_length
        per_second = sample_rate / grid.hop_length
        every = max(1, round(_SOLVE_EVERY_SECONDS * per_second))
        memory = _MEMORY_SECONDS * per_second
        self._map = GainMap(mean, covariance, sample_rate, grid.n_fft, memory, every)
        self._power = HopPower(memory, _OVERLAP)
        self._level = OutputLevel(sample_rate, grid.n_fft, memory)
        self._peaks = HeldPeak(memory)
        window = hann(grid.n_fft).astype(np.float32)
        self._frames = OverlapAdd(channels, grid.hop_length, window, window, grid.n_fft)
        self.delay_samples = self._frames.delay_samples

    def process(self, hop: Waveform, strength: float) -> Waveform:
        """Take a hop, (channels, hop_length), and return one of output; strength 0 to 1."""
        spectrum = self._frames.analyse(hop)
        magnitude = np.sqrt(np.square(np.abs(spectrum)).mean(axis=0))
        peak = float(np.abs(hop).max())
        held, sounding = self._peaks.add(peak), peak >= SILENCE
        if sounding:
            self._power.add(float(np.square(hop).mean()))
        rms = math.sqrt(max(self._power.value, SILENCE**2))
        level = magnitude * np.float32(LogMagnitude(rms=rms, n_fft=self.grid.n_fft).gain)
        informative = sounding and not self._power.burst
        gain = self._map.gain(level, learn=informative)
        if sounding:
            wet = np.square(magnitude * gain)
            gain *= self._level.gain(np.square(magnitude), wet, learn=informative)
        np.power(gain, np.float32(strength), out=gain)
        spectrum *= gain
        return self._frames.synthesise(spectrum, held)
