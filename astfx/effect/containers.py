"""Containers for native plugins and astfx effects: `Pedalboard`, `Chain`, `Mix`, `process`."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pedalboard

from astfx.audio import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Waveform
from astfx.effect import natives
from astfx.effect.base import (
    DEFAULT_BUFFER_SIZE,
    HINT,
    Effect,
    check_buffer_size,
    check_rate,
    check_whole,
    shown_as_ours,
)
from astfx.effect.natives import NativeGroup
from astfx.effect.style_transfer import StyleTransfer
from astfx.errors import EffectError, EffectTypeError, InvalidSettingError

Plugin = pedalboard.Plugin


class Container(Effect):
    """A list of native plugins and astfx effects, with strong references to them.

    Parameters
    ----------
    plugins : iterable of plugins, optional
        Items that are None are skipped.
    """

    def __init__(self, plugins: Iterable[Plugin | None] | None = None) -> None:
        super().__init__()
        if plugins is not None and not isinstance(plugins, Iterable):
            raise EffectTypeError(f"plugins={plugins!r} must be a list of effects")
        self._plugins = [self._checked(plugin) for plugin in plugins or ()]
        self._is_fresh = False  # was reset before its stages were made
        self._changed()

    def _changed(self) -> None:
        self._stages: list[NativeGroup | Effect] | None = None
        self._native: Any = None

    def _ready(self) -> list[NativeGroup | Effect]:
        """The stages: astfx effects, and groups of neighbouring native plugins."""
        if self._stages is None:
            inside = [id(plugin) for plugin in _everything_in(self)]
            if len(set(inside)) < len(inside):
                raise EffectError(
                    "The same plugin instance is being used multiple times in the same chain of "
                    "plugins, which would cause undefined results. (make another one)"
                )
            self._stages = self._staged([p for p in self._plugins if p is not None])
            for stage in self._stages:
                if self._is_fresh and isinstance(stage, NativeGroup):
                    stage.restart()
            self._is_fresh = False
        return self._stages

    def _staged(self, plugins: list[Plugin]) -> list[NativeGroup | Effect]:
        stages: list[NativeGroup | Effect] = []
        for native, group in groupby(plugins, natives.is_native):
            members: list[Any] = list(group)
            stages += [NativeGroup(members)] if native else members
        return stages

    def _checked(self, plugin: Plugin | None) -> Plugin | None:
        if plugin is None:
            return None
        if not isinstance(plugin, Plugin):
            raise EffectTypeError(
                f"{plugin!r} is not an effect: a board takes pedalboard plugins and astfx effects"
            )
        if not plugin.is_effect:
            raise InvalidSettingError(f"{plugin!r} is an instrument: a board takes effects only")
        if any(held is self for held in _everything_in([plugin])):
            raise EffectError("a container cannot be inside itself")
        return plugin

    @property
    def _needs_whole(self) -> bool:
        return any(isinstance(s, Effect) and s._needs_whole for s in self._ready())

    def prepare(self, sample_rate: float, channels: int = 2, block_size: int = 512) -> None:
        """Get ready to process blocks in real time; see `StyleTransfer.prepare`.

        Everything inside is prepared. What was heard so far is forgotten.

        Parameters
        ----------
        sample_rate : float, hertz
        channels : int
        block_size : int, samples

        Raises
        ------
        EffectError
            If an effect inside has engine="render", which has no blocks.
        AstfxError
            If a style, the sample rate, the number of channels or the size cannot be used.
        """
        rate = check_rate(sample_rate)
        check_whole(channels=channels, block_size=block_size)
        with self._lock:
            self._restart()
            silence = np.zeros((channels, block_size), np.float32)
            for stage in self._ready():
                if isinstance(stage, NativeGroup):
                    stage.process(silence, rate, block_size, False)
                    stage.restart()
                else:
                    stage.prepare(rate, channels, block_size)

    def append(self, plugin: Plugin | None) -> None:
        """Add a plugin at the end."""
        self._plugins.append(self._checked(plugin))
        self._changed()

    def insert(self, index: int, plugin: Plugin | None) -> None:
        """Insert a plugin before the one at an index."""
        checked = self._checked(plugin)
        self._plugins.insert(_index(index, len(self), end=True), checked)
        self._changed()

    def remove(self, plugin: Plugin) -> None:
        """Remove a plugin. Raises ValueError if it is not there."""
        self._checked(plugin)
        for index, held in enumerate(self._plugins):
            if held is plugin:
                del self[index]
                return
        raise ValueError("remove(x): x not in list")

    def __getitem__(self, index: int) -> Plugin:
        # It may be None, but pedalboard's own stubs leave that out too.
        return self._plugins[_index(index, len(self))]  # type: ignore[return-value]

    def __setitem__(self, index: int, plugin: Plugin | None) -> None:
        checked = self._checked(plugin)
        self._plugins[_index(index, len(self))] = checked
        self._changed()

    def __delitem__(self, index: int) -> None:
        del self._plugins[_index(index, len(self))]
        self._changed()

    def __len__(self) -> int:
        return len(self._plugins)

    def __iter__(self) -> Iterator[Plugin]:
        return iter(list(self._plugins))  # type: ignore[arg-type]

    def __contains__(self, plugin: object) -> bool:
        return any(held is plugin for held in self._plugins)

    @property
    def latency_samples(self) -> int:
        """Delay of a stream, in samples, as far as it is known.

        Astfx effects and external plugins report theirs. pedalboard's own plugins do not, but
        pedalboard compensates it.
        """
        found: list[Any] = list(self._ready())
        return self._total([stage.latency_samples for stage in found])

    def latency_samples_at(self, sample_rate: float) -> int:
        """`latency_samples` at a sample rate."""
        return self._total(
            [
                stage.latency_samples
                if isinstance(stage, NativeGroup)
                else stage.latency_samples_at(sample_rate)
                for stage in self._ready()
            ]
        )

    def _total(self, latencies: list[int]) -> int:
        return sum(latencies)

    def _restart(self) -> None:
        for plugin in self._plugins:
            if plugin is not None:
                plugin.reset()
        self._is_fresh = self._stages is None
        for stage in self._stages or ():
            if isinstance(stage, NativeGroup):
                stage.restart()

    def _shown(self) -> dict[str, str]:
        return {}

    def __repr__(self) -> str:
        count = f"{len(self)} plugin{'' if len(self) == 1 else 's'}"
        inside = ", ".join(repr(plugin) for plugin in self._plugins)
        return f"<astfx.{type(self).__name__} with {count}: [{inside}] ({HINT}) at {hex(id(self))}>"

    def _notebook_text(self) -> str:
        count = f"{len(self)} plugin{'' if len(self) == 1 else 's'}"
        lines = [f"astfx.{type(self).__name__} with {count}"]
        for number, plugin in enumerate(self._plugins, start=1):
            text = plugin._notebook_text() if isinstance(plugin, Effect) else repr(plugin)
            lines.append(f"  {number}. {text}".replace("\n", "\n   "))
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """All plugins and their settings, as a dict for JSON.

        Raises
        ------
        EffectError
            If a plugin cannot be serialised.
        """
        return {
            "plugin": f"astfx.{type(self).__name__}",
            "plugins": [None if plugin is None else _written(plugin) for plugin in self._plugins],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Any:
        """Make a container from what `to_dict` returned.

        Raises
        ------
        AstfxError
            If it describes something else, or a plugin cannot be made.
        """
        if values.get("plugin") != f"astfx.{cls.__name__}":
            raise InvalidSettingError(
                f"plugin={values.get('plugin')!r} must be 'astfx.{cls.__name__}'"
            )
        plugins = values.get("plugins")
        if not isinstance(plugins, list) or not all(isinstance(p, dict | None) for p in plugins):
            raise InvalidSettingError(f"plugins={plugins!r} must be a list of dicts and None")
        return cls([None if item is None else _read(item) for item in plugins])

    def __copy__(self) -> Any:
        return type(self)(self._plugins)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), [_packed(plugin) for plugin in self._plugins])


class Chain(Container):
    """Effects in series."""

    _native_class = shown_as_ours(pedalboard.Chain)
    _last_shape: tuple[int, ...] | None = None

    def process(
        self,
        input_array: npt.NDArray[np.floating[Any]],
        sample_rate: float,
        buffer_size: int = DEFAULT_BUFFER_SIZE,
        reset: bool = True,
    ) -> npt.NDArray[np.float32]:
        """Process audio with all effects in turn; see `Effect.process`."""
        native = self._native
        if native is None or not (
            buffer_size > 0 and MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE
        ):
            return self._process_checked(input_array, sample_rate, buffer_size, reset)
        output = native(input_array, sample_rate, buffer_size, reset)
        if input_array.shape != self._last_shape:
            self._layout.note(input_array)
            self._last_shape = input_array.shape
        return output  # type: ignore[no-any-return]

    __call__ = process  # type: ignore[assignment]

    def reset(self) -> None:
        """Forget all audio, and the layout of the last array."""
        super().reset()
        self._last_shape = None

    def _process_checked(
        self, input_array: Any, sample_rate: Any, buffer_size: Any, reset: bool
    ) -> npt.NDArray[np.float32]:
        """Process with all checks. Once a purely native chain has passed them, it skips them."""
        check_buffer_size(buffer_size)
        check_rate(sample_rate)
        with self._lock:
            stages = self._ready()
            only = stages[0] if len(stages) == 1 else None
            if not isinstance(only, NativeGroup):
                return super().process(input_array, sample_rate, buffer_size, reset)
            # There are only native plugins, so pedalboard does all of the work from now on.
            only.expect(self._layout, sample_rate)
            self._last_shape = None
            self._native = only.board.process
        return self.process(input_array, sample_rate, buffer_size, reset)

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        for stage in self._ready():
            waveform = process_block(stage, waveform, sample_rate, buffer_size)
        return waveform

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        n = waveform.shape[1]
        if not self._needs_whole:
            # As in a stream, stages with latency also get what rings on after the clip.
            waveform = np.pad(waveform, ((0, 0), (0, self.latency_samples_at(sample_rate))))
        for stage in self._ready():
            waveform = process_clip(stage, waveform, sample_rate, buffer_size)
        return waveform[:, :n]


class Pedalboard(Chain):
    """A `pedalboard.Pedalboard` that also accepts astfx effects.

    Parameters
    ----------
    plugins : iterable of plugins, optional
        Native plugins (VST3 and Audio Units included), `StyleTransfer`, and containers of either
        kind. Items that are None are skipped.

    Examples
    --------
    >>> board = Pedalboard([pedalboard.Gain(6.0)])
    >>> board(np.zeros((2, 100), np.float32), 44100).shape
    (2, 100)
    """

    _native_class = shown_as_ours(pedalboard.Pedalboard)  # type: ignore[attr-defined]


class Mix(Container):
    """Effects in parallel. Their outputs are aligned with each other and added."""

    _native_class = shown_as_ours(pedalboard.Mix)

    def __init__(self, plugins: Iterable[Plugin | None] | None = None) -> None:
        self._groups: list[NativeGroup] = []
        self._begin(None)
        super().__init__(plugins)

    def _begin(self, stream: tuple[int, int] | None) -> None:
        self._stream_of = stream  # sample rate and channels
        self._waiting: list[tuple[object, Waveform]] = []
        self._n_pending = 0  # input samples that have no output yet

    def _staged(self, plugins: list[Plugin]) -> list[NativeGroup | Effect]:
        # Plugins that were here before keep their state. pedalboard compensates the latency of a
        # new one only after a reset, and it would not be aligned with the others otherwise.
        groups = {id(group.plugins[0]): group for group in self._groups}
        stages: list[Any] = []
        for plugin in plugins:
            stage: Any = plugin
            if natives.is_native(plugin):
                stage = groups.get(id(plugin))
                if stage is None:
                    stage = NativeGroup([plugin])
                    stage.restart()
            stages.append(stage)
        self._groups = [stage for stage in stages if isinstance(stage, NativeGroup)]
        return stages

    def _total(self, latencies: list[int]) -> int:
        return max(latencies, default=0)

    def _restart(self) -> None:
        self._begin(None)
        super()._restart()

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        stages = self._ready()
        channels, n_in = waveform.shape
        if self._stream_of != (sample_rate, channels):
            if self._stream_of is not None:
                self._restart()
            self._begin((sample_rate, channels))
        # A new plugin got none of the input that the others have yet to output.
        silence = np.zeros((channels, self._n_pending), np.float32)
        before = {id(stage): rest for stage, rest in self._waiting}
        parts = []
        for stage in stages:
            output = process_block(stage, waveform, sample_rate, buffer_size)
            parts.append(np.concatenate([before.get(id(stage), silence), output], axis=1))
        n_out = min([n_in, *(part.shape[1] for part in parts)])
        self._waiting = [(stage, p[:, n_out:]) for stage, p in zip(stages, parts, strict=True)]
        self._n_pending += n_in - n_out
        total = np.zeros((channels, n_out), np.float32)
        for part in parts:
            total += part[:, :n_out]
        return total

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        total = np.zeros_like(waveform)
        for stage in self._ready():
            total += process_clip(stage, waveform, sample_rate, buffer_size)
        return total


CONTAINERS: dict[str, type[Container]] = {"Pedalboard": Pedalboard, "Chain": Chain, "Mix": Mix}


def process(
    input_array: npt.NDArray[np.floating[Any]],
    sample_rate: float,
    plugins: Iterable[Plugin | None],
    buffer_size: int = DEFAULT_BUFFER_SIZE,
    reset: bool = True,
) -> npt.NDArray[np.float32]:
    """Process audio with native plugins and astfx effects, as `pedalboard.process` does.

    Parameters
    ----------
    input_array, sample_rate, buffer_size, reset
        As for `Effect.process`.
    plugins : iterable of plugins
    """
    return Pedalboard(plugins).process(input_array, sample_rate, buffer_size, reset)


def process_block(
    stage: NativeGroup | Effect, waveform: Waveform, sample_rate: int, buffer_size: int
) -> Waveform:
    """Process the next block of a stream with a stage."""
    if isinstance(stage, NativeGroup):
        return stage.process(waveform, sample_rate, buffer_size, False)
    # Another thread may be setting its parameters.
    with stage._lock:
        return stage._stream(waveform, sample_rate, buffer_size)


def process_clip(
    stage: NativeGroup | Effect, waveform: Waveform, sample_rate: int, buffer_size: int
) -> Waveform:
    """Process a whole clip with a stage."""
    if isinstance(stage, NativeGroup):
        return stage.process(waveform, sample_rate, buffer_size, True)
    with stage._lock:
        stage._restart()
        return stage._whole(waveform, sample_rate, buffer_size)


def _everything_in(container: Iterable[Plugin | None]) -> Iterator[Plugin]:
    """All plugins in a container, at any depth."""
    for plugin in container:
        if plugin is not None:
            yield plugin
        if isinstance(plugin, Container | pedalboard.Chain | pedalboard.Mix):
            yield from _everything_in(plugin)


def _index(index: int, length: int, *, end: bool = False) -> int:
    """Check an index into a list of `length` items. `end` allows the place after the last."""
    try:
        place = operator.index(index)
    except TypeError:
        raise EffectTypeError(f"index={index!r} must be a whole number") from None
    if not -length <= place < length + end:
        raise IndexError("index out of range")
    return place


def _written(plugin: Plugin) -> dict[str, Any]:
    if isinstance(plugin, Container | StyleTransfer):
        return plugin.to_dict()
    return natives.written(plugin)


def _read(values: Mapping[str, Any]) -> Any:
    package, _, kind = str(values.get("plugin")).partition(".")
    if package == "astfx":
        if kind == "StyleTransfer":
            return StyleTransfer.from_dict(values)
        if kind in CONTAINERS:
            return CONTAINERS[kind].from_dict(values)
    return natives.read(values)


def _packed(plugin: Plugin | None) -> Any:
    """A plugin in a form that can be pickled: a native one is replaced by its settings."""
    if plugin is None or not natives.is_native(plugin):
        return plugin
    return natives.written(plugin)


def _rebuilt(cls: type[Container], plugins: list[Any]) -> Container:
    return cls([natives.read(item) if isinstance(item, dict) else item for item in plugins])
