"""The controls of a running effect: strength, mix and style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from astfx.effect.automation import Automation, Curve, Parameter, WetFade
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
    morph_to : sequence of Style
        The styles at morph = 1, 2, and so on.
    """

    def __init__(
        self,
        strength: Parameter,
        mix: Parameter,
        morph: Parameter,
        style: Style,
        morph_to: Sequence[Style],
    ) -> None:
        self.strength, self.mix, self.morph = strength, mix, morph
        self._style, self._morph_to = style, tuple(morph_to)
        self._next: tuple[Style, tuple[Style, ...]] | None = None
        self._wet_fade = WetFade()
        self.reset()

    def reset(self) -> None:
        """Return to the start of a clip or a stream, without ramps."""
        self.position = 0
        self._rate = 0
        self._heard: dict[Style, float] = {}
        self._before: dict[Style, float] = {}
        (self._style, self._morph_to), self._next = self._wanted, None
        self._fade_left = 0
        for part in (self.strength, self.mix, self.morph, self._wet_fade):
            part.reset()

    @property
    def style(self) -> Style:
        """The sound to imitate."""
        return self._wanted[0]

    @style.setter
    def style(self, style: Style) -> None:
        self.fade_to(style, self.morph_to)

    @property
    def morph_to(self) -> tuple[Style, ...]:
        """The styles at morph = 1, 2, and so on."""
        return self._wanted[1]

    @morph_to.setter
    def morph_to(self, styles: Sequence[Style]) -> None:
        self.fade_to(self.style, styles)

    @property
    def _wanted(self) -> tuple[Style, tuple[Style, ...]]:
        return self._next or (self._style, self._morph_to)

    def fade_to(self, style: Style, morph_to: Sequence[Style]) -> None:
        """Fade from what was heard last to other styles, after a fade that is under way.

        Of several changes during a fade, only the last one is heard. So there are never more
        engines at a time than those of two sets of styles.
        """
        wanted = (style, tuple(morph_to))
        if self._fade_left:
            self._next = wanted
            return
        if self._heard:
            self._before = {style: level for style, level in self._heard.items() if level > 0.0}
            self._fade_left = round(FADE_SECONDS * self._rate)
        self._style, self._morph_to = wanted

    def _shares(self, n: int) -> dict[Style, Curve]:
        if all(style is self._style for style in self._morph_to):
            return {self._style: np.ones(n, np.float32)}
        place = self.morph.curve(self.position, n, self._rate)
        place = np.minimum(place, np.float32(len(self._morph_to)))
        shares: dict[Style, Curve] = {}
        for index, style in enumerate((self._style, *self._morph_to)):
            share = np.maximum(np.float32(1.0) - np.abs(place - np.float32(index)), np.float32(0.0))
            shares[style] = np.asarray(shares.get(style, np.float32(0.0)) + share)
        return shares

    def take(self, n: int, sample_rate: int) -> Curves:
        """Values for the next n samples."""
        self._rate = sample_rate
        if self._next is not None and not self._fade_left:
            wanted, self._next = self._next, None
            self.fade_to(*wanted)
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
            if not self._fade_left:
                self._before = {}
        if n:
            self._heard = {style: float(share[-1]) for style, share in shares.items()}
        self.position += n
        return Curves(strength, wet, shares)

    def styles_used(self) -> list[Style]:
        """The styles that a whole clip needs."""
        stations = (self.style, *self.morph_to)
        place = self.morph.value
        if not isinstance(place, Automation):
            place = min(place, len(self.morph_to))
            stations = stations[math.floor(place) : math.ceil(place) + 1]
        return list(dict.fromkeys(stations))
