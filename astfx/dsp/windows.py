"""Window functions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def hann(length: int) -> npt.NDArray[np.float64]:
    """Periodic Hann window, (length,) float64."""
    return np.hanning(length + 1)[:-1]
