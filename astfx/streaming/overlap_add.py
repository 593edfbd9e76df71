"""Analysis and overlap-add of a stream, hop by hop."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform

Spectrum = npt.NDArray[np.complex64]


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

    def synthesise(self, spectrum: Spectrum, most: float = math.inf) -> Waveform:
        """Add spectra, (channels, bins), to the output, and return the hop that is complete.

        A frame that adds more to the output than a sound with a peak of `most` would is turned
        down. Where frames of that kind coincide, the output's peak may be twice as high.
        """
        frames = np.fft.irfft(spectrum, n=self._n_fft)[:, -self._n_synthesis :] * self._synthesis
        peak = float(np.abs(frames).max())
        if peak > most * self._share:
            frames *= np.float32(most * self._share / peak)
        self._output += frames
        done = self._output[:, : self._hop_length].copy()
        _shift(self._output, self._hop_length)
        self._output[:, -self._hop_length :] = 0.0
        return done


def _shift(samples: Waveform, n: int) -> None:
    samples[:, :-n] = samples[:, n:]
