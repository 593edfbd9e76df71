"""The settings of a render: one table that every interface reads.

Each setting is declared once, as a field of `Settings` with its range, unit, choices, default and
help text. Validation, `astfx.transfer`, the command line, `StyleTransfer`, presets, the OSC server
and the tables in the documentation all read `TABLE`.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    TypedDict,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from astfx.errors import InvalidSettingError, UnknownSettingError
from astfx.recipes import RECIPES, with_recipe

DEFAULT_METHOD = "gram"
DEFAULT_PHASE = "pghi"
QUALITIES = ("draft", "standard", "best")
MIX_LAWS = ("linear", "equal_power")
ENGINES = ("auto", "render", "stream", "live", "gain")
_STRENGTH_CURVE = 2.0

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A row of the table of settings.

    Attributes
    ----------
    name : str
        Name of the field of `Settings`, and of the keyword argument.
    type : type
        float, int, bool, str or dict.
    default : Any
    help : str
        One sentence.
    low, high : float or None
        Range of a number, both ends included.
    unit : str
        Unit of a number, "seconds" or "milliseconds"; "" if it has none.
    choices : tuple of str
        Allowed texts. Empty for methods and phase methods, which registries of their own check.
    optional : bool
        Whether None is allowed. astfx then chooses the value.
    short : str
        Name on the command line and over OSC.
    in_presets : bool
        Whether a preset may have the setting.
    in_blocks : bool
        Whether the block engines take any value of it. If not, only renders of whole clips do.
    over_osc : bool
        Whether the setting is a parameter of the OSC server, where 0 means None.
    """

    name: str
    type: type
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    short: str = ""
    in_presets: bool = False
    in_blocks: bool = True
    over_osc: bool = True

    def check(self, value: Any) -> None:
        """Raise InvalidSettingError for a value of another type or out of range."""
        if value is None and self.optional:
            return
        if self.type is bool:
            if not isinstance(value, bool):
                raise InvalidSettingError(f"{self.name}={value!r} must be True or False")
        elif self.type is int:
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole or not self._within(value):
                raise InvalidSettingError(
                    f"{self.name}={value!r} must be a whole number between {self._range()}"
                )
        elif self.type is float:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not math.isfinite(value) or not self._within(value):
                raise InvalidSettingError(f"{self.name}={value!r} must lie between {self._range()}")
        elif self.choices:
            if value not in self.choices:
                raise InvalidSettingError(
                    f"{self.name}={value!r} must be one of {', '.join(self.choices)}"
                )
        elif self.type is str and not isinstance(value, str):
            raise InvalidSettingError(f"{self.name}={value!r} must be a name")
        elif self.type is dict and not isinstance(value, Mapping):
            raise InvalidSettingError(f"{self.name}={value!r} must map names to values")

    def _within(self, value: float) -> bool:
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return low <= value <= high

    def _range(self) -> str:
        low, high = (str(end) if self.type is int else f"{end:g}" for end in (self.low, self.high))
        return f"{low} and {high}" + (f" ({self.unit})" if self.unit else "")

    @property
    def domain(self) -> str:
        """Short text for the allowed values: "0 to 1", "draft, standard or best"."""
        if self.choices:
            return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
        if self.type in (int, float):
            high = "2**63 - 1" if self.high == 2**63 - 1 else f"{self.high:g}"
            return f"{self.low:g} to {high}" + (f" {self.unit}" if self.unit else "")
        return {str: "a name", bool: "yes or no"}.get(self.type, "names with values")


