"""Keep the pitch of the content: as much of its harmonics as makes the output periodic again.

A style rarely has the pitch of the content. Its texture and its noise cover the content's harmonics
until no pitch is left. In every voiced frame of the content, the stage measures how periodic the
output is at the content's pitch, as the correlation of a frame with itself, one period later. Where
it falls short, the stage adds the content's harmonics, at the least level that reaches the goal.

Frames without a pitch stay as they are, and so do frames whose pitch is clear enough. Whatever is
added takes the output away from the style: docs/measured/sound.md has the cost.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from astfx.audio import SlidingReader, Waveform, resample
from astfx.audio.levels import SILENCE
from astfx.dsp.pitch import (
    ANALYSIS_RATE_HZ,
    FRAME_LENGTH,
    HOP_LENGTH,
    PITCH_RANGE_HZ,
    Pitch,
    track_pitch,
)
from astfx.engine.pieces import in_pieces
from astfx.engine.scan import Content
from astfx.frontends.grid import Grid
from astfx.frontends.stft import Stft
from astfx.plan import STRETCH_SECONDS, RenderPlan, even_borders
from astfx.runtime.progress import Monitor

PERIODICITY = 0.8

_WINDOW_MS = 1e3 * FRAME_LENGTH / ANALYSIS_RATE_HZ
_WIDTH = 0.12  # of a tooth of the comb, as a share of the pitch
_LEAST_WIDTH_HZ = 12.0
_SLACK = 0.03  # between the goal and the periodicity of the harmonics themselves
_LEAST_PERIODICITY = 0.3  # of harmonics that are worth adding
_TINY = 1e-12
_STEP_WEIGHT = 0.3

Frames = npt.NDArray[np.float64]


class PitchKeeper:
    """Adds harmonics of the content to stylised audio where its pitch is lost.

    Parameters
    ----------
    plan : RenderPlan
    content : Content
    monitor : Monitor
        Receives the progress, as stage "pitch".
    """

    def __init__(self, plan: RenderPlan, content: Content, monitor: Monitor) -> None:
        self._monitor = monitor
        self._sample_rate = rate = content.source.sample_rate
        self._polarity = content.scan.polarity
        self._content = SlidingReader(content.source.blocks(), content.source.channels)
        self._margin = round(plan.settings.overlap_seconds * rate)
        self._borders = even_borders(content.scan.n_samples, STRETCH_SECONDS * rate)
        grid = Grid.of(_WINDOW_MS, rate)
        self._stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=torch.device("cpu"))
        monitor.expect("pitch", len(self._borders) - 1, _STEP_WEIGHT)

    def blocks(self, stylised: Iterator[Waveform]) -> Iterator[Waveform]:
        """Yield the audio with the content's pitch, in (channels, n) blocks."""
        channels = self._content.channels
        return in_pieces(stylised, channels, self._borders, self._margin, self._keep)

    def _keep(self, index: int, start: int, piece: Waveform) -> Waveform:
        content = self._content.read(start, start + piece.shape[1])
        kept = np.array(piece)
        if np.abs(content).max() >= SILENCE:
            mono = (self._polarity[:, None] * content).mean(axis=0)
            pitch = track_pitch(resample(mono[None], self._sample_rate, ANALYSIS_RATE_HZ)[0])
            if pitch.voiced.any():
                harmonics = comb_filtered(content, pitch, self._stft, self._sample_rate)
                gain = harmonic_gain(piece, harmonics, pitch, self._sample_rate)
                hops = np.arange(piece.shape[1]) * (ANALYSIS_RATE_HZ / HOP_LENGTH)
                hops /= self._sample_rate
                kept += harmonics * np.interp(hops, np.arange(len(gain)), gain).astype(np.float32)
        self._monitor.report("pitch", index, 1.0)
        return kept


def comb_filtered(content: Waveform, pitch: Pitch, stft: Stft, sample_rate: int) -> Waveform:
    """Keep what lies at the harmonics of the pitch, (channels, n) -> (channels, n).

    Frames without a pitch are silent in the result.
    """
    spectrogram = stft.analyse(torch.from_numpy(np.ascontiguousarray(content)))
    n_frames = spectrogram.shape[1]
    centres = (np.arange(n_frames) + 1) * stft.hop_length - stft.n_fft / 2
    nearest = np.round(centres / sample_rate * (ANALYSIS_RATE_HZ / HOP_LENGTH)).astype(int)
    nearest = nearest.clip(0, len(pitch.hertz) - 1)
    fundamental = np.nan_to_num(pitch.hertz[nearest], nan=PITCH_RANGE_HZ[0])[:, None]
    frequency = np.arange(stft.n_bins) * (sample_rate / stft.n_fft)
    harmonic = np.maximum(np.round(frequency / fundamental), 1.0)
    width = np.maximum(_WIDTH * fundamental, _LEAST_WIDTH_HZ)
    teeth = np.exp(-0.5 * np.square((frequency - harmonic * fundamental) / width))
    mask = teeth * pitch.voiced[nearest][:, None]
    spectrogram.mul_(torch.from_numpy(mask.astype(np.float32)))
    return stft.synthesise(spectrogram, content.shape[1]).numpy()


def harmonic_gain(output: Waveform, harmonics: Waveform, pitch: Pitch, sample_rate: int) -> Frames:
    """Gain of the harmonics for each frame of the pitch: 0 where the output is periodic enough.

    With correlations r and energies e of output and harmonics, one period apart, the sum has the
    correlation (r_o + g^2 r_h) / (e_o + g^2 e_h), if the two are independent. It is solved for g.
    """
    gain = np.zeros(len(pitch.hertz))
    length = round(_WINDOW_MS * 1e-3 * sample_rate)
    for frame in np.flatnonzero(pitch.voiced):
        centre = round(frame * HOP_LENGTH / ANALYSIS_RATE_HZ * sample_rate)
        begin = max(centre - length // 2, 0)
        part = slice(begin, begin + length)
        lag = round(sample_rate / pitch.hertz[frame])
        r_output, e_output = _correlation(output[:, part], lag)
        r_added, e_added = _correlation(harmonics[:, part], lag)
        found = r_output / (e_output + _TINY)
        most = r_added / (e_added + _TINY)
        goal = min(PERIODICITY, most - _SLACK)
        if most >= _LEAST_PERIODICITY and found < goal:
            square = e_output * (goal - found) / (e_added * (most - goal) + _TINY)
            gain[frame] = np.sqrt(square)
    # A frame reaches into its neighbours.
    around = np.pad(gain, 1)
    return np.maximum(np.maximum(around[:-2], around[2:]), gain)


def _correlation(frame: Waveform, lag: int) -> tuple[float, float]:
    """Product of a frame with itself one lag later, and the mean of the two parts' energies."""
    early, late = frame[:, :-lag].ravel(), frame[:, lag:].ravel()
    return float(early @ late), 0.5 * float(early @ early + late @ late)
