"""Effect parameters: automation over time, and ramps after a change."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.errors import EffectTypeError, InvalidSettingError

Curve = npt.NDArray[np.float32]
RAMP_SECONDS = 0.02
_LEAST_STRENGTH = 0.02
_SLACK = 1e-3


class Automation:
    """The value of a parameter over time.

    Parameters
    ----------
    shape : sequence of (seconds, value), or callable
        Breakpoints or a function of time. Between breakpoints the value is interpolated linearly;
        before the first and after the last it is constant. A function is called with an array of
        seconds. Time is 0 where a clip, a file or a stream begins.

    Raises
    ------
    InvalidSettingError
        If there are no breakpoints, their times do not increase, or a number is not finite.

    Examples
    --------
    >>> rise = Automation([(0.0, 0.0), (4.0, 1.0)])
    >>> float(rise(np.array([2.0]))[0])
    0.5
    """

    def __init__(
        self,
        shape: Sequence[tuple[float, float]] | Callable[[npt.NDArray[np.float64]], npt.ArrayLike],
    ) -> None:
        self._function = shape if callable(shape) else None
        self.breakpoints: tuple[tuple[float, float], ...] | None = None
        if not callable(shape):
            try:
                points = tuple((float(seconds), float(value)) for seconds, value in shape)
            except (TypeError, ValueError):
                raise InvalidSettingError(
                    f"breakpoints={shape!r} must be pairs of (seconds, value)"
                ) from None
            if not points or not all(math.isfinite(number) for pair in points for number in pair):
                raise InvalidSettingError(
                    f"breakpoints={shape!r} must be one or more pairs of finite (seconds, value)"
                )
            times = [seconds for seconds, _ in points]
            if any(b <= a for a, b in pairwise(times)):
                raise InvalidSettingError(f"breakpoint times {times} must increase (seconds)")
            self.breakpoints = points

    def __call__(self, seconds: npt.NDArray[np.float64]) -> Curve:
        """Values at times in seconds, (n,) -> (n,)."""
        if self.breakpoints is not None:
            times, values = zip(*self.breakpoints, strict=True)
            return np.asarray(np.interp(seconds, times, values), dtype=np.float32)
        assert self._function is not None
        given = self._function(seconds)
        try:
            found = np.broadcast_to(np.asarray(given, dtype=np.float32), seconds.shape)
        except (TypeError, ValueError):
            raise InvalidSettingError(
                f"an automation must return {len(seconds)} numbers for as many times, not {given!r}"
            ) from None
        return np.array(found)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Automation):
            return NotImplemented
        return (self.breakpoints, self._function) == (other.breakpoints, other._function)

    def __hash__(self) -> int:
        return hash((self.breakpoints, self._function))

    def __repr__(self) -> str:
        shape: Any = self._function if self.breakpoints is None else list(self.breakpoints)
        return f"astfx.Automation({shape!r})"


class Parameter:
    """A parameter from 0 to `highest`, fixed or automated. Changes are ramped, so it never jumps.

    Parameters
    ----------
    name : str
        The name that messages use, such as "Strength".
    value : float or Automation
    highest : float
    """

    def __init__(self, name: str, value: float | Automation, highest: float = 1.0) -> None:
        self._name, self.highest = name, highest
        self._value = self._checked(value)
        self.reset()

    @property
    def value(self) -> float | Automation:
        """The value or automation that was set."""
        return self._value

    @value.setter
    def value(self, value: float | Automation) -> None:
        # A single assignment, because another thread may be in `curve`.
        self._value = self._checked(value)

    def _checked(self, value: float | Automation) -> float | Automation:
        if isinstance(value, Automation):
            if value.breakpoints is not None:
                for _, level in value.breakpoints:
                    self._checked(level)
            return value
        if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
            raise EffectTypeError(
                f"{self._name} must be a number or an astfx.Automation, not {value!r}"
            )
        if not 0.0 <= value <= self.highest:
            raise InvalidSettingError(
                f"{self._name} must be between 0.0 and {self.highest:.1f}. (got {float(value):g})"
            )
        return float(value)

    def reset(self) -> None:
        """Start again: the next audio begins without a ramp."""
        self._shown: float | None = None
        self._used: object = None
        self._from, self._left = 0.0, 0

    def curve(self, first: int, n: int, sample_rate: int) -> Curve:
        """Values at samples [first, first + n) of a stream, (n,).

        Raises
        ------
        InvalidSettingError
            If a function of time leaves the range from 0 to `highest` by a thousandth or more.
        """
        value = self._value
        length = max(1, round(RAMP_SECONDS * sample_rate))
        if self._shown is not None and value is not self._used:
            self._from, self._left = self._shown, length  # ramp from the present value
        self._used = value
        if isinstance(value, Automation):
            seconds = (first + np.arange(n)) / sample_rate
            curve = value(seconds)
            # Rounding in a function of time is no reason to stop a stream.
            near = (curve > -_SLACK) & (curve < self.highest + _SLACK)
            curve = np.where(near, np.clip(curve, 0.0, self.highest), curve)
            wrong = ~((curve >= 0.0) & (curve <= self.highest))
            if wrong.any():
                at = int(wrong.argmax())
                raise InvalidSettingError(
                    f"{self._name} must be between 0.0 and {self.highest:.1f}. (the automation "
                    f"gives {curve[at]:g} at {seconds[at]:.3f} seconds)"
                )
        else:
            curve = np.full(n, value, np.float32)
        if self._left:
            part = min(self._left, n)
            share = (length - self._left + 1 + np.arange(part, dtype=np.float32)) / length
            curve[:part] = self._from + (curve[:part] - self._from) * share
            self._left -= part
        if n:
            self._shown = float(curve[-1])
        return curve


class WetFade:
    """Fades the wet signal in and out where strength comes from or goes to 0.

    Strength takes effect hop by hop, so the wet signal follows it with a delay. The fade therefore
    takes at least `RAMP_SECONDS`, however quickly strength itself changes. At a strength of 0.02 or
    more, all of the wet signal is heard.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again: the next audio begins without a fade."""
        self._last: float | None = None

    def share(self, strength: Curve, sample_rate: int) -> Curve:
        """Share of the wet signal in the next samples, (n,) -> (n,)."""
        if self._last == 1.0 and (strength >= _LEAST_STRENGTH).all():
            return np.ones(len(strength), np.float32)
        aim: Curve = np.minimum(strength / np.float32(_LEAST_STRENGTH), np.float32(1.0))
        if not len(aim):
            return aim
        last = float(aim[0]) if self._last is None else self._last
        if (aim == last).all():
            self._last = last
            return aim
        slope = 1.0 / max(1, round(RAMP_SECONDS * sample_rate))
        slopes = slope * np.arange(len(aim) + 1)
        rising = np.minimum.accumulate(np.append(last, aim) - slopes) + slopes
        both = (np.maximum.accumulate(np.append(last, rising[1:]) + slopes) - slopes)[1:]
        found = np.where(np.abs(both - aim) < 1e-6, aim, np.clip(both, 0.0, 1.0))
        self._last = float(found[-1])
        return np.asarray(found, dtype=np.float32)


def shown_number(value: float | Automation) -> str:
    """Text of a parameter for a repr."""
    return repr(value) if isinstance(value, Automation) else f"{value:.6g}"
