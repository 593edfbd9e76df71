"""The texture rounds: impose a style's envelope statistics on stylised audio.

The audio is cut into pieces of about ten seconds, or of `segment_seconds` if that is less. Each
piece is split into frequency bands. The envelopes of the bands are optimised towards the style's
statistics, but kept close to the content's contour and onsets. They are then imposed as a gain for
each band. Because neighbouring bands overlap, the result is split and optimised again, a few
rounds, in two filter banks by turns.

The rounds move what the method has matched before. Six rounds before the end, and every six rounds
before that, the method therefore matches the piece again, and its result is imposed as a gain of
each bin.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from astfx.audio import SlidingReader, Waveform
from astfx.audio.levels import SILENCE
from astfx.engine.pieces import in_pieces
from astfx.engine.scan import Content
from astfx.features.content_contour import ContentContour
from astfx.features.envelope_bank import COMPRESSION, EnvelopeBank
from astfx.features.texture_layout import CLASSES, TextureLayout
from astfx.features.texture_loss import TextureLoss, TextureWeights
from astfx.features.texture_statistics import TextureStatistics
from astfx.frontends.channels import Image
from astfx.frontends.log_magnitude import REFERENCE_RMS, LogMagnitude
from astfx.methods.base import Problem
from astfx.optim.lbfgs import minimise
from astfx.plan import STRETCH_SECONDS, RenderPlan, even_borders
from astfx.runtime.device import pool_on, thread_count
from astfx.runtime.pool import Pool
from astfx.runtime.progress import Monitor
from astfx.styles.analysis import round_targets
from astfx.styles.targets import StyleTargets

MATCH_ITERATIONS = 10
ROUNDS_PER_MATCH = 6
_MEMORY = 3  # steps that L-BFGS remembers
_MOST_GAIN_DB = 40.0
_MOST_BIN_GAIN_DB = 20.0
_LEAST_MAGNITUDE = 1e-9  # at the scale of the features
_LEAST_ENVELOPE = 1e-4
_LEAST_SHARE = 1e-3  # of a band's mean in the mean over all bands
_COST_OF_ROUND, _COST_OF_MATCH = 3, 20  # as much time as so many iterations
MOST_LEVEL_CHANGE = 2.0  # of a band's mean at the start of a round: 20 dB
_UNIT_EXPONENT = 0.25
_SHORTEST_SECONDS = 0.5
_EMPHASIS = 1.0  # by how much more the content counts just above strength 0 than at strength 1
_STEP_WEIGHT = 1.0


class TextureRounds:
    """Imposes a style's texture statistics on stylised audio, piece by piece.

    The crossfades between pieces cause no dip, because a gain does not change the phase.

    Parameters
    ----------
    plan : RenderPlan
    targets : StyleTargets
    content : Content
    monitor : Monitor
        Receives the progress, as stage "shape", and divides the time budget. A piece leaves rounds
        out if its share is too short for all of them, and begins none when it has used its share.
    edge_samples : int
        By how much a piece is mirrored at the ends of the clip, so that its bands do not wrap
        round there. The statistics leave these samples out.
    strength : float, 0 to 1
        The lower it is, the more the content counts. 1 if strength changes over time.
    """

    def __init__(
        self,
        plan: RenderPlan,
        targets: StyleTargets,
        content: Content,
        monitor: Monitor,
        edge_samples: int,
        strength: float,
    ) -> None:
        settings, scan = plan.settings, content.scan
        self._plan, self._monitor = plan, monitor
        self._style = targets.to(plan.device).tensors
        self._targets = round_targets(self._style)
        self._polarity = torch.from_numpy(scan.polarity).to(plan.device)
        # Less strength is not only less of the same result, but one that keeps more of the content.
        emphasis = 1.0 + _EMPHASIS * (1.0 - strength)
        self._weights = TextureWeights(
            contour=emphasis * plan.options.contour_weight,
            onset=emphasis * plan.options.onset_weight,
        )
        self._sample_rate = content.source.sample_rate
        self._n_samples, self._edge_samples = scan.n_samples, edge_samples
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
        return in_pieces(stylised, self._content.channels, self._borders, self._margin, self._shape)

    @torch.no_grad()
    def _shape(self, index: int, start: int, stylised: Waveform) -> Waveform:
        from scipy import fft

        n_samples, settings = stylised.shape[1], self._plan.settings
        content = self._content.read(start, start + n_samples)
        too_short = n_samples < _SHORTEST_SECONDS * self._sample_rate
        if too_short or np.abs(stylised).max() < SILENCE or np.abs(content).max() < SILENCE:
            self._monitor.report("shape", index, 1.0)
            return np.array(stylised)
        head = self._edge_samples if start == 0 else 0
        tail = self._edge_samples if start + n_samples == self._n_samples else 0
        tail += fft.next_fast_len(head + n_samples + tail, real=True) - head - n_samples - tail
        original = self._padded(content, head, tail)
        spectrum = torch.fft.rfft(self._padded(stylised, head, tail))
        piece = _Piece(
            start=spectrum,
            content=torch.fft.rfft(original),
            n_samples=original.shape[1],
            sample_rate=self._sample_rate,
            real=(head, head + n_samples),
        )
        content_features = self._features(original)[1] if settings.timbre > 0.0 else None
        with pool_on(self._plan.device) as pool:
            waveform = self._in_rounds(index, piece, pool, content_features)
        self._monitor.report("shape", index, 1.0)
        return np.array(waveform[:, slice(*piece.real)].div_(self._gain).cpu().numpy())

    def _in_rounds(
        self, index: int, piece: _Piece, pool: Pool, content_features: Tensor | None
    ) -> Tensor:
        """Return the waveform of a piece after all rounds, (channels, samples)."""
        settings, rounds = self._plan.settings, self._plan.texture_rounds
        spectrum = piece.start
        with thread_count(1):
            banks = [
                _Bank(
                    piece,
                    layout,
                    _Aim(targets, settings.timbre, settings.texture),
                    self._weights,
                    pool,
                )
                for layout, targets in self._targets
            ]
        deadline = self._monitor.deadline()
        costs = _costs(rounds)
        began, spent, number = time.monotonic(), 0, 0
        while number < len(rounds):
            first = number
            if spent and deadline is not None:
                now = time.monotonic()
                if now > deadline:
                    self._monitor.stopped_early = True
                    break
                number = _affordable(costs, number, (deadline - now) * spent / (now - began))
                self._monitor.stopped_early |= number > first
            due = any(_match_is_due(k, len(rounds)) for k in range(first, number + 1))
            if content_features is not None and due:
                waveform = torch.fft.irfft(spectrum, n=piece.n_samples)
                spectrum = torch.fft.rfft(self._matched(waveform, content_features))
            with thread_count(1):  # the pool's threads share whole bands instead
                spectrum = banks[number % len(banks)].impose(spectrum, rounds[number])
            spent += costs[number]
            number += 1
            self._monitor.report("shape", index, sum(rounds[:number]) / (sum(rounds) + 1))
        found: Tensor = torch.fft.irfft(spectrum, n=piece.n_samples)
        return found

    def _matched(self, waveform: Tensor, content_features: Tensor) -> Tensor:
        """Match a piece to the style once more, and impose the result as a gain of each bin."""
        plan, stft = self._plan, self._plan.stft
        n_samples, edge = waveform.shape[1], stft.n_fft
        spectrogram, features = self._features(waveform)
        found = plan.method.match(
            Problem(
                grid=plan.grid,
                content=content_features,
                start=features,
                n_fixed=0,
                past=None,
                targets=self._style,
                options=plan.options,
                iterations=MATCH_ITERATIONS,
                seed=plan.settings.seed,
                callback=lambda iteration, loss: False,
            )
        )
        gain = found.x.expm1_().div_(features.expm1_().clamp_min_(_LEAST_MAGNITUDE))
        gain.clamp_(10.0 ** (-_MOST_GAIN_DB / 20.0), 10.0 ** (_MOST_BIN_GAIN_DB / 20.0))
        if plan.settings.timbre < 1.0:
            gain.pow_(plan.settings.timbre)
        return stft.inverse(spectrogram.mul_(gain))[:, edge : edge + n_samples]

    def _features(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Spectrogram of a piece, and its log magnitudes as if the piece had the style's level."""
        stft = self._plan.stft
        # The ends are mirrored, so that the frames there are as full as all others.
        edge = stft.n_fft
        filled = -(waveform.shape[1] + edge) % stft.hop_length
        mirrored = torch.nn.functional.pad(waveform, (edge, edge + filled), mode="reflect")
        spectrogram = stft.forward(mirrored)
        rms = max(float(waveform.square().mean().sqrt()), SILENCE)
        level = LogMagnitude(rms=rms, n_fft=stft.n_fft)
        return spectrogram, level.features(Image(spectrogram, self._polarity).shared)

    def _padded(self, block: Waveform, head: int, tail: int) -> Tensor:
        """Bring a block to the reference level, and mirror its ends."""
        padded = np.pad(block, ((0, 0), (head, tail)), mode="reflect")
        return torch.from_numpy(padded * np.float32(self._gain)).to(self._plan.device)


