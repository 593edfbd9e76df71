"""Run streaming engines on blocks of any size, at a constant delay.

The dry signal and the parameter curves are delayed together with the audio. So everything stays
aligned to the sample, whatever the block size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.dsp.crossfade import mix_gains
from astfx.runtime.compiled import compiled
from astfx.streaming.base import Engine, Strengths

Curve = npt.NDArray[np.float32]

_LOUDEST = 100.0
_QUIETEST = 1e-20


class _Fifo:
    """A queue of samples, (rows, n)."""

    def __init__(self, rows: int) -> None:
        self._data = np.zeros((rows, 1 << 14), np.float32)
        self._first = self._last = 0

    def __len__(self) -> int:
        return self._last - self._first

    def put(self, *parts: npt.NDArray[np.float32]) -> None:
        """Append samples; each part, (rows, n) or (n,), holds some of the rows."""
        n = parts[0].shape[-1]
        if self._last + n > self._data.shape[1]:
            held = self._data[:, self._first : self._last]
            if 2 * (len(self) + n) > self._data.shape[1]:
                self._data = np.zeros((len(self._data), 4 * (len(self) + n)), np.float32)
            self._data[:, : held.shape[1]] = held.copy()
            self._first, self._last = 0, held.shape[1]
        first = 0
        for part in parts:
            end = first + (1 if part.ndim == 1 else len(part))
            self._data[first:end, self._last : self._last + n] = part
            first = end
        self._last += n

    def any(self) -> bool:
        return bool(self._data[:, self._first : self._last].any())

    def take(self, n: int) -> npt.NDArray[np.float32]:
        taken = self._data[:, self._first : self._first + n].copy()
        self._first += n
        return taken


class _Voice:
    """One style of a stream: its engine, while it can be heard, and its share of the output.

    Parameters
    ----------
    channels : int
    n_waiting : int
        Number of input samples that wait until a hop is full.
    n_pending : int
        Number of input samples that have no output yet.
    """

    def __init__(self, channels: int, n_waiting: int, n_pending: int) -> None:
        self.engine: Engine | None = None
        self.n_fed = 0  # samples that the engine has taken
        self.is_held = False  # kept though it cannot be heard
        self.wet = _Fifo(channels)
        self.at_input, self.at_output = _Fifo(1), _Fifo(1)
        self.at_input.put(np.zeros((1, n_waiting), np.float32))
        self.at_output.put(np.zeros((1, n_pending), np.float32))

    def add(self, share: Curve) -> None:
        """Add the style's share of further samples, (n,)."""
        self.at_input.put(share)
        self.at_output.put(share)


