"""The default: PGHI seeded with the content's phase, then a few fast Griffin-Lim steps.

Where the output's magnitude is still the content's, so is its phase; elsewhere the phase
is integrated outwards from there. Slight styles then start close to the content's phase,
full ones close to PGHI, whichever is the more consistent (docs/engine.md has the figures).
Where little of the content's magnitude is left, its phase only disturbs, and is not used.
"""

from __future__ import annotations

import torch
from torch import Tensor

from astfx.phase.base import PhaseProblem
from astfx.phase.griffin_lim import FAST_MOMENTUM, refine
from astfx.phase.pghi import pghi

SEED_WITHIN_DB = 6.0
LEAST_SEEDED_POWER = 0.3
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
