"""The envelope stage of the block engines: fast gains of bands that lead to the style's envelopes.

The bands get the distribution of levels and the modulations of the style
(`astfx.features.envelope_map`), on a window of 12 ms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.audio.levels import SILENCE
from astfx.dsp.vector_math import raise_to
from astfx.dsp.windows import hann
from astfx.features.envelope_map import (
    OVERLAP,
    EnvelopeMap,
    EnvelopeStatistics,
    envelope_gains,
    learn_envelopes,
    power_scale,
)
from astfx.runtime.compiled import compiled
from astfx.runtime.packed import packed
from astfx.streaming.base import exponents_of
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
    push,
    synthesise,
    take_hop,
    transform,
)

_MEMORY_SECONDS = 8.0

Array = npt.NDArray[np.float32]


class _State(NamedTuple):
    """All that an envelope stage knows.

    Attributes
    ----------
    frames : OverlapAdd
    map : EnvelopeMap
    power : HopPower
    peaks : HeldPeak
    level : OutputLevel
    scale : float
        Factor that makes powers of a sound with an RMS of 1 those of one with 0.1.
    heard : (channels, n_fft)
        The latest output of all stages.
    n_heard : (1,)
        Hops in a row in which something was heard.
    content, gain : (bins,)
        Memory for a frame.
    """

    frames: OverlapAdd
    map: EnvelopeMap
    power: HopPower
    peaks: HeldPeak
    level: OutputLevel
    scale: float
    heard: Array
    n_heard: npt.NDArray[np.int64]
    content: Array
    gain: Array


@compiled()
def _hops(state: _State, hops: Waveform, heard: Waveform, exponent: float, out: Waveform) -> None:
    """Process hops, (channels, n * hop_length), given as much of what was heard last.

    Their gains are raised to an exponent, for the strength.
    """
    frames, power, gain, hop = state.frames, state.content, state.gain, state.frames.hop
    for i in range(hops.shape[1] // frames.hop_length):
        take_hop(frames, hops, i)
        analyse(frames)
        mean_power(frames, power)
        peak = largest(hop)
        held, sounding = hold_peak(state.peaks, peak), peak >= SILENCE
        if sounding:
            add_power(state.power, mean_square(hop))
        scale = np.float32(state.scale / max(state.power.mean.value[0], SILENCE * SILENCE))
        for k in range(len(power)):
            power[k] *= scale
        informative = sounding and not in_burst(state.power)
        envelope_gains(state.map, power, informative, gain)
        if sounding:
            by = np.float32(output_gain(state.level, power, gain, informative))
            for k in range(len(gain)):
                gain[k] *= by
        if exponent != 1.0:
            raise_to(gain, exponent)
        synthesise(frames, gain, held)
        give_hop(frames, i, out)
        take_hop(frames, heard, i)
        push(state.heard, hop)
        state.n_heard[0] = state.n_heard[0] + 1 if largest(hop) >= SILENCE else 0
        # What is heard comes later than the hops: at first nothing is. At other strengths, the
        # output is not meant to have the style's modulations.
        if exponent == 1.0 and state.n_heard[0] >= OVERLAP:
            _learn_output(state, scale, informative)


@compiled()
def _learn_output(state: _State, scale: np.float32, learn: bool) -> None:
    """Learn the envelopes of the latest output, given the factor for powers."""
    frames, power = state.frames, state.content
    transform(frames, state.heard, frames.analysis)
    mean_power(frames, power)
    for k in range(len(power)):
        power[k] *= scale
    learn_envelopes(state.map, power, learn)


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
        n_fft = OVERLAP * hop_length
        self.hop_length = hop_length
        window = np.sqrt(hann(n_fft)).astype(np.float32)
        frames = OverlapAdd.of(channels, hop_length, window, window, n_fft)
        self.delay_samples = frames.delay_samples
        memory = _MEMORY_SECONDS * sample_rate / hop_length
        content, gain = np.zeros((2, n_fft // 2 + 1), np.float32)
        self._state = packed(
            _State(
                frames=frames,
                map=EnvelopeMap.of(style, sample_rate, n_fft, memory),
                power=HopPower.of(memory, OVERLAP),
                peaks=HeldPeak.of(memory),
                level=OutputLevel.of(sample_rate, n_fft, memory),
                scale=power_scale(1.0, n_fft) ** 2,
                heard=np.zeros((channels, n_fft), np.float32),
                n_heard=np.zeros(1, np.int64),
                content=content,
                gain=gain,
            )
        )

    def process(self, hops: Waveform, heard: Waveform, strength: float) -> Waveform:
        """Take hops and return as much output.

        Parameters
        ----------
        hops : (channels, n * hop_length)
        heard : (channels, n * hop_length)
            What was heard last, after all stages: the modulations are corrected by it.
        strength : float, 0 to 1
        """
        out = np.empty_like(hops)
        _hops(self._state, hops, heard, float(exponents_of(np.array([strength]))[0]), out)
        return out
