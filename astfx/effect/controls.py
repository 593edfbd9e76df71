"""The controls of a running effect: strength, mix and style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from astfx.effect.automation import Automation, Curve, Parameter, WetFade
from astfx.effect.weights import Weights
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


@dataclass(frozen=True)
class Blend:
    """Styles, and how they are mixed.

    Attributes
    ----------
    styles : tuple of Style
    weights : Weights or None
        One for each style. Without weights, the position `morph` decides.
    """

    styles: tuple[Style, ...]
    weights: Weights | None = None


class Controls:
    """Strength, mix and styles over the course of a stream.

    Parameters
    ----------
    strength, mix : Parameter
    morph : Parameter
        Position between the styles, if they have no weights.
    style : Style
    morph_to : sequence of Style
        The styles at morph = 1, 2, and so on.
    weights : Weights, optional
        One for each style, `style` first.
    """

    def __init__(
        self,
        strength: Parameter,
        mix: Parameter,
        morph: Parameter,
        style: Style,
        morph_to: Sequence[Style],
        weights: Weights | None = None,
    ) -> None:
        self.strength, self.mix, self.morph = strength, mix, morph
        self._blend = Blend((style, *morph_to), weights)
        self._next: Blend | None = None
        self._wet_fade = WetFade()
        self.reset()

    def reset(self) -> None:
        """Return to the start of a clip or a stream, without ramps."""
        self.position = 0
        self._rate = 0
        self._heard: dict[Style, float] = {}
        self._before: dict[Style, float] = {}
        self._blend, self._next = self.blend, None
        self._fade_left = 0
        for part in (self.strength, self.mix, self.morph, self._wet_fade, self._blend.weights):
            if part is not None:
                part.reset()

    @property
    def style(self) -> Style:
        """The sound to imitate."""
        return self.blend.styles[0]

    @style.setter
    def style(self, style: Style) -> None:
        self.fade_to(Blend((style, *self.morph_to), self.weights))

    @property
    def morph_to(self) -> tuple[Style, ...]:
        """The styles at morph = 1, 2, and so on."""
        return self.blend.styles[1:]

    @morph_to.setter
    def morph_to(self, styles: Sequence[Style]) -> None:
        self.fade_to(Blend((self.style, *styles)))

    @property
    def weights(self) -> Weights | None:
        """The weight of each style, if they have weights."""
        return self.blend.weights

    @property
    def blend(self) -> Blend:
        """The styles that are heard, or will be after the fade that is under way."""
        return self._next or self._blend

    @property
    def n_until_change(self) -> int:
        """Samples until a change begins that waits for the end of a fade; 0 if none waits."""
        return self._fade_left if self._next is not None else 0

    def fade_to(self, blend: Blend) -> None:
        """Fade from what was heard last to other styles, after a fade that is under way.

        Of several changes during a fade, only the last one is heard. So there are never more
        engines at a time than those of two sets of styles.
        """
        if self._fade_left:
            self._next = blend
            return
        if self._heard:
            self._before = {style: level for style, level in self._heard.items() if level > 0.0}
            self._fade_left = round(FADE_SECONDS * self._rate)
        self._blend = blend

    def _shares(self, n: int) -> dict[Style, Curve]:
        styles, weights = self._blend.styles, self._blend.weights
        if all(style is styles[0] for style in styles):
            return {styles[0]: np.ones(n, np.float32)}
        if weights is not None:
            found = weights.shares(self.position, n, self._rate)
        else:
            place = self.morph.curve(self.position, n, self._rate)
            place = np.minimum(place, np.float32(len(styles) - 1))
            one, none = np.float32(1.0), np.float32(0.0)
            found = [
                np.maximum(one - np.abs(place - np.float32(index)), none)
                for index in range(len(styles))
            ]
        shares: dict[Style, Curve] = {}
        for style, share in zip(styles, found, strict=True):
            shares[style] = np.asarray(shares.get(style, np.float32(0.0)) + share)
        return shares

    def take(self, n: int, sample_rate: int) -> Curves:
        """Values for the next n samples."""
        self._rate = sample_rate
        if self._next is not None and not self._fade_left:
            wanted, self._next = self._next, None
            self.fade_to(wanted)
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
        if self.weights is not None:
            return list(dict.fromkeys(self.weights.used()))
        stations = self.blend.styles
        place = self.morph.value
        if not isinstance(place, Automation):
            place = min(place, len(self.morph_to))
            stations = stations[math.floor(place) : math.ceil(place) + 1]
        return list(dict.fromkeys(stations))
