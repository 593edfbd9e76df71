"""The spectral stage of the block engines: gains of bins that lead to the style's spectra.

In each hop, a Monge map gives the bands the style's means and covariances (`astfx.features.monge`),
and every bin takes the style's level of the same rank (`astfx.features.quantiles`). Both learn from
the content so far. The result is a gain of each bin, so the content's phase and its stereo image
stay as they are.

In an engine with a balance, each bin also gets the style's mean level over the seconds
(`astfx.features.balance`).

The analysis window is long, so that the bins are narrow, but falls quickly. Only its last part is
synthesised (`astfx.dsp.windows.asymmetric_windows`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.audio.levels import SILENCE
from astfx.dsp.vector_math import raise_to
from astfx.dsp.windows import asymmetric_windows, hann
from astfx.features import monge, quantiles
from astfx.features.balance import Balance, balance_gains, forget_lacking, learn_balance
from astfx.features.monge import GainMap, band_gains, band_levels
from astfx.features.quantiles import (
    QuantileMap,
    correct,
    groups_of_bins,
    learn_realised,
    quantile_gains,
)
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.runtime.compiled import compiled
from astfx.runtime.packed import packed
from astfx.streaming.base import Strengths, exponents_of
from astfx.streaming.levels import (
    HeldPeak,
    HopPower,
    OutputLevel,
    RunningMean,
    add_power,
    add_to_mean,
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

HOPS_PER_WINDOW = 8
_MEMORY_SECONDS = 8.0
_UPDATE_EVERY_SECONDS = 0.2
_FIRST_CHECKED = 2 * HOPS_PER_WINDOW

Array = npt.NDArray[np.float32]


class SpectralOptions(NamedTuple):
    """How far and how fast a spectral stage goes.

    Attributes
    ----------
    share : float, 0 to 1
        How far the level of a bin moves towards the style's level of the same rank.
    follow : float, above 0 to 1
        How far the gain of a bin moves, from hop to hop, towards the one for its own level.
    update_seconds : float
        Interval at which the Monge map is computed again and all requests are corrected.
    bands_prior_frames, bins_prior_frames : float
        How many frames of the content the style's statistics count as, until more of it is known:
        those of the Monge map, and the distributions of the bins' levels.
    is_balanced : bool
        Whether each bin gets the style's mean level over the seconds.
    """

    share: float
    follow: float
    update_seconds: float = _UPDATE_EVERY_SECONDS
    bands_prior_frames: float = monge.PRIOR_FRAMES
    bins_prior_frames: float = quantiles.PRIOR_FRAMES
    is_balanced: bool = False


class _State(NamedTuple):
    """All that a spectral stage knows.

    Attributes
    ----------
    frames : OverlapAdd
    bands : GainMap
    quantiles : QuantileMap
    power : HopPower
    peaks : HeldPeak
    level : OutputLevel
    balance : Balance
    output_power : RunningMean
        Mean power of the output, for the balance.
    is_balanced : int
        0 or 1.
    to_features : float
        Factor that makes magnitudes of a sound with an RMS of 1 features.
    window_scale : float
        Levels are compared with those of the style's frames, which have a Hann window.
    heard : (channels, n_fft)
        The latest output.
    hann : (n_fft,)
        Window for it.
    n_hops, n_known : (1,)
        Hops so far, and in a row that something was learned from.
    content, gain, magnitude, other : (bins,)
        Memory for a frame.
    """

    frames: OverlapAdd
    bands: GainMap
    quantiles: QuantileMap
    power: HopPower
    peaks: HeldPeak
    level: OutputLevel
    balance: Balance
    output_power: RunningMean
    is_balanced: int
    to_features: float
    window_scale: float
    heard: Array
    hann: Array
    n_hops: npt.NDArray[np.int64]
    n_known: npt.NDArray[np.int64]
    content: Array
    gain: Array
    magnitude: Array
    other: Array


@compiled()
def _hops(
    state: _State, hops: Waveform, content: Waveform, exponents: Strengths, out: Waveform
) -> None:
    """Process hops.

    Parameters
    ----------
    state : _State
    hops, content : (channels, n * hop_length)
        What is changed, and the content, whose peaks bound those of the output.
    exponents : (n,)
        Of the gains, for the strength.
    out : (channels, n * hop_length)
    """
    frames, power, gain, hop = state.frames, state.content, state.gain, state.frames.hop
    magnitude, other = state.magnitude, state.other
    for i in range(len(exponents)):
        take_hop(frames, content, i)
        held = hold_peak(state.peaks, largest(hop))
        take_hop(frames, hops, i)
        state.n_hops[0] += 1
        analyse(frames)
        mean_power(frames, power)
        sounding = largest(hop) >= SILENCE
        if sounding:
            add_power(state.power, mean_square(hop))
        informative = sounding and not in_burst(state.power)
        state.n_known[0] = state.n_known[0] + 1 if sounding else 0
        rms = math.sqrt(max(state.power.mean.value[0], SILENCE * SILENCE))
        to_features = state.to_features / rms
        scale = np.float32(to_features * state.window_scale)
        for k in range(len(power)):
            magnitude[k] = math.sqrt(power[k]) * scale
        band_gains(state.bands, magnitude, informative, gain)
        for k in range(len(gain)):
            magnitude[k] *= gain[k]
        quantile_gains(state.quantiles, magnitude, informative, other)
        for k in range(len(gain)):
            gain[k] *= other[k]
        if state.is_balanced:
            balance_gains(state.balance, gain)
        if sounding:
            by = np.float32(output_gain(state.level, power, gain, informative))
            for k in range(len(gain)):
                gain[k] *= by
        if exponents[i] != 1.0:
            raise_to(gain, exponents[i])
        synthesise(frames, gain, held)
        push(state.heard, hop)
        if state.is_balanced and informative:
            add_to_mean(state.output_power, mean_square(hop))
        give_hop(frames, i, out)
        # At other strengths, the output is not meant to have the style's levels.
        if exponents[i] == 1.0 and informative and state.n_hops[0] > _FIRST_CHECKED:
            if not state.n_hops[0] % 2:
                correct(state.quantiles)
            elif not state.is_balanced:
                _learn_output(state, to_features)
            else:
                # The output's own RMS: its loudness is the content's, and is not to be undone.
                rms = math.sqrt(max(state.output_power.value[0], SILENCE * SILENCE))
                _learn_output(state, state.to_features / rms)
        elif state.is_balanced and exponents[i] != 1.0:
            forget_lacking(state.balance)


@compiled()
def _learn_output(state: _State, to_features: float) -> None:
    """Learn the levels of the latest output, given the factor from magnitudes to features."""
    scale = np.float32(to_features)
    frames, power, magnitude = state.frames, state.content, state.magnitude
    transform(frames, state.heard, state.hann)
    mean_power(frames, power)
    for k in range(len(power)):
        magnitude[k] = math.sqrt(power[k]) * scale
    learn_realised(state.quantiles, magnitude)
    if state.is_balanced and state.n_known[0] > _FIRST_CHECKED:
        learn_balance(state.balance, magnitude)


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
    options : SpectralOptions
    """

    def __init__(
        self,
        style: Array,
        sample_rate: int,
        n_synthesis: int,
        channels: int,
        options: SpectralOptions,
    ) -> None:
        n_fft = 2 * (style.shape[1] - 1)
        self.hop_length = n_fft // HOPS_PER_WINDOW
        analysis, synthesis = asymmetric_windows(n_fft, n_synthesis)
        frames = OverlapAdd.of(channels, self.hop_length, analysis, synthesis, n_synthesis)
        self.delay_samples = frames.delay_samples
        whole = hann(n_fft)
        per_second = sample_rate / self.hop_length
        memory = _MEMORY_SECONDS * per_second
        every = max(1, round(options.update_seconds * per_second))
        magnitudes = np.expm1(style)
        levels = band_levels(magnitudes, sample_rate)
        covariance = np.atleast_2d(np.cov(levels.T)).astype(np.float32)
        mean = levels.mean(axis=0)
        borders = groups_of_bins(sample_rate, n_fft)
        bands_prior, bins_prior = options.bands_prior_frames, options.bins_prior_frames
        content, gain, magnitude, other = np.zeros((4, style.shape[1]), np.float32)
        self._state = packed(
            _State(
                frames=frames,
                bands=GainMap.of(mean, covariance, sample_rate, n_fft, memory, every, bands_prior),
                quantiles=QuantileMap.of(
                    magnitudes, borders, memory, every, options.share, options.follow, bins_prior
                ),
                power=HopPower.of(memory, HOPS_PER_WINDOW),
                peaks=HeldPeak.of(memory),
                level=OutputLevel.of(sample_rate, n_fft, memory),
                balance=Balance.of(magnitudes, per_second / 2.0),  # every second hop is learned,
                output_power=RunningMean.of(memory),
                is_balanced=int(options.is_balanced),
                to_features=LogMagnitude(rms=1.0, n_fft=n_fft).gain,
                window_scale=math.sqrt(float(np.square(whole).sum() / np.square(analysis).sum())),
                heard=np.zeros((channels, n_fft), np.float32),
                hann=whole.astype(np.float32),
                n_hops=np.zeros(1, np.int64),
                n_known=np.zeros(1, np.int64),
                content=content,
                gain=gain,
                magnitude=magnitude,
                other=other,
            )
        )

    def process(
        self, hops: Waveform, strengths: Strengths, content: Waveform | None = None
    ) -> Waveform:
        """Take hops and return as many of output.

        Parameters
        ----------
        hops : (channels, n * hop_length)
        strengths : (n,), 0 to 1
        content : (channels, n * hop_length), optional
            The content, if it is not the hops themselves.
        """
        exponents = exponents_of(strengths)
        out = np.empty_like(hops)
        _hops(self._state, hops, hops if content is None else content, exponents, out)
        return out
