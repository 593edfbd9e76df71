"""The texture rounds: impose a style's envelope statistics on stylised audio.

The audio is cut into pieces of about ten seconds, or of `segment_seconds` if that is less. Each
piece is split into frequency bands. The envelopes of the bands are optimised towards the style's
statistics, but kept close to the content's contour and onsets. They are then imposed as a gain for
each band. Because neighbouring bands overlap, the result is split and optimised again, a few
rounds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from astfx.audio import SlidingReader, Waveform
from astfx.audio.levels import SILENCE
from astfx.engine.scan import Content
from astfx.features.texture import (
    CLASSES,
    COMPRESSION,
    ContentContour,
    EnvelopeBank,
    TextureLoss,
    TextureStatistics,
    TextureWeights,
)
from astfx.frontends.log_magnitude import REFERENCE_RMS
from astfx.optim.lbfgs import minimise
from astfx.plan import STRETCH_SECONDS, RenderPlan, even_borders
from astfx.runtime.progress import Monitor
from astfx.styles.analysis import texture_key
from astfx.styles.targets import StyleTargets

ITERATIONS = 20
_MOST_GAIN_DB = 40.0
_LEAST_ENVELOPE = 1e-4
_SHORTEST_SECONDS = 0.5
_STEP_WEIGHT = 1.0


class TextureRounds:
    """Imposes a style's texture statistics on stylised audio, piece by piece.

    Each piece is shaped with a margin on both sides, and crossfades into the next in the middle
    of the margin. The crossfade causes no dip, because a gain does not change the phase.

    Parameters
    ----------
    plan : RenderPlan
    targets : StyleTargets
    content : Content
    monitor : Monitor
        Receives the progress, as stage "shape", and divides the time budget. A piece that has used
        its share begins no further round.
    """

    def __init__(
        self, plan: RenderPlan, targets: StyleTargets, content: Content, monitor: Monitor
    ) -> None:
        settings, scan = plan.settings, content.scan
        self._plan, self._monitor = plan, monitor
        self._targets = [targets.tensors[texture_key(name)].to(plan.device) for name in CLASSES]
        self._weights = TextureWeights(
            contour=plan.options.contour_weight, onset=plan.options.onset_weight
        )
        self._sample_rate = content.source.sample_rate
        self._n_samples = scan.n_samples
        self._gain = REFERENCE_RMS / scan.rms  # the constants above assume this level
        self._content = SlidingReader(content.source.blocks(), content.source.channels)
        self._margin = round(settings.overlap_seconds * self._sample_rate)
        piece_seconds = min(settings.segment_seconds, STRETCH_SECONDS)
        self._borders = even_borders(self._n_samples, piece_seconds * self._sample_rate)
        count = len(self._borders) - 1
        monitor.expect("shape", count, _STEP_WEIGHT, timed_steps=count)

    def blocks(self, stylised: Iterator[Waveform]) -> Iterator[Waveform]:
        """Yield the shaped audio in (channels, n) blocks, as long as the content.

        Parameters
        ----------
        stylised : iterator of (channels, n) blocks
            As long as the content.
        """
        reader = SlidingReader(stylised, self._content.channels)
        margin, half = self._margin, self._margin // 2
        tail: Waveform | None = None
        count = len(self._borders) - 1
        for index in range(count):
            first, last = self._borders[index], self._borders[index + 1]
            start = max(0, first - margin)
            stop = min(self._n_samples, last + margin)
            with torch.no_grad():
                shaped = self._shape(index, start, reader.read(start, stop))
            begin = first - half if tail is not None else first
            end = last + half if index < count - 1 else last
            block = shaped[:, begin - start : end - start]
            if tail is not None:
                n = tail.shape[1]
                fade = (np.arange(n, dtype=np.float32) + np.float32(0.5)) / np.float32(n)
                block[:, :n] = tail * (1 - fade) + block[:, :n] * fade
            tail = None
            if index < count - 1:
                tail = block[:, -2 * half :].copy()
                block = block[:, : -2 * half]
            self._monitor.report("shape", index, 1.0)
            yield block

    def _shape(self, index: int, start: int, stylised: Waveform) -> Waveform:
        from scipy import fft

        n_samples = stylised.shape[1]
        content = self._content.read(start, start + n_samples)
        too_short = n_samples < _SHORTEST_SECONDS * self._sample_rate
        if too_short or np.abs(stylised).max() < SILENCE or np.abs(content).max() < SILENCE:
            return np.array(stylised)
        bank = EnvelopeBank(
            fft.next_fast_len(n_samples, real=True), self._sample_rate, self._plan.device
        )
        statistics = TextureStatistics(bank.n_frames, bank.frame_rate_hz, self._plan.device)
        _, bands = bank.split(self._padded(content, bank))
        contour = ContentContour(bank.envelopes(bands), bank.mel_weights, bank.frame_rate_hz)
        loss = TextureLoss(statistics, self._targets, contour, self._weights)
        waveform = self._padded(stylised, bank)
        deadline = self._monitor.deadline()
        for number in range(self._plan.texture_rounds):
            if number and deadline is not None and time.monotonic() > deadline:
                break
            spectrum, bands = bank.split(waveform)
            envelopes = bank.envelopes(bands).clamp_(min=_LEAST_ENVELOPE)
            found = minimise(
                loss,
                envelopes,
                iterations=ITERATIONS,
                lower_bound=_LEAST_ENVELOPE,
                first_step=0.05,
            )
            gain_db = (20.0 / COMPRESSION) * torch.log10(found.x / envelopes)
            gain = 10.0 ** (gain_db.clamp_(-_MOST_GAIN_DB, _MOST_GAIN_DB) / 20.0)
            waveform = bank.impose(spectrum, bands, gain)
            self._monitor.report("shape", index, (number + 1) / (self._plan.texture_rounds + 1))
        return np.array(waveform[:, :n_samples].div_(self._gain).cpu().numpy())

    def _padded(self, block: Waveform, bank: EnvelopeBank) -> Tensor:
        """Bring a block to the reference level, and mirror its end up to a fast FFT length."""
        extra = bank.n_samples - block.shape[1]
        padded = np.pad(block, ((0, 0), (0, extra)), mode="reflect") if extra else block
        return torch.from_numpy(padded * np.float32(self._gain)).to(self._plan.device)
