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

_PHASES = 4  # a true peak is the largest sample after oversampling by 4 (ITU-R BS.1770-4)
_REACH = 12  # samples to either side that the interpolation uses


@compiled(nogil=True)
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


class Limiter:
    """Limits a stream of blocks. Feed it with `blocks`.

    Parameters
    ----------
    sample_rate : int, hertz
    channels : int
    gain : float
        Factor on the audio before it is limited.

    Attributes
    ----------
    least_gain : float
        The smallest gain so far; 1 if nothing was limited.
    """

    def __init__(self, sample_rate: int, channels: int, gain: float = 1.0) -> None:
        self.least_gain = 1.0
        self._gain = np.float32(gain)
        self._ceiling = 10.0 ** (CEILING_DB / 20.0)
        length = max(round(LOOK_AHEAD_MS * 1e-3 * sample_rate), 1) + 1
        self._held, self._recent = np.ones(length), np.ones(length)
        self._state = np.array([0.0, 1.0, float(length), 1.0])
        self._release = 1.0 - math.exp(-1e3 / (RELEASE_MS * sample_rate))
        self._phases = _interpolation()
        self._past = np.zeros((channels, 2 * _REACH), np.float32)
        self._delay = length - 1 + _REACH
        self._waiting = np.zeros((channels, self._delay), np.float32)

    def blocks(self, blocks: Iterator[Waveform]) -> Iterator[Waveform]:
        """Yield the limited audio, as long as the input and aligned with it."""
        skip = self._delay
        for block in blocks:
            done = self._process(block * self._gain)
            if skip < done.shape[1]:
                yield done[:, skip:]
            skip = max(0, skip - done.shape[1])
        rest = self._process(np.zeros_like(self._waiting))
        if rest.shape[1] > skip:
            yield rest[:, skip:]

    def _process(self, block: Waveform) -> Waveform:
        """Limit a block; what is returned is `_delay` samples late."""
        peaks = self._peaks(block)
        needed = self._ceiling / np.maximum(peaks, self._ceiling)
        gain = follow(needed, self._held, self._recent, self._state, self._release)
        self.least_gain = min(self.least_gain, float(gain.min(initial=1.0)))
        joined = np.concatenate([self._waiting, block], axis=1)
        self._waiting = joined[:, block.shape[1] :]
        return np.asarray(joined[:, : block.shape[1]] * gain, np.float32)

    def _peaks(self, block: Waveform) -> Array:
        """True peaks about each sample over all channels, `_REACH` samples late."""
        joined = np.concatenate([self._past, block], axis=1)
        self._past = joined[:, joined.shape[1] - 2 * _REACH :]
        n = block.shape[1]
        peaks: Array = np.abs(joined[:, _REACH : _REACH + n]).max(axis=0).astype(np.float64)
        for channel in joined:
            for taps in self._phases:
                # Between two samples: a peak there counts for both of them.
                between = np.abs(np.convolve(channel, taps, mode="valid"))
                np.maximum(peaks, between[:n], out=peaks)
                np.maximum(peaks, between[1 : n + 1], out=peaks)
        return peaks


def _interpolation() -> list[Array]:
    """Filters that interpolate between the two middle samples of a window, one for each phase."""
    place = np.arange(2 * _REACH) - (_REACH - 1)
    found = []
    for phase in range(1, _PHASES):
        distance = phase / _PHASES - place
        taps = np.sinc(distance) * np.cos(0.5 * np.pi * distance / _REACH) ** 2
        found.append((taps / taps.sum())[::-1])
    return found
