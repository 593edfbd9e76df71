"""The `live` engine: the style's spectra at a delay of 23 ms, to play through.

It is the spectral stage alone (`astfx.streaming.spectral_stage`).
"""

from __future__ import annotations

from astfx.features.monge import Array
from astfx.streaming.spectral_stage import HOPS_PER_WINDOW, SpectralOptions, SpectralStage

HEARD_HOPS = 2
"""A quarter of the window is heard: 23 ms of 93."""

_QUANTILE_SHARE, _QUANTILE_FOLLOW = 0.7, 0.5


class LiveEngine(SpectralStage):
    """Stylises hop by hop on a short part of the window.

    Parameters
    ----------
    style : (frames, bins)
        Log magnitudes of the style on the engine's window.
    sample_rate : int, hertz
    channels : int
    """

    def __init__(self, style: Array, sample_rate: int, channels: int) -> None:
        n_fft = 2 * (style.shape[1] - 1)
        options = SpectralOptions(share=_QUANTILE_SHARE, follow=_QUANTILE_FOLLOW)
        n_synthesis = HEARD_HOPS * n_fft // HOPS_PER_WINDOW
        super().__init__(style, sample_rate, n_synthesis, channels, options)
