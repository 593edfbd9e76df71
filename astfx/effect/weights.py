"""Weights of styles that are mixed: checked, ramped, automated, and brought to a sum of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from astfx.effect.automation import Automation, Curve, Parameter
from astfx.errors import EffectTypeError, InvalidSettingError
from astfx.styles.style import Style

MOST = 1000.0


class Weights:
    """A weight for each of some styles. Only their ratios count.

    Parameters
    ----------
    values : sequence of float or Automation, 0 to 1000
    styles : sequence of Style

    Raises
    ------
    EffectTypeError
        If a weight is not a number or an automation.
    InvalidSettingError
        If there is not one for each style, one is out of range, or all are 0.
    """

    def __init__(self, values: Sequence[float | Automation], styles: Sequence[Style]) -> None:
        self._styles = tuple(styles)
        self._check(values)
        self._parameters = [
            Parameter(f"The weight of {style.label}", value, MOST)
            for style, value in zip(styles, values, strict=True)
        ]
        self.reset()

    def _check(self, values: Sequence[float | Automation]) -> None:
        if len(values) != len(self._styles):
            raise InvalidSettingError(
                f"morph has {len(values)} weights for {len(self._styles)} styles: give one for "
                "each, that of `style` first"
            )
        if all(not isinstance(value, Automation) and value == 0 for value in values):
            raise InvalidSettingError("the weights in morph are all 0: give one style some weight")

    @property
    def values(self) -> list[float | Automation]:
        """The weights as they were set."""
        return [parameter.value for parameter in self._parameters]

    def set(self, values: Sequence[float | Automation]) -> None:
        """Change all weights. They are ramped. If one cannot be used, none changes."""
        Weights(values, self._styles)
        for parameter, value in zip(self._parameters, values, strict=True):
            parameter.value = value

    def reset(self) -> None:
        """Start again: the next audio begins without a ramp."""
        for parameter in self._parameters:
            parameter.reset()
        self._last = np.full((len(self._styles), 1), 1.0 / len(self._styles), np.float32)

    def shares(self, first: int, n: int, sample_rate: int) -> list[Curve]:
        """Share of each style at samples [first, first + n) of a stream. They add up to one.

        Where automations let all weights reach 0, the shares stay as they were.
        """
        curves = np.stack([part.curve(first, n, sample_rate) for part in self._parameters])
        total = curves.sum(axis=0)
        good = total > 0.0
        shares = np.divide(curves, total, out=np.zeros_like(curves), where=good)
        if not good.all():
            known = np.concatenate([self._last, shares], axis=1)
            latest = np.maximum.accumulate(np.where(good, np.arange(1, n + 1), 0))
            shares = known[:, latest]
        if n:
            self._last = shares[:, -1:].copy()
        return list(shares)

    def used(self) -> list[Style]:
        """The styles whose weight is not always 0."""
        return [
            style
            for style, value in zip(self._styles, self.values, strict=True)
            if isinstance(value, Automation) or value > 0.0
        ]


def checked_mapping(morph: Mapping[Any, Any]) -> None:
    """Check a mapping of styles to weights.

    Raises
    ------
    InvalidSettingError
        If it is empty.
    EffectTypeError
        If a key is not the name of a preset or a path.
    """
    if not morph:
        raise InvalidSettingError("morph={} has no style: give styles with their weights")
    for key in morph:
        if not isinstance(key, str) and not hasattr(key, "__fspath__"):
            raise EffectTypeError(
                f"morph has the key {key!r}: name presets or paths, or give the styles as `style` "
                "and `morph_to` and a list of weights as `morph`"
            )
