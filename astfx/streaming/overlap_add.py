"""Analysis and overlap-add of a stream, hop by hop."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform

Spectrum = npt.NDArray[np.complex64]

_TINY = 1e-20
MOST_OF_FRAME, MOST_IN_ALL = 1.5, 1.99
"""Highest peaks of a frame and of the output, as multiples of a given peak: 3.5 and 6 dB."""


class OverlapAdd:
    """Turns a stream's hops into spectra, and changed spectra back into hops.

    Parameters
    ----------
    channels : int
    hop_length : int, samples
    analysis, synthesis : (n_fft,) float32
        Windows; their product, over all hops, must add up to a constant.
    n_synthesis : int, samples
        The synthesis window is zero before the last `n_synthesis` samples.
    """

    def __init__(
        self,
        channels: int,
        hop_length: int,
        analysis: npt.NDArray[np.float32],
        synthesis: npt.NDArray[np.float32],
        n_synthesis: int,
    ) -> None:
        n_fft = len(analysis)
        self._hop_length, self._n_fft, self._n_synthesis = hop_length, n_fft, n_synthesis
        total = float((analysis * synthesis).sum(dtype=np.float64)) / hop_length
        self._analysis, self._synthesis = analysis, synthesis[-n_synthesis:] / np.float32(total)
        # What a frame adds to the output at the middle of what is heard of it.
        self._share = float((analysis * synthesis).max()) / total
        self._input = np.zeros((channels, n_fft), np.float32)
        self._output = np.zeros((channels, n_synthesis), np.float32)

    @property
    def delay_samples(self) -> int:
        """By how much the output is later than the input."""
        return self._n_synthesis - self._hop_length

    def analyse(self, hop: Waveform) -> Spectrum:
        """Take a hop, and return the spectra of the channels, (channels, bins)."""
        _shift(self._input, self._hop_length)
        self._input[:, -self._hop_length :] = hop
        return np.fft.rfft(self._input * self._analysis).astype(np.complex64, copy=False)

    def synthesise(self, spectrum: Spectrum, peak: float = math.inf) -> Waveform:
        """Add spectra, (channels, bins), to the output, and return the hop that is complete.

        Parameters
        ----------
        spectrum : (channels, bins)
        peak : float
            Highest peak of the content. A frame that adds more to the output than a sound with
            `MOST_OF_FRAME` times this peak would is turned down, and so is one that takes the
            output above `MOST_IN_ALL` times the peak.
        """
        frames = np.fft.irfft(spectrum, n=self._n_fft)[:, -self._n_synthesis :] * self._synthesis
        found, most = float(np.abs(frames).max()), MOST_OF_FRAME * peak * self._share
        if found > most:
            frames *= np.float32(most / found)
        total = self._output + frames
        most = MOST_IN_ALL * peak
        if float(np.abs(total).max()) > most:
            room = np.float32(most) - self._output * np.sign(frames)
            share = (room / np.maximum(np.abs(frames), np.float32(_TINY))).min()
            frames *= np.float32(min(max(share, 0.0), 1.0))
            total = self._output + frames
        self._output = total
        done = self._output[:, : self._hop_length].copy()
        _shift(self._output, self._hop_length)
        self._output[:, -self._hop_length :] = 0.0
        return done


def _shift(samples: Waveform, n: int) -> None:
    samples[:, :-n] = samples[:, n:]
