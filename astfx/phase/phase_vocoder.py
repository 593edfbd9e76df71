"""A phase to start from, frame by frame: the content's, or that of the frame before, turned on."""

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
    """Unit phasors of a few frames.

    Parameters
    ----------
    content : (frames, bins)
    magnitude : (frames, bins)
        What is asked for.
    last : (bins,)
        The frame before; only its phase counts.
    turns : (bins,)
        How far the phase of each bin's centre frequency turns over a hop.
    trust : float
        Where the content holds less than this times what is asked for, phase goes on from the
        frame before, as in a phase vocoder.
    out : (frames, bins)
        Where the phasors go.
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
