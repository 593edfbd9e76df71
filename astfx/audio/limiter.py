"""A look-ahead limiter for true peaks, which keeps loud audio below full scale.

The gain falls before a peak and recovers after it, so that nothing is clipped. All channels get the
same gain, which keeps their balance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from astfx.audio.checks import Waveform
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float64]

CEILING_DB = -1.0
"""Highest true peak of limited audio, in dB relative to full scale (EBU R 128 asks for it)."""

LOOK_AHEAD_MS = 5.0
RELEASE_MS = 80.0

_PHASES = 8  # factor of oversampling for true peaks; ITU-R BS.1770-4 asks for at least 4
_REACH = 12  # samples to either side that the interpolation uses
_LEAST_GAIN = 1e-6
_MOST_BETWEEN = 3.0  # no peak between samples is higher than this times the largest sample


@compiled()
def follow(needed: Array, held: Array, recent: Array, state: Array, release: float) -> Array:
    """Smooth a gain: it falls before each minimum of `needed`, and rises slowly after it.

    Parameters
    ----------
    needed : (n,)
        Gain that each sample needs, at most 1.
    held, recent : (length,)
        The last values of `needed`, and of the gain after release; updated in place.
    state : (4,)
        Place in both rings, gain after release, sum of `recent`, and smallest value in `held`;
        updated in place.
    release : float
        Share of the way to 1 that the gain rises with each sample.

    Returns
    -------
    (n,)
        The gain for the samples `length` - 1 before. It is never above what they need.
    """
    length = len(held)
    out = np.empty(len(needed))
    place = int(state[0])
    for i in range(len(needed)):
        gone = held[place]
        held[place] = needed[i]
        if needed[i] <= state[3]:
            state[3] = needed[i]
        elif gone <= state[3]:
            state[3] = 1.0
            for k in range(length):
                state[3] = min(state[3], held[k])
        state[1] = min(state[3], state[1] + (1.0 - state[1]) * release)
        state[2] += state[1] - recent[place]
        recent[place] = state[1]
        out[i] = state[2] / length
        place = (place + 1) % length
    state[0] = place
    return out


@compiled(fastmath=True)
def _between(samples: Waveform, channel: int, first: int, taps: Array) -> float:
    """One interpolated value, from the samples of a channel from `first` on."""
    total = 0.0
    for k in range(len(taps)):
        total += samples[channel, first + k] * taps[k]
    return abs(total)


@compiled()
def raise_to_true_peaks(peaks: Array, samples: Waveform, phases: Array) -> None:
    """Raise the peak of each sample to that of the values between it and its two neighbours.

    Parameters
    ----------
    peaks : (n,)
        Changed in place.
    samples : (channels, n + taps)
    phases : (phases, taps)
    """
    n = len(peaks)
    for channel in range(len(samples)):
        for phase in range(len(phases)):
            taps = phases[phase]
            before = _between(samples, channel, 0, taps)
            for i in range(n):
                after = _between(samples, channel, i + 1, taps)
                peaks[i] = max(peaks[i], before, after)
                before = after


class Limiter:
    """Limits a stream of blocks: a whole one with `blocks`, or block by block with `process`.

    Parameters
    ----------
    sample_rate : int, hertz
    channels : int
    gain : float
        Factor on the audio before it is limited.
    ceiling_db : float, dB relative to full scale
        Highest true peak.
    look_ahead_ms : float, milliseconds
        How long before a peak the gain begins to fall.

    Attributes
    ----------
    least_gain : float
        The smallest gain so far; 1 if nothing was limited.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        gain: float = 1.0,
        ceiling_db: float = CEILING_DB,
        look_ahead_ms: float = LOOK_AHEAD_MS,
    ) -> None:
        self.least_gain = 1.0
        self._gain = np.float32(gain)
        self._ceiling = 10.0 ** (ceiling_db / 20.0)
        self._delay = limiter_delay(sample_rate, look_ahead_ms)
        length = self._delay - _REACH + 1
        self._held, self._recent = np.ones(length), np.ones(length)
        self._state = np.array([0.0, 1.0, float(length), 1.0])
        self._release = 1.0 - math.exp(-1e3 / (RELEASE_MS * sample_rate))
        self._phases = _interpolation()
        self._past = np.zeros((channels, 2 * _REACH), np.float32)
        self._waiting = np.zeros((channels, self._delay), np.float32)
        self._skip = self._delay

    def blocks(self, blocks: Iterator[Waveform]) -> Iterator[Waveform]:
        """Yield the limited audio, as long as the input and aligned with it."""
        for block in blocks:
            if (done := self.process(block)).shape[1]:
                yield done
        if (rest := self.process(np.zeros_like(self._waiting))).shape[1]:
            yield rest

    def process(self, block: Waveform) -> Waveform:
        """Take a block, and return what follows the audio that was returned before.

        The output ends `limiter_delay` samples before the end of the input.
        """
        block = block * self._gain
        peaks = self._peaks(block)
        # fmax and a least gain, so that samples that are not finite change nothing for long.
        needed = np.maximum(self._ceiling / np.fmax(peaks, self._ceiling), _LEAST_GAIN)
        gain = follow(needed, self._held, self._recent, self._state, self._release)
        self.least_gain = min(self.least_gain, float(gain.min(initial=1.0)))
        joined = np.concatenate([self._waiting, block], axis=1)
        n = block.shape[1]
        self._waiting = joined[:, n:]
        first, self._skip = min(self._skip, n), max(0, self._skip - n)
        return np.asarray(joined[:, first:n] * gain[first:], np.float32)

    def _peaks(self, block: Waveform) -> Array:
        """True peaks about each sample over all channels, `_REACH` samples late."""
        joined = np.concatenate([self._past, block], axis=1)
        self._past = joined[:, joined.shape[1] - 2 * _REACH :]
        n = block.shape[1]
        peaks: Array = np.abs(joined[:, _REACH : _REACH + n]).max(axis=0).astype(np.float64)
        most = float(np.abs(joined).max(initial=0.0))
        if most * _MOST_BETWEEN <= self._ceiling:
            return peaks
        raise_to_true_peaks(peaks, joined, self._phases)
        return peaks


def limiter_delay(sample_rate: int, look_ahead_ms: float) -> int:
    """By how many samples the output of a `Limiter` is later than its input."""
    return max(round(look_ahead_ms * 1e-3 * sample_rate), 1) + _REACH


def _interpolation() -> Array:
    """Filters that interpolate between the two middle samples of a window, (phases, taps)."""
    place = np.arange(2 * _REACH) - (_REACH - 1)
    found = []
    for phase in range(1, _PHASES):
        distance = phase / _PHASES - place
        taps = np.sinc(distance) * np.cos(0.5 * np.pi * distance / _REACH) ** 2
        found.append(taps / taps.sum())
    return np.array(found)