def _match_is_due(number: int, n_rounds: int) -> bool:
    """Whether the method matches again before a round."""
    return (n_rounds - number) % ROUNDS_PER_MATCH == 0 and number >= ROUNDS_PER_MATCH


def _costs(rounds: Sequence[int]) -> list[int]:
    """About how much time each round takes, in iterations."""
    matches = (_match_is_due(number, len(rounds)) for number in range(len(rounds)))
    return [
        iterations + _COST_OF_ROUND + due * _COST_OF_MATCH
        for iterations, due in zip(rounds, matches, strict=True)
    ]


def _affordable(costs: Sequence[int], number: int, most: float) -> int:
    """Number of the round to go on with, if all that follow may cost `most`.

    The short rounds at the end matter most. Rounds are left out by twos, so that the two banks
    still take turns.
    """
    while number + 2 < len(costs) and sum(costs[number:]) > most:
        number += 2
    return number


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A piece of audio at the reference level, with mirrored ends.

    Attributes
    ----------
    start, content : (channels, bins)
        Spectra of the piece before the rounds, and of its content.
    n_samples : int
    sample_rate : int, hertz
    real : (int, int)
        First and last sample that count; the others are mirrored.
    """

    start: Tensor
    content: Tensor
    n_samples: int
    sample_rate: int
    real: tuple[int, int]


@dataclass(frozen=True)
class _Aim:
    """The statistics that the rounds aim at.

    Attributes
    ----------
    style : list of Tensor
    timbre, texture : float, 0 to 1
        How far to go with the bands' means from the content's to the style's; and with all other
        statistics, from those of the piece before the rounds.
    """

    style: list[Tensor]
    timbre: float
    texture: float

    def statistics(self, piece: _Piece, measured: Callable[[Tensor], list[Tensor]]) -> list[Tensor]:
        """Statistics to aim at; `measured` returns those of a spectrum in the bank that is used."""
        aims = list(self.style)
        if self.texture < 1.0:
            before = measured(piece.start)
            aims = [torch.lerp(a, b, self.texture) for a, b in zip(before, self.style, strict=True)]
        mean = CLASSES.index("envelope_mean")
        aims[mean] = self.style[mean]
        if self.timbre < 1.0:
            aims[mean] = torch.lerp(measured(piece.content)[mean], self.style[mean], self.timbre)
        return aims


class _Bank:
    """A filter bank in which a piece of audio takes on a style's statistics.

    Parameters
    ----------
    piece : _Piece
    layout : TextureLayout
    aim : _Aim
    weights : TextureWeights
    pool : Pool
    """

    def __init__(
        self,
        piece: _Piece,
        layout: TextureLayout,
        aim: _Aim,
        weights: TextureWeights,
        pool: Pool,
    ) -> None:
        device = piece.content.device
        self._bands = bands = EnvelopeBank(piece.n_samples, piece.sample_rate, device, layout, pool)
        self._first, self._last = (
            round(sample * bands.n_frames / bands.n_samples) for sample in piece.real
        )
        n_frames, rate = self._last - self._first, bands.frame_rate_hz
        content = self._envelopes(bands.split(piece.content))
        contour = ContentContour(content, bands.mel_weights, rate, layout)
        statistics = TextureStatistics(n_frames, rate, device, layout)

        def measured(spectrum: Tensor) -> list[Tensor]:
            return statistics(self._envelopes(bands.split(spectrum)))

        targets = aim.statistics(piece, measured)
        self._means = targets[CLASSES.index("envelope_mean")][:, None]
        self._loss = TextureLoss(statistics, targets, contour, weights, pool)

    def impose(self, spectrum: Tensor, iterations: int) -> Tensor:
        """Optimise the envelopes of a spectrum's bands, and impose them as gains of the bands."""
        signals = self._bands.split(spectrum)
        envelopes = self._envelopes(signals).clamp_(min=_LEAST_ENVELOPE)
        # Quiet bands move in smaller steps: there, a small change is a large one beside the mean.
        mean = envelopes.mean(dim=1, keepdim=True)
        unit = mean.div(mean.mean()).clamp_(min=_LEAST_SHARE).pow_(_UNIT_EXPONENT)

        def objective(x: Tensor) -> tuple[float, Tensor]:
            loss, gradient = self._loss(x * unit)
            return loss, gradient.mul_(unit)

        # A static gain brings each band to its level and changes nothing else, so the search does
        # not have to find it.
        overall = self._means.mean().clamp_min(_LEAST_ENVELOPE)
        change = (self._means / overall) / (mean / mean.mean())
        change.clamp_(1.0 / MOST_LEVEL_CHANGE, MOST_LEVEL_CHANGE)
        found = minimise(
            objective,
            envelopes * change / unit,
            iterations=iterations,
            memory=_MEMORY,
            lower_bound=_LEAST_ENVELOPE / unit,
            first_step=0.05,
        )
        gain_db = (20.0 / COMPRESSION) * torch.log10(found.x.mul_(unit).div_(envelopes))
        gain = 10.0 ** (gain_db.clamp_(-_MOST_GAIN_DB, _MOST_GAIN_DB) / 20.0)
        around = (self._first, self._bands.n_frames - self._last)
        # Mirrored samples take the gains of those that they mirror.
        gain = torch.nn.functional.pad(gain[None], around, mode="reflect")[0]
        return self._bands.impose(spectrum, signals, gain)

    def _envelopes(self, signals: list[Tensor]) -> Tensor:
        return self._bands.envelopes(signals)[:, self._first : self._last].contiguous()
