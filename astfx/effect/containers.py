"""Containers that take native plugins and ours: `Pedalboard`, `Chain`, `Mix`, `process`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pedalboard

from astfx.audio import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Waveform
from astfx.effect import natives
from astfx.effect.base import DEFAULT_BUFFER_SIZE, HOME, Effect
from astfx.effect.natives import NativeRun
from astfx.effect.style_transfer import StyleTransfer
from astfx.errors import EffectError, EffectTypeError, InvalidSettingError

Plugin = pedalboard.Plugin


class _Container(Effect):
    """A list of effects, native or ours, with strong references to them.

    Parameters
    ----------
    plugins : iterable of plugins, optional
        None among them is skipped.
    """

    def __init__(self, plugins: Iterable[Plugin | None] | None = None) -> None:
        super().__init__()
        self._plugins = [_checked(plugin) for plugin in plugins or ()]
        self._changed()

    def _changed(self) -> None:
        self._stages: list[NativeRun | Effect] | None = None
        self._native: Any = None

    def _ready(self) -> list[NativeRun | Effect]:
        """What runs one after the other, neighbouring natives as one."""
        if self._stages is None:
            held = [plugin for plugin in self._plugins if plugin is not None]
            if len({id(plugin) for plugin in held}) < len(held):
                raise EffectError(
                    "the same plugin instance is in this container more than once: make another one"
                )
            self._stages = self._staged(held)
        return self._stages

    def _staged(self, plugins: list[Plugin]) -> list[NativeRun | Effect]:
        stages: list[NativeRun | Effect] = []
        for native, group in groupby(plugins, natives.is_native):
            members: list[Any] = list(group)
            stages += [NativeRun(members)] if native else members
        return stages

    def append(self, plugin: Plugin) -> None:
        """Put a plugin at the end."""
        self._plugins.append(_checked(plugin))
        self._changed()

    def insert(self, index: int, plugin: Plugin) -> None:
        """Put a plugin before another."""
        self._plugins.insert(index, _checked(plugin))
        self._changed()

    def remove(self, plugin: Plugin) -> None:
        """Take a plugin out; ValueError if it is not there."""
        for index, held in enumerate(self._plugins):
            if held is plugin:
                del self[index]
                return
        raise ValueError("remove(x): x not in list")

    def __getitem__(self, index: int) -> Plugin | None:
        return self._plugins[_index(index, len(self))]

    def __setitem__(self, index: int, plugin: Plugin) -> None:
        self._plugins[_index(index, len(self))] = _checked(plugin)
        self._changed()

    def __delitem__(self, index: int) -> None:
        del self._plugins[_index(index, len(self))]
        self._changed()

    def __len__(self) -> int:
        return len(self._plugins)

    def __iter__(self) -> Iterator[Plugin | None]:
        return iter(list(self._plugins))

    def __contains__(self, plugin: object) -> bool:
        return any(held is plugin for held in self._plugins)

    @property
    def latency_samples(self) -> int:
        """Delay of a stream, in samples, as far as it is known.

        Ours say theirs and external plugins report theirs; what pedalboard's own plugins have
        is only compensated.
        """
        found: list[Any] = list(self._ready())
        return self._total([stage.latency_samples for stage in found])

    def latency_samples_at(self, sample_rate: float) -> int:
        """As `latency_samples`, at a sample rate."""
        return self._total(
            [
                stage.latency_samples
                if isinstance(stage, NativeRun)
                else stage.latency_samples_at(sample_rate)
                for stage in self._ready()
            ]
        )

    def _total(self, latencies: list[int]) -> int:
        return sum(latencies)

    def _restart(self) -> None:
        for stage in self._stages or ():
            stage.restart() if isinstance(stage, NativeRun) else stage.reset()

    def _shown(self) -> dict[str, str]:
        return {}

    def __repr__(self) -> str:
        count = f"{len(self)} plugin{'' if len(self) == 1 else 's'}"
        inside = ", ".join(repr(plugin) for plugin in self._plugins)
        return f"<astfx.{type(self).__name__} with {count}: [{inside}] ({HOME}) at {hex(id(self))}>"

    def to_dict(self) -> dict[str, Any]:
        """Everything in it and what it is set to, ready for JSON.

        Raises
        ------
        EffectError
            If one of the plugins cannot be written down.
        """
        return {
            "plugin": f"astfx.{type(self).__name__}",
            "plugins": [None if plugin is None else _written(plugin) for plugin in self._plugins],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Any:
        """Make a container from what `to_dict` gave.

        Raises
        ------
        AstfxError
            If it is for something else, or a plugin cannot be made.
        """
        if values.get("plugin") != f"astfx.{cls.__name__}":
            raise InvalidSettingError(
                f"plugin={values.get('plugin')!r} must be 'astfx.{cls.__name__}'"
            )
        return cls([None if item is None else _read(item) for item in values["plugins"]])

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), [_packed(plugin) for plugin in self._plugins])


class Chain(_Container):
    """Effects one after the other."""

    _native_class = pedalboard.Chain

    def process(
        self,
        input_array: npt.NDArray[np.floating[Any]],
        sample_rate: float,
        buffer_size: int = DEFAULT_BUFFER_SIZE,
        reset: bool = True,
    ) -> npt.NDArray[np.float32]:
        """Run audio through all effects; see `Effect.process`."""
        native = self._native
        if (
            native is not None
            and buffer_size > 0
            and MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE
        ):
            return native(input_array, sample_rate, buffer_size, reset)  # type: ignore[no-any-return]
        return super().process(input_array, sample_rate, buffer_size, reset)

    __call__ = process  # type: ignore[assignment]

    def _ready(self) -> list[NativeRun | Effect]:
        stages = super()._ready()
        only = stages[0] if len(stages) == 1 else None
        # Nothing of ours in it: from the next call on, all of it is pedalboard's business.
        self._native = only.board.process if isinstance(only, NativeRun) else None
        return stages

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        for stage in self._ready():
            waveform = _streamed(stage, waveform, sample_rate, buffer_size)
        return waveform

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        for stage in self._ready():
            waveform = _wholly(stage, waveform, sample_rate, buffer_size)
        return waveform


class Pedalboard(Chain):
    """A board of effects, native or ours, in place of `pedalboard.Pedalboard`.

    Parameters
    ----------
    plugins : iterable of plugins, optional
        Native ones, VST3 and Audio Units included, `StyleTransfer`, and containers of either
        kind; None is skipped.

    Examples
    --------
    >>> board = Pedalboard([pedalboard.Gain(6.0)])
    >>> board(np.zeros((2, 100), np.float32), 44100).shape
    (2, 100)
    """

    _native_class = pedalboard.Pedalboard  # type: ignore[attr-defined]


class Mix(_Container):
    """Effects side by side, their outputs added up, aligned with each other."""

    _native_class = pedalboard.Mix

    def __init__(self, plugins: Iterable[Plugin | None] | None = None) -> None:
        self._waiting: list[Waveform] = []
        super().__init__(plugins)

    def _staged(self, plugins: list[Plugin]) -> list[NativeRun | Effect]:
        return [NativeRun([p]) if natives.is_native(p) else p for p in plugins]  # type: ignore[misc]

    def _total(self, latencies: list[int]) -> int:
        return max(latencies, default=0)

    def _restart(self) -> None:
        self._waiting = []
        super()._restart()

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        stages = self._ready()
        if not stages:
            return np.zeros_like(waveform)
        if len(self._waiting) != len(stages) or len(self._waiting[0]) != len(waveform):
            self._waiting = [np.zeros((len(waveform), 0), np.float32) for _ in stages]
        for index, stage in enumerate(stages):
            output = _streamed(stage, waveform, sample_rate, buffer_size)
            self._waiting[index] = np.concatenate([self._waiting[index], output], axis=1)
        n = min(part.shape[1] for part in self._waiting)
        total = np.sum([part[:, :n] for part in self._waiting], axis=0, dtype=np.float32)
        self._waiting = [part[:, n:] for part in self._waiting]
        return np.asarray(total)

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        total = np.zeros_like(waveform)
        for stage in self._ready():
            total += _wholly(stage, waveform, sample_rate, buffer_size)
        return total


def process(
    input_array: npt.NDArray[np.floating[Any]],
    sample_rate: float,
    plugins: Iterable[Plugin | None],
    buffer_size: int = DEFAULT_BUFFER_SIZE,
    reset: bool = True,
) -> npt.NDArray[np.float32]:
    """Run audio through plugins, native or ours, as `pedalboard.process` does.

    Parameters
    ----------
    input_array, sample_rate, buffer_size, reset
        As for `Effect.process`.
    plugins : iterable of plugins
    """
    return Pedalboard(plugins).process(input_array, sample_rate, buffer_size, reset)


def _streamed(
    stage: NativeRun | Effect, waveform: Waveform, sample_rate: int, buffer_size: int
) -> Waveform:
    if isinstance(stage, NativeRun):
        return stage.process(waveform, sample_rate, buffer_size, False)
    return stage._stream(waveform, sample_rate, buffer_size)


def _wholly(
    stage: NativeRun | Effect, waveform: Waveform, sample_rate: int, buffer_size: int
) -> Waveform:
    if isinstance(stage, NativeRun):
        return stage.process(waveform, sample_rate, buffer_size, True)
    stage._restart()
    return stage._whole(waveform, sample_rate, buffer_size)


def _checked(plugin: Plugin | None) -> Plugin | None:
    if plugin is not None and not isinstance(plugin, Plugin):
        raise EffectTypeError(
            f"{plugin!r} is no effect: a board takes pedalboard plugins and astfx effects"
        )
    if plugin is not None and not plugin.is_effect:
        raise InvalidSettingError(f"{plugin!r} is an instrument: a board takes effects only")
    return plugin


def _index(index: int, length: int) -> int:
    if not isinstance(index, int):
        raise EffectTypeError(f"index={index!r} must be a whole number")
    if not -length <= index < length:
        raise IndexError("index out of range")
    return index


def _written(plugin: Plugin) -> dict[str, Any]:
    if isinstance(plugin, _Container | StyleTransfer):
        return plugin.to_dict()
    return natives.written(plugin)


def _read(values: Mapping[str, Any]) -> Any:
    ours = {"StyleTransfer": StyleTransfer, "Pedalboard": Pedalboard, "Chain": Chain, "Mix": Mix}
    package, _, kind = str(values.get("plugin")).partition(".")
    if package == "astfx" and kind in ours:
        return ours[kind].from_dict(values)  # type: ignore[attr-defined]
    return natives.read(values)


def _packed(plugin: Plugin | None) -> Any:
    """A plugin as it can be pickled: ours as it is, a native one by its settings."""
    if plugin is None or not natives.is_native(plugin):
        return plugin
    return natives.written(plugin)


def _rebuilt(cls: type[_Container], plugins: list[Any]) -> _Container:
    return cls([natives.read(item) if isinstance(item, dict) else item for item in plugins])
