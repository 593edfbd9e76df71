"""Phase reconstruction methods. To add one, write its file and add its row here."""

from __future__ import annotations

from astfx.errors import InvalidSettingError
from astfx.phase import content_phase, griffin_lim, local_sums, seeded_pghi
from astfx.phase.base import PhaseMethod, PhaseProblem

__all__ = ["PHASE_METHODS", "PhaseMethod", "PhaseProblem", "find_phase_method"]

PHASE_METHODS: dict[str, PhaseMethod] = {
    "pghi": PhaseMethod(
        summary="phase gradient heap integration, then a few fast Griffin-Lim steps",
        source="Průša et al. 2017; Perraudin et al. 2013",
        n_iter=8,
        reconstruct=seeded_pghi.seeded_pghi,
    ),
    "fast-griffin-lim": PhaseMethod(
        summary="Griffin-Lim with momentum 0.99, from random phase",
        source="Perraudin et al. 2013",
        n_iter=32,
        reconstruct=griffin_lim.fast_griffin_lim,
    ),
    "griffin-lim": PhaseMethod(
        summary="LSEE-MSTFTM, the classic algorithm, from random phase",
        source="Griffin & Lim 1984",
        n_iter=100,
        reconstruct=griffin_lim.griffin_lim,
    ),
    "oa-griffin-lim": PhaseMethod(
        summary="OA-MSTFTM, its form by plain overlap-add, from random phase",
        source="Griffin & Lim 1984",
        n_iter=100,
        reconstruct=griffin_lim.overlap_add_griffin_lim,
    ),
    "local-sums": PhaseMethod(
        summary="local weighted sums, bin by bin, loud bins first, from random phase",
        source="Le Roux et al. 2010",
        n_iter=100,
        reconstruct=local_sums.local_sums,
    ),
    "content": PhaseMethod(
        summary="the content's own phase, as if the method were a filter",
        source="none",
        n_iter=0,
        reconstruct=content_phase.content_phase,
    ),
}


def find_phase_method(name: str) -> PhaseMethod:
    """Look a phase method up by name.

    Raises
    ------
    InvalidSettingError
        For a name that is not in the registry.
    """
    try:
        return PHASE_METHODS[name]
    except KeyError:
        raise InvalidSettingError(
            f"phase={name!r} must be one of {', '.join(PHASE_METHODS)}"
        ) from None
