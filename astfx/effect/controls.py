"""The controls of a running effect: strength, mix and style."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astfx.effect.automation import Curve, Parameter, WetFade
from astfx.styles.style import Style

FADE_SECONDS = 0.25


@dataclass(frozen=True)
class Curves:
    """Values of the controls for some samples.

    Attributes
    ----------
    strength : (n,), 0 to 1
    wet : (n,), 0 to 1
        Share of the wet signal in the output.
    shares : mapping of Style to (n,)
        Share of each style. The shares add up to one.
    """

    strength: Curve
    wet: Curve
    shares: dict[Style, Curve]


class Controls:
    """Strength, mix and styles over the course of a stream.

    Parameters
    ----------
    strength, mix, morph : Parameter
    style : Style
    morph_to : Style or None
    """

    def __init__(
        self,
        strength: Parameter,
        mix: Parameter,
        morph: Parameter,
        style: Style,
        morph_to: Style | None,
    ) -> None:
        self.strength, self.mix, self.morph = strength, mix, morph
        self._style, self._morph_to = style, morph_to
        self._wet_fade = WetFade()
        self.reset()

    def reset(self) -> None:
        """Return to the start of a clip or a stream, without ramps."""
        self.position = 0
        self._rate = 0
        self._heard: dict[Style, float] = {}
        self._before: dict[Style, float] = {}
        self._fade_left = 0
        for part in (self.strength, self.mix, self.morph, self._wet_fade):
            part.reset()

    @property
    def style(self) -> Style:
        """The sound to imitate."""
        return self._style

    @style.setter
    def style(self, style: Style) -> None:
        self._begin_fade()
        self._style = style

    @property
    def morph_to(self) -> Style | None:
        """The sound to imitate at morph = 1."""
        return self._morph_to

    @morph_to.setter
    def morph_to(self, style: Style | None) -> None:
        self._begin_fade()
        self._morph_to = style

    def _begin_fade(self) -> None:
        """Start a crossfade from what was heard last to the style that is about to be set."""
        if self._heard:
            self._before, self._fade_left = self._heard, round(FADE_SECONDS * self._rate)

    def _shares(self, n: int) -> dict[Style, Curve]:
        shares: dict[Style, Curve] = {self._style: np.ones(n, np.float32)}
        if self._morph_to is not None and self._morph_to is not self._style:
            share = self.morph.curve(self.position, n, self._rate)
            shares = {self._style: 1.0 - share, self._morph_to: share}
        return shares

    def take(self, n: int, sample_rate: int) -> Curves:
        """Values for the next n samples."""
        self._rate = sample_rate
        strength = self.strength.curve(self.position, n, sample_rate)
        wet = self.mix.curve(self.position, n, sample_rate)
        wet = wet * self._wet_fade.share(strength, sample_rate)
        shares = self._shares(n)
        if self._fade_left:
            length = round(FADE_SECONDS * sample_rate)
            begun = length - self._fade_left + np.arange(1, n + 1, dtype=np.float32)
            fade = np.minimum(begun / np.float32(length), np.float32(1.0))
            shares = {style: np.asarray(share * fade) for style, share in shares.items()}
            for style, level in self._before.items():
                rest = np.float32(level) * (1.0 - fade)
                shares[style] = np.asarray(shares.get(style, np.float32(0.0)) + rest)
            self._fade_left = max(0, self._fade_left - n)
        if n:
            self._heard = {style: float(share[-1]) for style, share in shares.items()}
        self.position += n
        return Curves(strength, wet, shares)

    def styles_used(self) -> list[Style]:
        """The styles that a whole clip needs."""
        if self._morph_to is None or self.morph.value == 0.0:
            return [self._style]
        return [self._morph_to] if self.morph.value == 1.0 else [self._style, self._morph_to]
