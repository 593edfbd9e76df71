"""`content`: the phase of the content, as if the method were a filter of it."""

from __future__ import annotations

from torch import Tensor

from astfx.dsp.phasors import with_magnitude
from astfx.phase.base import PhaseProblem


def content_phase(problem: PhaseProblem) -> Tensor:
    """Give the magnitudes the phase of the content; nothing is iterated."""
    result = with_magnitude(problem.content, problem.magnitude)
    result[: len(problem.fixed)] = problem.fixed
    return result
