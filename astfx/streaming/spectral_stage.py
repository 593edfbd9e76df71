"""The spectral stage of the block engines: gains of bins that lead to the style's spectra.

In each hop, a Monge map gives the bands the style's means and covariances (`astfx.features.monge`),
and every bin takes the style's level of the same rank (`astfx.features.quantiles`). Both learn from
the content so far. The result is a gain of each bin, so the content's phase and its stereo image
stay as they are.

The analysis window is long, so that the bins are narrow, but falls quickly. Only its last part is
synthesised (`astfx.dsp.windows.asymmetric_windows`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.audio.levels import SILENCE
from astfx.dsp.windows import asymmetric_windows, hann
from astfx.features.monge import GainMap, band_levels
from astfx.features.quantiles import QuantileMap, groups_of_bins
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.settings import position
from astfx.streaming.levels import HeldPeak, HopPower, OutputLevel
from astfx.streaming.overlap_add import OverlapAdd

HOPS_PER_WINDOW = 8
_MEMORY_SECONDS = 8.0
_UPDATE_EVERY_SECONDS = 0.25
_FULL_STRENGTH = 0.9999  # curves of strength are rounded

Array = npt.NDArray[np.float32]


class SpectralStage:
    """Stylises the spectrum of a stream, hop by hop.

    Parameters
    ----------
    style : (frames, bins)
        Log magnitudes of the style for this window.
    sample_rate : int, hertz
    n_synthesis : int, samples
        Length of the part of the window that is heard.
    channels : int
    share : float, 0 to 1
        How far the level of a bin moves towards the style's level of the same rank.
    follow : float, above 0 to 1
        How far the gain of a bin moves, from hop to hop, towards the one for its own level.
    """

    def __init__(
        self,
        style: Array,
        sample_rate: int,
        n_synthesis: int,
        channels: int,
        share: float,
        follow: float,
    ) -> None:
        n_fft = 2 * (style.shape[1] - 1)
        self.hop_length = n_fft // HOPS_PER_WINDOW
        self._n_fft = n_fft
        analysis, synthesis = asymmetric_windows(n_fft, n_synthesis)
        self._frames = OverlapAdd(channels, self.hop_length, analysis, synthesis, n_synthesis)
        self.delay_samples = self._frames.delay_samples
        whole = hann(n_fft)
        # Levels are compared with those of the style's frames, which have a Hann window.
        self._scale = float(np.sqrt(np.square(whole).sum() / np.square(analysis).sum()))
        self._check_window = whole.astype(np.float32)
        per_second = sample_rate / self.hop_length
        memory = _MEMORY_SECONDS * per_second
        every = max(1, round(_UPDATE_EVERY_SECONDS * per_second))
        magnitudes = np.expm1(style)
        levels = band_levels(magnitudes, sample_rate)
        covariance = np.atleast_2d(np.cov(levels.T)).astype(np.float32)
        self._bands = GainMap(levels.mean(axis=0), covariance, sample_rate, n_fft, memory, every)
        borders = groups_of_bins(sample_rate, n_fft)
        self._quantiles = QuantileMap(magnitudes, borders, memory, every, share, follow)
        self._power = HopPower(memory, HOPS_PER_WINDOW)
        self._peaks = HeldPeak(memory)
        self._level = OutputLevel(sample_rate, n_fft, memory)
        self._heard = np.zeros((channels, n_fft), np.float32)
        self._n_hops = 0

    def process(self, hop: Waveform, strength: float, peak: float | None = None) -> Waveform:
        """Take a hop and return one of output.

        Parameters
        ----------
        hop : (channels, hop_length)
        strength : float, 0 to 1
        peak : float, optional
            That of the content, if the hop is not the content itself.
        """
        if strength > _FULL_STRENGTH:
            strength = 1.0
        self._n_hops += 1
        spectrum = self._frames.analyse(hop)
        magnitude = _shared(spectrum)
        loudest = float(np.abs(hop).max())
        held = self._peaks.add(loudest if peak is None else peak)
        sounding = loudest >= SILENCE
        if sounding:
            self._power.add(float(np.square(hop).mean()))
        informative = sounding and not self._power.burst
        rms = math.sqrt(max(self._power.value, SILENCE**2))
        to_features = LogMagnitude(rms=rms, n_fft=self._n_fft).gain
        level = magnitude * np.float32(self._scale * to_features)
        gain = self._bands.gain(level, learn=informative)
        gain *= self._quantiles.gain(level * gain, learn=informative)
        if sounding:
            wet = np.square(magnitude * gain)
            gain *= self._level.gain(np.square(magnitude), wet, learn=informative)
        if strength < 1.0:
            gain = np.power(gain, np.float32(position(strength)))
        spectrum *= gain
        done = self._frames.synthesise(spectrum, held)
        self._heard[:, : -self.hop_length] = self._heard[:, self.hop_length :]
        self._heard[:, -self.hop_length :] = done
        # At other strengths, the output is not meant to have the style's levels.
        if informative and strength == 1.0 and self._n_hops > 2 * HOPS_PER_WINDOW:
            if self._n_hops % 2:
                heard = _shared(np.fft.rfft(self._heard * self._check_window))
                heard *= np.float32(to_features)
                self._quantiles.realised(heard)
            else:
                self._quantiles.correct()
        return done


def _shared(spectrum: npt.NDArray[np.complexfloating]) -> Array:
    """Root of the mean power of the channels, (channels, bins) -> (bins,)."""
    power: Array = np.square(spectrum.real)
    power += np.square(spectrum.imag)
    mean: Array = power.mean(axis=0)
    return np.sqrt(mean, out=mean)
