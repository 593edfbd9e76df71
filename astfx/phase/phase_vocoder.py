"""Phase vocoder: initial phases, from the content or continued from the previous frame."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

Complex = npt.NDArray[np.complex64]


@compiled(fastmath=True)
def continued_phases(
    content: Complex,
    magnitude: npt.NDArray[np.float32],
    last: Complex,
    turns: Complex,
    trust: float,
    out: Complex,
) -> None:
    """Compute initial unit phasors of a few frames.

    A continued phase is that of the previous frame, advanced by one hop as in a phase vocoder.

    Parameters
    ----------
    content : (frames, bins)
    magnitude : (frames, bins)
        Requested magnitude.
    last : (bins,)
        The previous frame; only its phase is used.
    turns : (bins,)
        Unit phasors: phase advance of each bin's centre frequency over one hop.
    trust : float
        Weight of the continued phase. It prevails in bins where the content's magnitude is
        below `trust` times the requested one.
    out : (frames, bins)
        The phasors are written here.
    """
    for k in range(content.shape[1]):
        real, imaginary = last[k].real, last[k].imag
        for t in range(content.shape[0]):
            size = math.sqrt(real * real + imaginary * imaginary)
            if size > 1e-20:
                real, imaginary = real / size, imaginary / size
            else:
                real, imaginary = 1.0, 0.0
            turn = turns[k]
            share = trust * magnitude[t, k]
            ahead_real = real * turn.real - imaginary * turn.imag
            ahead_imaginary = real * turn.imag + imaginary * turn.real
            real = content[t, k].real + share * ahead_real
            imaginary = content[t, k].imag + share * ahead_imaginary
            size = math.sqrt(real * real + imaginary * imaginary)
            if size > 1e-20:
                real, imaginary = real / size, imaginary / size
            else:
                real, imaginary = ahead_real, ahead_imaginary
            out[t, k] = complex(real, imaginary)
