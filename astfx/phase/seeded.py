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
_TINY = 1e-20


def seeded_pghi(problem: PhaseProblem) -> Tensor:
    """PGHI from the content's phase where the magnitude is within 6 dB of the content's."""
    magnitude = problem.magnitude
    content_magnitude = problem.content.abs()
    ratio_db = 20.0 * torch.log10(magnitude.clamp_min(_TINY) / content_magnitude.clamp_min(_TINY))
    known = ratio_db.abs() < SEED_WITHIN_DB
    power = magnitude.square()
    if float(power[known].sum()) < LEAST_SEEDED_POWER * float(power.sum()):
        known.zero_()
    angle = problem.content.angle()
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
