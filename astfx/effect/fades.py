"""Share of each style in a stream: a morph between two, and fades when one is replaced."""

from __future__ import annotations

import numpy as np

from astfx.effect.automation import Curve, Parameter
from astfx.effect.styles import Style

FADE_SECONDS = 0.25


class Shares:
    """How much of each style is heard, sample by sample; always one in all.

    Parameters
    ----------
    style : Style
    morph_to : Style or None
    morph : Parameter
        How far to go from the one to the other.
    """

    def __init__(self, style: Style, morph_to: Style | None, morph: Parameter) -> None:
        self.style, self.morph_to = style, morph_to
        self._morph = morph
        self.reset()

    def reset(self) -> None:
        """The next audio begins with what is set, without a fade."""
        self._morph.reset()
        self._heard: dict[Style, float] = {}
        self._before: dict[Style, float] = {}
        self._faded: float = 1.0

    def replace(self, style: Style, morph_to: Style | None) -> None:
        """Set the styles; what was heard last fades into them."""
        self.style, self.morph_to = style, morph_to
        if self._heard:
            self._before, self._faded = self._heard, 0.0

    def curves(self, first: int, n: int, sample_rate: int) -> dict[Style, Curve]:
        """Share of each style in samples [first, first + n) of a stream, (n,) each."""
        shares: dict[Style, Curve] = {self.style: np.ones(n, np.float32)}
        if self.morph_to is not None:
            share = self._morph.curve(first, n, sample_rate)
            shares = {self.style: 1.0 - share}
            shares[self.morph_to] = shares.get(self.morph_to, np.float32(0.0)) + share
        if self._faded < 1.0:
            steps = np.arange(1, n + 1) / (FADE_SECONDS * sample_rate)
            fade = np.minimum(self._faded + steps, 1.0).astype(np.float32)
            shares = {style: np.asarray(share * fade) for style, share in shares.items()}
            for style, level in self._before.items():
                rest = np.float32(level) * (1.0 - fade)
                shares[style] = np.asarray(shares.get(style, np.float32(0.0)) + rest)
            self._faded = min(1.0, self._faded + n / (FADE_SECONDS * sample_rate))
        if n:
            self._heard = {style: float(share[-1]) for style, share in shares.items()}
        return shares
