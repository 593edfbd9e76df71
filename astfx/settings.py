"""The settings of a render: one frozen object, validated once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from astfx.errors import InvalidSettingError
from astfx.recipes import with_recipe

DEFAULT_METHOD = "gram"
DEFAULT_PHASE = "pghi"
QUALITIES = ("draft", "standard", "best")
_STRENGTH_CURVE = 2.3


def _check_number(name: str, value: Any, low: float, high: float, unit: str = "") -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        suffix = f" ({unit})" if unit else ""
        raise InvalidSettingError(f"{name}={value!r} must lie between {low:g} and {high:g}{suffix}")


def _check_count(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidSettingError(
            f"{name}={value!r} must be a whole number between {low} and {high}"
        )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to render.

    Attributes
    ----------
    strength : float, 0 to 1
        How far the features move from the content (0: the content bit for bit) to the full
        style (1).
    mix : float, 0 to 1
        Share of the result against the content itself.
    method : str
        A name from `astfx methods`.
    options : mapping
        The method's own options by name; see the method's `Options` class.
    quality : {"draft", "standard", "best"}
        How much is done: see docs/sound.md.
    iterations : int or None, 1 to 100000
        Optimiser iterations per segment, or for each ten seconds of a longer one; None is the
        method's default for the quality.
    budget_seconds : float or None, 0.01 to 86400
        Stop iterating when the whole render would take longer. Results then depend on the
        machine's speed.
    seed : int, 0 to 2**63 - 1
    device : {"auto", "cpu", "cuda"}
    threads : int or None, 1 to 256
        CPU threads; None chooses.
    phase : str
        A phase method: "pghi", "fast-griffin-lim", "griffin-lim", "oa-griffin-lim" or
        "local-sums".
    phase_iterations : int or None, 0 to 10000
    window_ms : float, 5 to 500, milliseconds
        STFT window; the hop is a quarter of it.
    segment_seconds : float, 1 to 120
        Longer audio is stylised in segments of about this length: memory, and how soon the
        next one begins. Beyond 10 it changes the sound little.
    overlap_seconds : float, 0.1 to 10
        How far neighbouring segments overlap.
    """

    strength: float = 1.0
    mix: float = 1.0
    method: str = DEFAULT_METHOD
    options: Mapping[str, Any] = field(default_factory=dict)
    quality: str = "standard"
    iterations: int | None = None
    budget_seconds: float | None = None
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    phase: str = DEFAULT_PHASE
    phase_iterations: int | None = None
    window_ms: float = 92.88
    segment_seconds: float = 10.0
    overlap_seconds: float = 0.5

    def __post_init__(self) -> None:
        _check_number("strength", self.strength, 0.0, 1.0)
        _check_number("mix", self.mix, 0.0, 1.0)
        if self.quality not in QUALITIES:
            raise InvalidSettingError(
                f"quality={self.quality!r} must be one of {', '.join(QUALITIES)}"
            )
        if self.iterations is not None:
            _check_count("iterations", self.iterations, 1, 100_000)
        if self.budget_seconds is not None:
            _check_number("budget_seconds", self.budget_seconds, 0.01, 86_400.0, "seconds")
        _check_count("seed", self.seed, 0, 2**63 - 1)
        if self.threads is not None:
            _check_count("threads", self.threads, 1, 256)
        if self.phase_iterations is not None:
            _check_count("phase_iterations", self.phase_iterations, 0, 10_000)
        _check_number("window_ms", self.window_ms, 5.0, 500.0, "milliseconds")
        _check_number("segment_seconds", self.segment_seconds, 1.0, 120.0, "seconds")
        _check_number("overlap_seconds", self.overlap_seconds, 0.1, 10.0, "seconds")
        if self.overlap_seconds > self.segment_seconds / 2.0:
            raise InvalidSettingError(
                f"overlap_seconds={self.overlap_seconds} must be at most half of "
                f"segment_seconds={self.segment_seconds}"
            )

    @classmethod
    def from_recipe(cls, recipe: str, **given: Any) -> Settings:
        """What one source document did, for `transfer_file`, `prepare_style` and `compare`.

        Parameters
        ----------
        recipe : str
            "000", "001", "002", "003" or "004"; docs/methods.md says what each one states.
        **given
            Settings that go before the recipe's.

        Raises
        ------
        InvalidSettingError
            For an unknown recipe, another method than the recipe's, or a value out of range.
        """
        return make_settings({}, recipe=recipe, **given)


def make_settings(
    defaults: Mapping[str, Any], *, recipe: str | None = None, **given: Any
) -> Settings:
    """Build settings from what a caller gave, and a recipe's or preset's where that is None.

    Raises
    ------
    InvalidSettingError
        For an unknown recipe or a value out of range.
    """
    chosen = {key: value for key, value in given.items() if value is not None}
    if recipe is not None:
        chosen = with_recipe(recipe, chosen)
    own = {key: value for key, value in defaults.items() if key in Settings.__dataclass_fields__}
    if chosen.get("method", DEFAULT_METHOD) != DEFAULT_METHOD:
        own.pop("options", None)  # A preset's options are the default method's.
    return Settings(**own | chosen)


def make_options(options_type: type[Any], method: str, values: Mapping[str, Any]) -> Any:
    """Build a method's options from names and values.

    Raises
    ------
    InvalidSettingError
        For a name the method does not have, or a value outside its range or of a wrong type.
    """
    known = options_type.__dataclass_fields__
    fitting = {}
    for name, value in values.items():
        if name not in known:
            raise InvalidSettingError(
                f"method {method!r} has no option {name!r}; it has {', '.join(known)}"
            )
        fitting[name] = _fit_type(name, value, known[name].default)
    return options_type(**fitting)


def _fit_type(name: str, value: Any, default: Any) -> Any:
    """Bring a value to the type of an option's default, or say what it must be."""
    if isinstance(default, tuple):
        values = value if isinstance(value, tuple | list) else (value,)
        return tuple(_fit_type(name, item, default[0]) for item in values)
    if isinstance(value, tuple | list):
        raise InvalidSettingError(f"{name}={value!r} must be a single value")
    fits: tuple[type, ...] = {str: (str,), int: (int,)}.get(type(default), (int, float))
    if not isinstance(value, fits) or isinstance(value, bool):
        wanted = {str: "a name", int: "a whole number"}.get(type(default), "a number")
        raise InvalidSettingError(f"{name}={value!r} must be {wanted}")
    return float(value) if isinstance(default, float) else value  # type: ignore[arg-type]


def position(strength: float) -> float:
    """Where on the line a strength lies: half the strength is about half the distance in dB.

    Most of a style is only heard near the end of the line (docs/sound.md has the curves).
    """
    return 1.0 - float((1.0 - strength) ** _STRENGTH_CURVE)
