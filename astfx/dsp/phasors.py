"""Replace the magnitude of a spectrogram and keep its phase."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.runtime.compiled import compiled

_TINY_POWER = 1e-37


def unit_phasor(spectrogram: Tensor) -> Tensor:
    """Unit phasors exp(j phase) of a spectrogram; 1 where it is zero."""
    return with_magnitude(spectrogram, None)


def with_magnitude(
    spectrogram: Tensor,
    magnitude: Tensor | None,
    previous: Tensor | None = None,
    momentum: float = 0.0,
) -> Tensor:
    """Replace the magnitude of a spectrogram; the phase is 0 where it is zero.

    Parameters
    ----------
    spectrogram : (..., frames, bins) complex64
    magnitude : (..., frames, bins) float32 or None
        The new magnitude; None is 1 everywhere.
    previous : like spectrogram, optional
        If given, the phase is that of ``spectrogram + momentum * (spectrogram - previous)``.
    momentum : float
    """
    if spectrogram.device.type == "cpu" and not spectrogram.is_conj():
        out = torch.empty(spectrogram.shape, dtype=torch.complex64)
        _impose(
            _flat(spectrogram),
            _flat(spectrogram if previous is None else previous),
            momentum if previous is not None else 0.0,
            (torch.ones(out.shape) if magnitude is None else magnitude.contiguous())
            .view(-1)
            .numpy(),
            _flat(out),
        )
        return out
    ahead = spectrogram
    if previous is not None:
        ahead = torch.lerp(previous, spectrogram, 1.0 + momentum)
    real, imaginary = torch.view_as_real(ahead.resolve_conj()).unbind(-1)
    power = torch.addcmul(real.square(), imaginary, imaginary)
    result = (ahead * power.rsqrt()).masked_fill_(power <= _TINY_POWER, 1.0)
    return result if magnitude is None else result.mul_(magnitude)


def _flat(spectrogram: Tensor) -> npt.NDArray[np.float32]:
    """Flatten a spectrogram to alternating real and imaginary parts."""
    parts: npt.NDArray[np.float32] = torch.view_as_real(spectrogram.contiguous()).view(-1).numpy()
    return parts


@compiled(fastmath=True)
def _impose(
    spectrogram: npt.NDArray[np.float32],
    previous: npt.NDArray[np.float32],
    momentum: float,
    magnitude: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> None:
    """`with_magnitude` in one pass over memory, where torch needs several."""
    ahead = np.float32(momentum)
    for i in range(magnitude.size):
        real = spectrogram[2 * i] + ahead * (spectrogram[2 * i] - previous[2 * i])
        imaginary = spectrogram[2 * i + 1] + ahead * (spectrogram[2 * i + 1] - previous[2 * i + 1])
        power = real * real + imaginary * imaginary
        is_zero = power <= np.float32(_TINY_POWER)
        scale = magnitude[i] / np.sqrt(np.float32(1.0) if is_zero else power)
        out[2 * i] = magnitude[i] if is_zero else real * scale
        out[2 * i + 1] = np.float32(0.0) if is_zero else imaginary * scale