def _setting(default: Any, help: str, **row: Any) -> Any:
    """Declare a field of `Settings` together with its row of the table."""
    row = {"help": help, **row}
    if default is dict:
        return field(default_factory=dict, metadata=row)
    return field(default=default, metadata=row)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a render; `astfx.settings.TABLE` has their ranges and defaults.

    Parameters
    ----------
    **settings
        Values of the fields, by name.

    Raises
    ------
    InvalidSettingError
        If a value is out of range.
    """

    strength: float = _setting(
        1.0,
        "How far to go from the content (0, bit for bit) to the full style (1).",
        low=0,
        high=1,
        in_presets=True,
    )
    timbre: float = _setting(
        1.0,
        "How much of the style's timbre to take: its spectrum, from none (0) to all (1).",
        low=0,
        high=1,
        in_presets=True,
        in_blocks=False,
    )
    texture: float = _setting(
        1.0,
        "How much of the style's texture to take: how its bands move, from none (0) to all (1).",
        low=0,
        high=1,
        in_presets=True,
        in_blocks=False,
    )
    keep_pitch: bool = _setting(
        False,
        "Keep the pitch of one voice or instrument, at a cost in style.",
        in_presets=True,
        in_blocks=False,
    )
    mix: float = _setting(
        1.0, "Share of the result; the rest is the content.", low=0, high=1, in_presets=True
    )
    mix_law: str = _setting(
        "linear",
        "How mix crossfades: linear, or equal_power where result and content differ in phase.",
        choices=MIX_LAWS,
        in_presets=True,
    )
    method: str = _setting(DEFAULT_METHOD, "A method that `astfx methods` lists.")
    options: Mapping[str, Any] = _setting(
        dict, "The method's own options, by name.", in_presets=True, over_osc=False
    )
    quality: str = _setting(
        "standard",
        "How much work is done: draft is quickest, best takes longest.",
        choices=QUALITIES,
        in_presets=True,
    )
    iterations: int | None = _setting(
        None,
        "Optimiser iterations per ten seconds of audio; by default the method's own number.",
        low=1,
        high=100_000,
    )
    budget_seconds: float | None = _setting(
        None,
        "Stop refining if the render would take longer; results then depend on the machine.",
        low=0.01,
        high=86_400,
        unit="seconds",
        short="budget",
    )
    seed: int = _setting(
        0, "The same seed on the same machine gives the same result.", low=0, high=2**63 - 1
    )
    device: str = _setting(
        "auto",
        "Device to compute on; auto is the GPU if there is one.",
        choices=("auto", "cpu", "cuda"),
        over_osc=False,
    )
    threads: int | None = _setting(
        None, "Number of CPU threads; by default astfx chooses.", low=1, high=256, over_osc=False
    )
    phase: str = _setting(
        DEFAULT_PHASE, "A phase method that `astfx methods` lists.", over_osc=False
    )
    phase_iterations: int | None = _setting(
        None,
        "Iterations of the phase method; by default its own number.",
        low=0,
        high=10_000,
        over_osc=False,
    )
    window_ms: float = _setting(
        92.88,
        "Length of the STFT window; the hop is a quarter of it.",
        low=5,
        high=500,
        unit="milliseconds",
        over_osc=False,
    )
    segment_seconds: float = _setting(
        10.0,
        "Longer audio is rendered in segments of about this length, which limits memory.",
        low=1,
        high=120,
        unit="seconds",
        over_osc=False,
    )
    overlap_seconds: float = _setting(
        0.5,
        "Overlap of neighbouring segments.",
        low=0.1,
        high=10,
        unit="seconds",
        over_osc=False,
    )

    def __post_init__(self) -> None:
        for row in RENDER_TABLE.values():
            row.check(getattr(self, row.name))
        if self.overlap_seconds > self.segment_seconds / 2.0:
            raise InvalidSettingError(
                f"overlap_seconds={self.overlap_seconds} must be at most half of "
                f"segment_seconds={self.segment_seconds}"
            )

    @classmethod
    def from_recipe(cls, recipe: str, **given: Any) -> Settings:
        """Return the settings of a recipe, for `transfer_file`, `prepare_style` and `compare`.

        Parameters
        ----------
        recipe : str
            "ulyanov-2016", or another recipe that `astfx methods` lists.
        **given
            Settings that override those of the recipe.

        Raises
        ------
        InvalidSettingError
            For an unknown recipe, a method that is not that of the recipe, or a value out of
            range.
        """
        return make_settings({}, recipe=recipe, **given)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, for `make_settings`."""
        return {row.name: getattr(self, row.name) for row in dataclasses.fields(self)}


def _rows() -> dict[str, Setting]:
    hints = get_type_hints(Settings)
    rows = {}
    for entry in dataclasses.fields(Settings):
        hint = hints[entry.name]
        optional = get_origin(hint) in (Union, types.UnionType)
        kind = next(part for part in get_args(hint) if part is not type(None)) if optional else hint
        is_mapping = get_origin(kind) is not None
        rows[entry.name] = Setting(
            name=entry.name,
            type=dict if is_mapping else kind,
            default={} if is_mapping else entry.default,
            optional=optional,
            **{"short": entry.name, **entry.metadata},
        )
    return rows


RENDER_TABLE: dict[str, Setting] = _rows()
"""The fields of `Settings`."""

