"""The `stream` engine: causal, block by block, at a constant delay.

Each new frame of the content is mapped to the style's band covariances (`astfx.features.monge`)
and, bin by bin, to its distribution of levels (`astfx.features.quantiles`). The frames that have
not been emitted yet are then optimised by two steps on the block-wise infinite-width loss
(`astfx.features.block_kernel`). Their phase starts from the content's, and is made consistent over
the same frames. At last the oldest of them is emitted; the others are its look-ahead.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from astfx.audio import Waveform
from astfx.audio.levels import SILENCE
from astfx.features.block_kernel import BlockLoss
from astfx.features.monge import GainMap, band_levels
from astfx.features.quantiles import QuantileMap
from astfx.frontends.channels import Image
from astfx.frontends.grid import Grid
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft
from astfx.methods.gram import GramOptions, kernel_widths
from astfx.phase.griffin_lim import refine
from astfx.phase.phase_vocoder import continued_phases
from astfx.settings import position
from astfx.streaming.levels import HopPower, LoudnessMatch

LOOK_AHEAD_FRAMES = 2
_LOSS = GramOptions(kernel_ms=(23.0, 116.0, 255.0), bias=0.05)
_PAST_FRAMES = 128
_MOST_STYLE_FRAMES = 256
_MEMORY_SECONDS = 4.0
_SOLVE_EVERY_SECONDS = 0.25
_FIRST_STEP, _SHORTEST_STEP = 0.03, 0.003
_LONGEST_STEP = 1.3  # divided by the style's mean frame norm: longer steps blur dense styles
_PULL = 0.1
_PHASE_ITERATIONS = 1
_PHASE_TRUST = 0.025
_FIXED_FRAMES = 3


@dataclass
class _Frame:
    """One frame of the content that has not been emitted yet."""

    image: Image
    level: LogMagnitude
    features: Tensor  # (bins,), log magnitude
    aim: Tensor  # (bins,), log magnitude after the two maps
    silent: bool
    informative: bool  # neither silent nor a burst, so that the statistics learn from it
    strength: float


class StreamEngine:
    """Stylises hop by hop, by optimisation over a few frames.

    Parameters
    ----------
    runs : sequence of (frames, bins)
        The style's log magnitudes on the same grid, as runs of consecutive frames.
    grid : Grid
    channels : int
    weights : list of float, optional
        Weights of the runs, which add up to one. By default proportional to their lengths.
    """

    delay_hops = 3 + LOOK_AHEAD_FRAMES

    def __init__(
        self,
        runs: list[Tensor],
        grid: Grid,
        channels: int,
        weights: list[float] | None = None,
    ) -> None:
        self.hop_length = grid.hop_length
        self.grid = grid
        cpu = torch.device("cpu")
        self._stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=cpu)
        frames_per_second = grid.sample_rate / grid.hop_length
        memory = _MEMORY_SECONDS * frames_per_second
        every = max(1, round(_SOLVE_EVERY_SECONDS * frames_per_second))
        total = sum(len(run) for run in runs)
        weights = weights or [len(run) / total for run in runs]
        style = _weighted(runs, weights).numpy()
        levels = band_levels(np.expm1(style), grid.sample_rate)
        self._bands = GainMap(
            levels.mean(axis=0),
            np.cov(levels.T).astype(np.float32),
            grid.sample_rate,
            grid.n_fft,
            memory,
            every,
        )
        self._quantiles = QuantileMap(style, memory, every)
        self._most = torch.from_numpy(style.max(axis=0)) * _LOSS.headroom
        widths = kernel_widths(_LOSS, grid)
        self._n_free = 1 + LOOK_AHEAD_FRAMES
        self._loss = BlockLoss(
            _leading(runs, max(widths)), weights, widths, _LOSS.bias, _PAST_FRAMES, self._n_free
        )
        self._power = HopPower(memory, self._stft.overlap)
        self._loudness = LoudnessMatch(grid.sample_rate, grid.n_fft, memory / 2.0)
        turn = 2.0 * math.pi * grid.hop_length / grid.n_fft
        self._turns = np.exp(1j * turn * np.arange(self._stft.n_bins)).astype(np.complex64)
        n_bins = self._stft.n_bins
        self._input = torch.zeros(channels, grid.n_fft)
        self._peaks: deque[float] = deque([0.0] * self._stft.overlap, maxlen=self._stft.overlap)
        self._queue: deque[_Frame] = deque()
        self._current = torch.zeros(0, n_bins)  # optimised features of the queued frames
        self._latest = torch.zeros(n_bins)
        self._step = _FIRST_STEP
        self._longest_step = _LONGEST_STEP / max(float(np.linalg.norm(style, axis=1).mean()), 1.0)
        self._fixed = torch.zeros(_FIXED_FRAMES, n_bins, dtype=torch.complex64)
        self._tail = torch.zeros(channels, grid.n_fft - grid.hop_length)
        self._emitted: deque[Tensor] = deque(maxlen=2 * self._stft.overlap - 1)
        self._levels: deque[LogMagnitude] = deque(maxlen=self._stft.overlap)
        self._with_first = torch.zeros(channels)
        self._forget = 1.0 - 1.0 / memory

    def process(self, hop: Waveform, strength: float) -> Waveform:
        """Take a hop, (channels, hop_length), and return one of output; strength 0 to 1."""
        with torch.no_grad():
            self._append(torch.from_numpy(hop), strength)
            if len(self._queue) < self._n_free:
                return np.zeros_like(hop)
            self._match()
            return self._emit()

    def _append(self, hop: Tensor, strength: float) -> None:
        """Analyse a hop, map its frame to the style's statistics, and queue it."""
        n_hop = self.hop_length
        self._input = torch.cat([self._input[:, n_hop:], hop], dim=1)
        self._peaks.append(float(hop.abs().max()))
        self._with_first.mul_(self._forget).add_(hop @ hop[0])
        polarity = torch.where(self._with_first < 0.0, -1.0, 1.0)
        image = Image(self._stft.forward(self._input), polarity)
        silent = max(self._peaks) < SILENCE
        if self._peaks[-1] >= SILENCE:
            self._power.add(float(hop.square().mean()))
        informative = not silent and not self._power.burst
        rms = math.sqrt(max(self._power.value, SILENCE**2))
        level = LogMagnitude(rms=rms, n_fft=self.grid.n_fft)
        magnitude = image.shared[0].abs().mul_(level.gain).numpy()
        features = torch.from_numpy(np.log1p(magnitude))
        mapped = np.log1p(magnitude * self._bands.gain(magnitude, learn=informative))
        aim = torch.from_numpy(self._quantiles(mapped, learn=informative))
        self._queue.append(_Frame(image, level, features, aim, silent, informative, strength))
        self._current = torch.cat([self._current, aim[None]])

    def _match(self) -> None:
        """Optimise the queued frames by two steps, with two evaluations of the loss.

        The first step goes down the gradient. Its length adapts to what has worked lately. The
        second takes its length from how the gradient changed (Barzilai & Borwein 1988).
        """
        self._loss.begin(self._latest)
        aims = torch.stack([frame.aim for frame in self._queue])
        units = aims / aims.norm(dim=1, keepdim=True).clamp_min(1e-6)

        def objective(x: Tensor) -> tuple[float, Tensor]:
            loss, gradient = self._loss(x)
            # A penalty on the angle between each frame and its mapped content.
            sizes = x.norm(dim=1, keepdim=True).clamp_min(1e-6)
            cosine = (x * units).sum(dim=1, keepdim=True) / sizes
            loss += _PULL / len(x) * float((1.0 - cosine).sum())
            pull = cosine * x / sizes.square() - units / sizes
            return loss, gradient.add_(pull, alpha=_PULL / len(x))

        start = self._current
        loss, gradient = objective(start)
        slope = float(gradient.norm())
        if slope == 0.0:
            return
        length = self._step * float(start.norm()) / slope
        x = self._bounded(start - length * gradient)
        next_loss, next_gradient = objective(x)
        if next_loss >= loss:
            self._step = max(0.5 * self._step, _SHORTEST_STEP)
            return
        self._step = min(1.2 * self._step, self._longest_step)
        change = x - start
        curvature = float((change * (next_gradient - gradient)).sum())
        if curvature > 0.0:
            length = min(float(change.square().sum()) / curvature, 2.0 * length)
            x = self._bounded(x - length * next_gradient)
        self._current = x

    def _bounded(self, x: Tensor) -> Tensor:
        return torch.minimum(x.clamp_(min=0.0), self._most, out=x)

    def _emit(self) -> Waveform:
        """Find the oldest frame's phase, distribute it to the channels, and overlap-add it."""
        requests = torch.stack(
            [
                _request(frame, features)
                for frame, features in zip(self._queue, self._current, strict=True)
            ]
        )
        starts = torch.empty_like(requests, dtype=torch.complex64)
        continued_phases(
            torch.cat([frame.image.shared for frame in self._queue]).numpy(),
            requests.numpy(),
            self._fixed[-1].numpy(),
            self._turns,
            _PHASE_TRUST,
            starts.numpy(),
        )
        spectrogram = refine(
            torch.cat([self._fixed, starts]),
            torch.cat([self._fixed.abs(), requests]),
            self._fixed,
            self._stft,
            n_iter=_PHASE_ITERATIONS,
            momentum=0.0,
        )
        shared = spectrogram[_FIXED_FRAMES]
        frame = self._queue.popleft()
        self._latest = self._current[0]
        self._current = self._current[1:]
        self._fixed = torch.cat([self._fixed[1:], shared[None]])
        self._learn_from_output(frame, shared)
        if frame.silent:
            placed = torch.zeros_like(frame.image.content)
        else:
            sizes = (x.abs().numpy() for x in (frame.image.shared[0], shared))
            louder = self._loudness.gain(*sizes, learn=frame.informative)
            louder = 1.0 + (louder - 1.0) * position(frame.strength)
            placed = frame.image.place((shared * louder)[None])
        waveform = self._stft.inverse(placed)
        waveform[:, : self._tail.shape[1]] += self._tail
        self._tail = waveform[:, self.hop_length :]
        return np.ascontiguousarray(waveform[:, : self.hop_length].numpy())

    def _learn_from_output(self, frame: _Frame, shared: Tensor) -> None:
        """Analyse what was really emitted, one window ago, and correct later requests by it."""
        self._emitted.append(shared)
        self._levels.append(frame.level)
        overlap = self._stft.overlap
        if len(self._emitted) < 2 * overlap - 1 or not frame.informative or frame.strength < 1.0:
            return
        samples = self._stft.inverse(torch.stack(list(self._emitted)))
        first = (overlap - 1) * self.hop_length
        heard = self._stft.forward(samples[first : first + self.grid.n_fft])[0]
        features = self._levels[0].features(heard)
        self._loss.remember(features)
        self._quantiles.realised(features.numpy())


def _request(frame: _Frame, features: Tensor) -> Tensor:
    """Magnitude to synthesise for a frame at its strength, (bins,) -> (bins,)."""
    share = position(frame.strength)
    if share < 1.0:
        features = torch.lerp(frame.features, features, share)
    return frame.level.magnitude(features)


def _leading(runs: list[Tensor], least: int) -> list[Tensor]:
    """Shorten each run, to at least `least` frames, so that there are few enough in all."""
    total = sum(len(run) for run in runs)
    if total <= _MOST_STYLE_FRAMES:
        return runs
    return [run[: max(least, len(run) * _MOST_STYLE_FRAMES // total)] for run in runs]


def _weighted(runs: list[Tensor], weights: list[float]) -> Tensor:
    """Frames of all runs, (frames, bins). The number from each run follows its weight."""
    total = sum(len(run) for run in runs)
    parts = []
    for run, weight in zip(runs, weights, strict=True):
        count = max(1, round(weight * total))
        parts.append(run[torch.linspace(0, len(run) - 1, count).round().long()])
    return torch.cat(parts)
