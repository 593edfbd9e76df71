"""Crossfades between a dry and a wet signal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Gains = npt.NDArray[np.float32]


def _linear(share: Gains) -> tuple[Gains, Gains]:
    return np.float32(1.0) - share, share


def _equal_power(share: Gains) -> tuple[Gains, Gains]:
    # Sines start gently, so that a fade has no corner; at both ends they must be exact.
    angle = np.float32(0.5 * np.pi) * share
    dry = np.where(share >= 1.0, np.float32(0.0), np.cos(angle))
    wet = np.where(share >= 1.0, np.float32(1.0), np.sin(angle))
    return dry, wet


_LAWS: dict[str, Callable[[Gains], tuple[Gains, Gains]]] = {
    "linear": _linear,
    "equal_power": _equal_power,
}


def mix_gains(share: npt.ArrayLike, law: str) -> tuple[Gains, Gains]:
    """Gains of the dry and of the wet signal.

    Parameters
    ----------
    share : array_like, 0 to 1
        Share of the wet signal.
    law : {"linear", "equal_power"}
        The gains, or their squares, add up to one.

    Examples
    --------
    >>> [float(gain) for gain in mix_gains(0.25, "linear")]
    [0.75, 0.25]
    """
    return _LAWS[law](np.asarray(share, np.float32))