TABLE: dict[str, Setting] = RENDER_TABLE | {
    "engine": Setting(
        name="engine",
        type=str,
        default="auto",
        help="How an effect works: render takes whole clips, stream and live take blocks.",
        choices=ENGINES,
        short="engine",
        in_presets=True,
    )
}
"""The table of settings: those of a render, and "engine", which only effects have."""

if TYPE_CHECKING:
    # Type checkers cannot read the table; a test compares it with these classes.
    class EngineOptions(TypedDict, total=False):
        """Settings of a render except strength and mix, as keyword arguments."""

        timbre: float | None
        texture: float | None
        keep_pitch: bool | None
        mix_law: str | None
        method: str | None
        options: Mapping[str, Any] | None
        quality: str | None
        iterations: int | None
        budget_seconds: float | None
        seed: int | None
        device: str | None
        threads: int | None
        phase: str | None
        phase_iterations: int | None
        window_ms: float | None
        segment_seconds: float | None
        overlap_seconds: float | None

    class RenderOptions(EngineOptions, total=False):
        """Settings of a render as keyword arguments; None means the default."""

        strength: float | None
        mix: float | None
        recipe: str | None

else:
    RenderOptions = TypedDict(
        "RenderOptions", dict.fromkeys((*RENDER_TABLE, "recipe"), Any), total=False
    )
    EngineOptions = TypedDict(
        "EngineOptions",
        dict.fromkeys([n for n in RENDER_TABLE if n not in ("strength", "mix")], Any),
        total=False,
    )


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise an error for the first name that is not a setting.

    Raises
    ------
    UnknownSettingError
        Its message suggests the nearest name.
    """
    known = list(known)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(known)}"
            raise UnknownSettingError(f"there is no setting {name!r}: {hint}")


def make_settings(
    defaults: Mapping[str, Any], *, recipe: str | None = None, **given: Any
) -> Settings:
    """Build settings from those that were given, then a recipe's, then a preset's.

    Parameters
    ----------
    defaults : mapping
        Settings of a preset. A recipe overrides them.
    recipe : str, optional
        Name or number of a recipe.
    **given
        Settings by name, which override all others. None means "not given".

    Raises
    ------
    InvalidSettingError
        For an unknown recipe, an unknown name or a value out of range.
    """
    check_names(given, RENDER_TABLE)
    chosen = {key: value for key, value in given.items() if value is not None}
    if recipe is not None:
        chosen = with_recipe(recipe, chosen)
    own = {key: value for key, value in defaults.items() if key in RENDER_TABLE}
    if chosen.get("method", DEFAULT_METHOD) != DEFAULT_METHOD:
        own.pop("options", None)  # A preset's options belong to the default method.
    return Settings(**own | chosen)


def make_options(options_type: type[Any], method: str, values: Mapping[str, Any]) -> Any:
    """Build a method's options from names and values.

    Raises
    ------
    InvalidSettingError
        For an option that the method does not have, or a value of a wrong type or out of range.
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
    """Convert a value to the type of an option's default, or raise InvalidSettingError."""
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
    """Convert a strength to a position on the line from the content (0) to the full style (1).

    Most of a style is only heard near the end of that line. The curve makes half the strength
    about half of the distance to the style in dB; the docs show it.
    """
    return 1.0 - float((1.0 - strength) ** _STRENGTH_CURVE)


def table_of_settings() -> str:
    """Return the table as Markdown, for the documentation."""
    lines = ["| setting | default | what it may be | what it does |", "| --- | --- | --- | --- |"]
    for row in TABLE.values():
        default = "–" if row.default is None else f"`{row.default}`"
        name = f"`{row.name}`" + (f" (`--{row.short}`)" if row.short != row.name else "")
        lines.append(f"| {name} | {default} | {row.domain} | {row.help} |")
    return "\n".join(lines)


def documented(function: F) -> F:
    """Decorate a function: replace ``{settings}`` in its docstring by an entry for each setting."""
    if function.__doc__:
        line = next(text for text in function.__doc__.splitlines() if "{settings}" in text)
        indent = line[: len(line) - len(line.lstrip())]
        parts = []
        for row in RENDER_TABLE.values():
            default = "" if row.default is None else f", {row.default!r} by default"
            parts += [f"{indent}{row.name} : {row.domain}{default}", f"{indent}    {row.help}"]
        recipes = ", ".join(RECIPES)
        parts += [
            f"{indent}recipe : {recipes}",
            f"{indent}    The settings that one source document states; others override them.",
        ]
        function.__doc__ = function.__doc__.replace(line, "\n".join(parts))
    return function
