"""Analysis and overlap-add of a stream, hop by hop, for compiled loops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.dsp.real_fft import RealFFT, forward, inverse
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]

_TINY = np.float32(1e-20)
MOST_OF_FRAME, MOST_IN_ALL = 1.5, 1.99
"""Highest peaks of a frame and of the output, as multiples of a given peak: 3.5 and 6 dB."""


class OverlapAdd(NamedTuple):
    """Turns a stream's hops into spectra, and changed spectra back into hops.

    Attributes
    ----------
    hop_length : int, samples
    fft : RealFFT
    analysis : (n_fft,)
        Window.
    synthesis : (n_synthesis,)
        Window of what is heard, so scaled that unchanged spectra give the input back.
    share : float
        What a frame adds to the output at the middle of what is heard of it.
    input : (channels, n_fft)
        The latest samples.
    output : (channels, n_synthesis)
        What the frames so far add up to.
    hop : (channels, hop_length)
        The next hop of input; then the hop of output that is complete.
    real, imag : (channels, n_fft // 2 + 1)
        Spectra of the latest frame.
    frame : (n_fft,)
    added : (channels, n_synthesis)
        Memory for what a frame adds.
    """

    hop_length: int
    fft: RealFFT
    analysis: Array
    synthesis: Array
    share: float
    input: Array
    output: Array
    hop: Array
    real: Array
    imag: Array
    frame: Array
    added: Array

    @classmethod
    def of(
        cls,
        channels: int,
        hop_length: int,
        analysis: npt.NDArray[np.float32],
        synthesis: npt.NDArray[np.float32],
        n_synthesis: int,
    ) -> OverlapAdd:
        """Make one with silence before the stream.

        Parameters
        ----------
        channels : int
        hop_length : int, samples
        analysis, synthesis : (n_fft,) float32
            Windows; their product, over all hops, must add up to a constant.
        n_synthesis : int, samples
            The synthesis window is zero before the last `n_synthesis` samples.
        """
        n_fft = len(analysis)
        total = float((analysis * synthesis).sum(dtype=np.float64)) / hop_length
        scale = 2.0 / n_fft / total  # `inverse` leaves the first factor out
        n_bins = n_fft // 2 + 1
        return cls(
            hop_length=hop_length,
            fft=RealFFT.of(n_fft),
            analysis=analysis,
            synthesis=(synthesis[-n_synthesis:] * scale).astype(np.float32),
            share=float((analysis * synthesis).max()) / total,
            input=np.zeros((channels, n_fft), np.float32),
            output=np.zeros((channels, n_synthesis), np.float32),
            hop=np.zeros((channels, hop_length), np.float32),
            real=np.zeros((channels, n_bins), np.float32),
            imag=np.zeros((channels, n_bins), np.float32),
            frame=np.zeros(n_fft, np.float32),
            added=np.zeros((channels, n_synthesis), np.float32),
        )

    @property
    def delay_samples(self) -> int:
        """By how much the output is later than the input."""
        return int(self.output.shape[1]) - self.hop_length


@compiled()
def push(samples: Array, hop: Waveform) -> None:
    """Append a hop to samples, (channels, n), whose oldest ones are dropped."""
    n = hop.shape[1]
    kept = samples.shape[1] - n
    for channel in range(len(samples)):
        row = samples[channel]
        for i in range(kept):
            row[i] = row[i + n]
        for i in range(n):
            row[kept + i] = hop[channel, i]


@compiled()
def take_hop(frames: OverlapAdd, hops: Waveform, number: int) -> None:
    """Take one of several hops, (channels, n * hop_length), as the next one."""
    for channel in range(len(hops)):
        row, first = frames.hop[channel], number * frames.hop_length
        for i in range(len(row)):
            row[i] = hops[channel, first + i]


@compiled()
def give_hop(frames: OverlapAdd, number: int, out: Waveform) -> None:
    """Write the hop that is complete among several, (channels, n * hop_length)."""
    for channel in range(len(out)):
        row, first = frames.hop[channel], number * frames.hop_length
        for i in range(len(row)):
            out[channel, first + i] = row[i]


@compiled()
def analyse(frames: OverlapAdd) -> None:
    """Append the hop to the input: `real` and `imag` become the spectra."""
    push(frames.input, frames.hop)
    transform(frames, frames.input, frames.analysis)


@compiled()
def transform(frames: OverlapAdd, samples: Array, window: Array) -> None:
    """Put the spectra of samples, (channels, n_fft), under a window into `real` and `imag`."""
    for channel in range(len(samples)):
        real, imag = frames.real[channel], frames.imag[channel]
        forward(frames.fft, samples[channel], window, real, imag)


@compiled()
def mean_power(frames: OverlapAdd, out: Array) -> None:
    """Mean power of the channels' spectra, (bins,)."""
    for k in range(len(out)):
        out[k] = 0.0
    for channel in range(len(frames.real)):
        real, imag = frames.real[channel], frames.imag[channel]
        for k in range(len(out)):
            out[k] += real[k] * real[k] + imag[k] * imag[k]
    share = np.float32(1.0 / len(frames.real))
    for k in range(len(out)):
        out[k] *= share


@compiled(fastmath=True)
def largest(samples: Array) -> float:
    """Largest magnitude of any sample, (channels, n)."""
    most = np.float32(0.0)
    for channel in range(len(samples)):
        row = samples[channel]
        for i in range(len(row)):
            most = max(most, abs(row[i]))
    return float(most)


@compiled(fastmath=True)
def mean_square(samples: Array) -> float:
    """Mean power of samples, (channels, n)."""
    total = np.float32(0.0)
    for channel in range(len(samples)):
        row = samples[channel]
        for i in range(len(row)):
            total += row[i] * row[i]
    return float(total) / samples.size


@compiled()
def _scale(samples: Array, factor: float) -> None:
    by = np.float32(factor)
    for channel in range(len(samples)):
        row = samples[channel]
        for i in range(len(row)):
            row[i] *= by


@compiled(fastmath=True)
def _largest_sum(first: Array, second: Array) -> float:
    most = np.float32(0.0)
    for channel in range(len(first)):
        a, b = first[channel], second[channel]
        for i in range(len(a)):
            most = max(most, abs(a[i] + b[i]))
    return float(most)


@compiled(fastmath=True)
def _fitting_share(output: Array, added: Array, most: float) -> float:
    """The largest share of what is added with which no sum is above `most`, from 0 to 1."""
    share, limit = np.float32(1.0), np.float32(most)
    for channel in range(len(output)):
        old, new = output[channel], added[channel]
        for i in range(len(old)):
            room = limit - (old[i] if new[i] > 0.0 else -old[i])
            share = min(share, room / max(abs(new[i]), _TINY))
    return max(float(share), 0.0)


@compiled()
def synthesise(frames: OverlapAdd, gain: Array, peak: float) -> None:
    """Add the spectra to the output, with a gain of each bin: `hop` becomes what is complete.

    Parameters
    ----------
    frames : OverlapAdd
    gain : (bins,)
    peak : float
        Highest peak of the content. A frame that adds more to the output than a sound with
        `MOST_OF_FRAME` times this peak would is turned down, and so is one that takes the
        output above `MOST_IN_ALL` times the peak.
    """
    out = frames.hop
    skipped = len(frames.frame) - frames.added.shape[1]
    for channel in range(len(out)):
        real, imag, added = frames.real[channel], frames.imag[channel], frames.added[channel]
        for k in range(len(gain)):
            real[k] *= gain[k]
            imag[k] *= gain[k]
        inverse(frames.fft, real, imag, frames.frame)
        for i in range(len(added)):
            added[i] = frames.frame[skipped + i] * frames.synthesis[i]
    found, most = largest(frames.added), MOST_OF_FRAME * peak * frames.share
    if found > most:
        _scale(frames.added, most / found)
    most = MOST_IN_ALL * peak
    if _largest_sum(frames.output, frames.added) > most:
        _scale(frames.added, _fitting_share(frames.output, frames.added, most))
    n = frames.hop_length
    for channel in range(len(out)):
        output, added = frames.output[channel], frames.added[channel]
        for i in range(n):
            out[channel, i] = output[i] + added[i]
        for i in range(n, len(output)):
            output[i - n] = output[i] + added[i]
        for i in range(len(output) - n, len(output)):
            output[i] = 0.0
