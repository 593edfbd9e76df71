"""The default: PGHI seeded with the content's phase, then a few fast Griffin-Lim steps.

A style that resembles the content leaves most of its magnitude as it is, and there the
phase stays too: a sound in the style of itself comes back as it was. Where less than 0.7 of
the power is the content's, its phase only disturbs (docs/engine.md has the figures), and
PGHI starts from nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from astfx.phase.base import PhaseProblem
from astfx.phase.griffin_lim import FAST_MOMENTUM, refine
from astfx.phase.pghi import pghi

SEED_WITHIN_DB = 6.0
LEAST_SEEDED_POWER = 0.7


def seeded_pghi(problem: PhaseProblem) -> Tensor:
    """PGHI from the content's phase where the magnitude is within 6 dB of the content's."""
    magnitude = problem.magnitude
    power = magnitude.square()
    content_power = torch.view_as_real(problem.content).square().sum(dim=-1)
    within = 10.0 ** (SEED_WITHIN_DB / 10.0)
    known = (power < within * content_power) & (content_power < within * power)
    is_seeded = float(power[known].sum()) >= LEAST_SEEDED_POWER * float(power.sum())
    angle = problem.content.angle() if is_seeded else torch.zeros_like(magnitude)
    known &= is_seeded
    n_fixed = problem.fixed.shape[0]
    if n_fixed:
        angle[:n_fixed] = problem.fixed.angle()
        known[:n_fixed] = True
    phase = pghi(
        magnitude.cpu().numpy(),
        problem.stft.n_fft,
        problem.stft.hop_length,
        problem.rng,
        phase=angle.cpu().numpy(),
        known=known.cpu().numpy(),
    )
    estimate = torch.from_numpy(phase).to(magnitude.device)
    return refine(
        torch.polar(torch.ones_like(estimate), estimate),
        magnitude,
        problem.fixed,
        problem.stft,
        n_iter=problem.n_iter,
        momentum=FAST_MOMENTUM,
    )
