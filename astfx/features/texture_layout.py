"""What the statistics of a texture are, and in which bands they are measured."""

from __future__ import annotations

from dataclasses import dataclass

from astfx.dsp.erb import N_BANDS

CORRELATION_OFFSETS = (1, 2, 3, 5, 8, 11, 16, 21)
MODULATION_Q = 2.0
OCTAVE_CENTRES_HZ = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
OCTAVE_OFFSETS = (1, 2)
CLASSES = (
    "envelope_mean",
    "envelope_variance",
    "envelope_skewness",
    "envelope_kurtosis",
    "envelope_correlation",
    "modulation_power",
    "modulation_correlation",
)

DECIMALS = 9
"""Decimals of stored statistics; smaller differences come from the processor's rounding."""


@dataclass(frozen=True, kw_only=True)
class TextureLayout:
    """In which bands the statistics of a texture are measured.

    Attributes
    ----------
    n_bands : int
        Of the ERB filter bank.
    shift : float
        By how much every band lies higher, as a share of the distance from band to band.
    n_modulation_bands : int
    modulation_range_hz : (float, float)
        Centres of the lowest and the highest modulation band.
    contour_window_seconds, contour_hop_seconds : float
        Window under which the content's contour is measured, and distance of its frames.
    """

    n_bands: int = N_BANDS
    shift: float = 0.0
    n_modulation_bands: int = 20
    modulation_range_hz: tuple[float, float] = (0.5, 200.0)
    contour_window_seconds: float = 0.093
    contour_hop_seconds: float = 0.0232

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values in each of `CLASSES`."""
        return (
            *(self.n_bands,) * 4,
            sum(self.n_bands - offset for offset in CORRELATION_OFFSETS),
            self.n_bands * self.n_modulation_bands,
            sum(self.n_bands - offset for offset in OCTAVE_OFFSETS) * len(OCTAVE_CENTRES_HZ),
        )


STANDARD_LAYOUT = TextureLayout()
"""The layout of the paper, which the published figures and the method `texture` use."""

ROUND_LAYOUTS = tuple(
    TextureLayout(
        n_bands=36,
        shift=shift,
        n_modulation_bands=36,
        modulation_range_hz=(0.25, 200.0),
        contour_window_seconds=window_seconds,
        contour_hop_seconds=hop_seconds,
    )
    for shift, window_seconds, hop_seconds in ((0.0, 0.093, 0.0232), (0.5, 0.031, 0.0116))
)
"""The layouts that texture rounds take by turns.

An optimisation in one filter bank meets the statistics in that bank only, and misses them in any
other. Two banks whose bands lie half a band apart leave little room for that, and neither do
modulation bands that are closer than they are wide. Their contours have other windows too: what
changes faster than a window, that contour does not see, and modulations of just such rates would
appear in steady sounds.
"""
