"""The default phase method: PGHI seeded with the content's phase, then fast Griffin-Lim.

A style that resembles the content leaves most of its magnitude as it is. In those bins the
content's phase is kept, so a sound in the style of itself comes back unchanged. If such bins
have less than 0.7 of the power, the content's phase does more harm than good
(docs/measured/engine.md has the figures), and PGHI starts without seeds.
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
