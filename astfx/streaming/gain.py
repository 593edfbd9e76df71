"""The `gain` engine: a gain for each of 64 bands, on a short window, to keep most of the content.

At each hop, the gains map the running statistics of the content's band levels to those of the
style. It is the Monge (optimal transport) map between two Gaussians (`astfx.features.monge`).
Gains keep the content's phase and its stereo image.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from astfx.audio import Waveform
from astfx.audio.levels import SILENCE
from astfx.dsp.vector_math import raise_to
from astfx.dsp.windows import hann
from astfx.features.monge import Array, GainMap, band_gains
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.runtime.compiled import compiled
from astfx.runtime.packed import packed
from astfx.streaming.base import Strengths
from astfx.streaming.levels import (
    HeldPeak,
    HopPower,
    OutputLevel,
    add_power,
    hold_peak,
    in_burst,
    output_gain,
)
from astfx.streaming.overlap_add import (
    OverlapAdd,
    analyse,
    give_hop,
    largest,
    mean_power,
    mean_square,
    synthesise,
    take_hop,
)
from astfx.styles.analysis import live_grid

_OVERLAP = 4
_MEMORY_SECONDS = 4.0
_SOLVE_EVERY_SECONDS = 0.25


class _State(NamedTuple):
    """All that the engine knows.

    Attributes
    ----------
    frames : OverlapAdd
    bands : GainMap
    power : HopPower
    peaks : HeldPeak
    level : OutputLevel
    to_features : float
        Factor that makes magnitudes of a sound with an RMS of 1 features.
    content, gain, magnitude : (bins,)
        Memory for a frame.
    """

    frames: OverlapAdd
    bands: GainMap
    power: HopPower
    peaks: HeldPeak
    level: OutputLevel
    to_features: float
    content: Array
    gain: Array
    magnitude: Array


@compiled()
def _hops(state: _State, hops: Waveform, exponents: Strengths, out: Waveform) -> None:
    """Process hops, (channels, n * hop_length); the gains of each are raised to its exponent."""
    frames, power, gain, hop = state.frames, state.content, state.gain, state.frames.hop
    for i in range(len(exponents)):
        take_hop(frames, hops, i)
        analyse(frames)
        mean_power(frames, power)
        peak = largest(hop)
        held, sounding = hold_peak(state.peaks, peak), peak >= SILENCE
        if sounding:
            add_power(state.power, mean_square(hop))
        rms = math.sqrt(max(state.power.mean.value[0], SILENCE * SILENCE))
        scale = np.float32(state.to_features / rms)
        for k in range(len(power)):
            state.magnitude[k] = math.sqrt(power[k]) * scale
        informative = sounding and not in_burst(state.power)
        band_gains(state.bands, state.magnitude, informative, gain)
        if sounding:
            by = np.float32(output_gain(state.level, power, gain, informative))
            for k in range(len(gain)):
                gain[k] *= by
        if exponents[i] != 1.0:
            raise_to(gain, exponents[i])
        synthesise(frames, gain, held)
        give_hop(frames, i, out)


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
        grid = live_grid(sample_rate)
        self.hop_length = grid.hop_length
        per_second = sample_rate / grid.hop_length
        every = max(1, round(_SOLVE_EVERY_SECONDS * per_second))
        memory = _MEMORY_SECONDS * per_second
        window = hann(grid.n_fft).astype(np.float32)
        frames = OverlapAdd.of(channels, grid.hop_length, window, window, grid.n_fft)
        self.delay_samples = frames.delay_samples
        content, gain, magnitude = np.zeros((3, grid.n_fft // 2 + 1), np.float32)
        self._state = packed(
            _State(
                frames=frames,
                bands=GainMap.of(mean, covariance, sample_rate, grid.n_fft, memory, every),
                power=HopPower.of(memory, _OVERLAP),
                peaks=HeldPeak.of(memory),
                level=OutputLevel.of(sample_rate, grid.n_fft, memory),
                to_features=LogMagnitude(rms=1.0, n_fft=grid.n_fft).gain,
                content=content,
                gain=gain,
                magnitude=magnitude,
            )
        )

    def process(self, hops: Waveform, strengths: Strengths) -> Waveform:
        """Take hops and return as many of output; see `astfx.streaming.base.Engine`."""
        out = np.empty_like(hops)
        _hops(self._state, hops, strengths, out)
        return out
