"""The envelope stage of the block engines: fast gains of bands that lead to the style's envelopes.

The bands get the distribution of levels and the modulations of the style
(`astfx.features.envelope_map`), on a window of 12 ms.
"""

from __future__ import annotations

import math

import numpy as np

from astfx.audio import Waveform
from astfx.audio.levels import SILENCE
from astfx.dsp.windows import hann
from astfx.features.envelope_map import OVERLAP, EnvelopeMap, EnvelopeStatistics, power_scale
from astfx.settings import position
from astfx.streaming.levels import HeldPeak, HopPower, OutputLevel
from astfx.streaming.overlap_add import OverlapAdd

_MEMORY_SECONDS = 8.0


class EnvelopeStage:
    """Shapes the envelopes of a stream's bands, hop by hop.

    Parameters
    ----------
    style : EnvelopeStatistics
    sample_rate : int, hertz
    hop_length : int, samples
        A quarter of the window.
    channels : int
    """

    def __init__(
        self, style: EnvelopeStatistics, sample_rate: int, hop_length: int, channels: int
    ) -> None:
        self.hop_length, self._n_fft = hop_length, OVERLAP * hop_length
        window = np.sqrt(hann(self._n_fft)).astype(np.float32)
        self._frames = OverlapAdd(channels, hop_length, window, window, self._n_fft)
        self.delay_samples = self._frames.delay_samples
        memory = _MEMORY_SECONDS * sample_rate / hop_length
        self._map = EnvelopeMap(style, sample_rate, self._n_fft, memory)
        self._power = HopPower(memory, OVERLAP)
        self._peaks = HeldPeak(memory)
        self._level = OutputLevel(sample_rate, self._n_fft, memory)

    def process(self, hop: Waveform, strength: float) -> Waveform:
        """Take a hop, (channels, hop_length), and return one of output; strength 0 to 1."""
        spectrum = self._frames.analyse(hop)
        peak = float(np.abs(hop).max())
        held, sounding = self._peaks.add(peak), peak >= SILENCE
        if sounding:
            self._power.add(float(np.square(hop).mean()))
        rms = math.sqrt(max(self._power.value, SILENCE**2))
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        shared = power.mean(axis=0) * np.float32(power_scale(rms, self._n_fft) ** 2)
        informative = sounding and not self._power.burst
        gain = self._map.gain(shared, learn=informative)
        if sounding:
            gain *= self._level.gain(shared, shared * np.square(gain), learn=informative)
        if strength < 1.0:
            gain = np.power(gain, np.float32(position(strength)))
        spectrum *= gain
        return self._frames.synthesise(spectrum, held)