class Streamer:
    """Runs an engine for each style of a stream, and mixes their outputs with the dry signal.

    Parameters
    ----------
    channels : int
    hop_length, delay_samples : int
        Hop length and delay of the engines.
    make : callable
        ``make(key)`` returns a new engine for the style with a key.
    mix_law : {"linear", "equal_power"}
    """

    def __init__(
        self,
        channels: int,
        hop_length: int,
        delay_samples: int,
        make: Callable[[Hashable], Engine],
        mix_law: str = "linear",
    ) -> None:
        self._mix_law = mix_law
        self.latency_samples = latency_samples(hop_length, delay_samples)
        self._hop_length, self._delay_samples, self._make = hop_length, delay_samples, make
        self._channels = channels
        self._input = _Fifo(channels + 1)  # audio and strength
        self._dry = _Fifo(channels + 1)  # audio and share of the wet signal
        self._voices: dict[Hashable, _Voice] = {}
        n_recent = -(-delay_samples // hop_length)
        self._recent: deque[tuple[Waveform, Strengths]] = deque(maxlen=n_recent)
        self._n_hops = self._n_in = self._n_out = 0

    def insert(self, key: Hashable, engine: Engine) -> None:
        """Let a new engine run along unheard, until its style is used or it is released."""
        if key not in self._voices:
            self._voices[key] = self._new_voice()
        voice = self._voices[key]
        voice.is_held = True
        if voice.engine is None:
            voice.engine = engine

    def release(self, key: Hashable) -> None:
        """Drop an engine that was inserted, unless its style can be heard."""
        if key in self._voices:
            self._voices[key].is_held = False

    def is_primed(self, key: Hashable) -> bool:
        """Whether a style's engine has run for longer than its delay, so that it can fade in."""
        voice = self._voices.get(key)
        return voice is not None and voice.n_fed > self._delay_samples

    @property
    def n_engines(self) -> int:
        """Number of engines that run."""
        return sum(voice.engine is not None for voice in self._voices.values())

    def _new_voice(self) -> _Voice:
        return _Voice(self._channels, len(self._input), self._n_in - self._n_out)

    def process(
        self, block: Waveform, strength: Curve, wet: Curve, styles: Mapping[Any, Curve]
    ) -> Waveform:
        """Take a block, and return the output samples that it completes.

        Parameters
        ----------
        block : (channels, n) float32
        strength : (n,), 0 to 1
        wet : (n,), 0 to 1
            Share of the wet signal in the output.
        styles : mapping of key to (n,)
            Share of each style. The shares add up to one.

        Returns
        -------
        (channels, n_out)
            The output that follows the last block's, up to `latency_samples` before the end of
            the input.
        """
        n = block.shape[1]
        for key, share in styles.items():
            if key not in self._voices and share.any():
                self._voices[key] = self._new_voice()
        self._input.put(usable(block), strength)
        self._dry.put(block, wet)
        for key, voice in self._voices.items():
            own = styles.get(key)
            voice.add(np.zeros(n, np.float32) if own is None else own)
        self._n_in += n
        self._process_hops(len(self._input) // self._hop_length)
        n_out = max(0, self._n_in - self.latency_samples) - self._n_out
        dry = self._dry.take(n_out)
        output = mixed(dry[:-1], self._wet(n_out), dry[-1], self._mix_law)
        self._n_out += n_out
        return output

    def _process_hops(self, n: int) -> None:
        """Process n hops with every style that can be heard.

        As many hops as possible are processed at a time: those in which the same styles are heard.
        """
        if n == 0:
            return
        taken = self._input.take(n * self._hop_length)
        strengths = taken[-1].reshape(n, -1).mean(axis=1).astype(np.float64)
        shares = [voice.at_input.take(n * self._hop_length) for voice in self._voices.values()]
        heard = np.concatenate([np.zeros((0, n * self._hop_length), np.float32), *shares])
        flags = np.logical_or.reduce(heard.reshape(len(shares), n, -1) != 0.0, axis=2)
        changes = np.flatnonzero((flags[:, 1:] != flags[:, :-1]).any(axis=0)) + 1
        keys = list(self._voices)
        for first, end in pairwise([0, *changes.tolist(), n]):
            samples = slice(first * self._hop_length, end * self._hop_length)
            hops = np.ascontiguousarray(taken[:-1, samples])
            now = dict(zip(keys, flags[:, first].tolist(), strict=True))
            self._process_run(hops, strengths[first:end], now)

    def _process_run(
        self, hops: Waveform, strengths: Strengths, heard: Mapping[Hashable, bool]
    ) -> None:
        """Process hops in which each style is heard, or is not, from the first to the last."""
        for key, voice in list(self._voices.items()):
            voice.is_held = voice.is_held and not heard[key]
            if voice.engine is None and heard[key]:
                voice.engine = self._make(key)
                for earlier in self._recent:
                    self._feed(voice, *earlier)
            if not heard[key] and not voice.is_held and not voice.at_output.any():
                del self._voices[key]
            elif voice.engine is not None:
                self._feed(voice, hops, strengths)
        kept = min(len(strengths), self._recent.maxlen or 0)
        for i in range(len(strengths) - kept, len(strengths)):
            samples = slice(i * self._hop_length, (i + 1) * self._hop_length)
            self._recent.append((np.ascontiguousarray(hops[:, samples]), strengths[i : i + 1]))
        self._n_hops += len(strengths)

    def _feed(self, voice: _Voice, hops: Waveform, strengths: Strengths) -> None:
        """Give hops to a voice's engine, and queue what they complete."""
        assert voice.engine is not None
        wet = voice.engine.process(hops, strengths)
        voice.wet.put(wet[:, max(0, self._delay_samples - voice.n_fed) :])
        voice.n_fed += hops.shape[1]

    def _wet(self, n: int) -> Waveform:
        """The next samples of all styles, weighted by their shares and added, (channels, n)."""
        total = np.zeros((self._channels, n), np.float32)
        # The engines have given all samples up to this one.
        given = self._n_hops * self._hop_length - self._delay_samples
        for voice in self._voices.values():
            share = voice.at_output.take(n)
            # A voice that began later has no samples for the time before. Its engine was warmed up
            # with earlier hops, which may give samples for a time that is past.
            surplus = len(voice.wet) - max(0, given - self._n_out)
            voice.wet.take(max(0, surplus))
            n_missing = min(n, max(0, -surplus))
            wet = voice.wet.take(n - n_missing)
            audible = share[0, n_missing:]
            if not n_missing and len(self._voices) == 1 and (audible == 1.0).all():
                return wet
            if audible.any():
                total[:, n_missing:] += wet * audible
        return total


def latency_samples(hop_length: int, delay_samples: int) -> int:
    """Delay of a stream, in samples. It includes the wait until a hop is full.

    It does not depend on the size of the blocks.
    """
    return delay_samples + hop_length - 1


def usable(block: Waveform) -> Waveform:
    """Replace samples that engines cannot process by 0: not finite, above 100, or denormal."""
    if _all_usable(block):
        return block
    size = np.abs(block)
    return np.where((size <= _LOUDEST) & (size >= _QUIETEST), block, np.float32(0.0))


@compiled()
def _all_usable(block: Waveform) -> bool:
    for row in block:
        for sample in row:
            size = abs(sample)
            # NaN is not below anything.
            if not (size <= _LOUDEST and (size >= _QUIETEST or size == 0.0)):
                return False
    return True


def mixed(dry: Waveform, wet: Waveform, share: Curve, law: str = "linear") -> Waveform:
    """Mix dry and wet. Where the share of the wet is 0, the dry samples stay, bit for bit."""
    if not share.any():
        return dry.copy()
    if (share == 1.0).all():
        return wet
    clean = np.where(np.isfinite(dry), dry, np.float32(0.0))
    dry_gain, wet_gain = mix_gains(share, law)
    return np.where(share == 0.0, dry, clean * dry_gain + wet * wet_gain)
