"""Native pedalboard plugins among ours: running them, and writing down what they are set to."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pedalboard

from astfx.audio import Waveform
from astfx.effect.layout import Layout
from astfx.errors import EffectError, InvalidSettingError


def is_native(plugin: object) -> bool:
    """Whether an object is a plugin that pedalboard itself can run."""
    return issubclass(type(plugin), pedalboard.Plugin)


class NativeRun:
    """Neighbouring native plugins, run by pedalboard in one call.

    Parameters
    ----------
    plugins : sequence of pedalboard.Plugin
    """

    def __init__(self, plugins: Sequence[pedalboard.Plugin]) -> None:
        self.plugins = list(plugins)
        self.board = pedalboard.Chain(self.plugins)
        self._channels: int | None = None
        self._fresh = False  # nothing has been through it since a reset

    def process(
        self, waveform: Waveform, sample_rate: int, buffer_size: int, reset: bool
    ) -> Waveform:
        """Run (channels, n) audio; pedalboard's own latency is compensated as it does."""
        channels, n = waveform.shape
        if n == 0:
            return waveform
        if self._fresh and not reset:
            # Many a native plugin loses what it holds when a longer block comes than any before.
            longest = np.zeros((channels, max(buffer_size, channels + 1)), np.float32)
            self.board.process(longest, sample_rate, buffer_size, False)
            self.board.reset()
        self._fresh = False
        if self._channels != channels:
            # Few samples could be taken for the channels: an empty block says which is which.
            self.board.process(np.zeros((channels, 0), np.float32), sample_rate, reset=False)
        self._channels = channels
        return self.board.process(waveform, sample_rate, buffer_size, reset)

    def expect(self, layout: Layout, sample_rate: float) -> None:
        """Let the board remember a layout as its own."""
        shape = layout.empty()
        if shape is not None:
            self.board.process(np.zeros(shape, np.float32), sample_rate, reset=False)

    def restart(self) -> None:
        """Forget all audio."""
        self.board.reset()
        self._channels = None
        self._fresh = True

    @property
    def latency_samples(self) -> int:
        """What external plugins report; pedalboard keeps that of its own to itself."""
        return sum(getattr(plugin, "reported_latency_samples", 0) for plugin in self.plugins)


def written(plugin: pedalboard.Plugin) -> dict[str, Any]:
    """What makes a native plugin again, ready for JSON.

    Raises
    ------
    EffectError
        If its settings cannot be read.
    """
    name = f"pedalboard.{type(plugin).__name__}"
    if isinstance(plugin, pedalboard.Chain | pedalboard.Mix):
        return {"plugin": name, "plugins": [None if p is None else written(p) for p in plugin]}
    if isinstance(plugin, pedalboard.Convolution):
        raise EffectError(
            "a Convolution does not give its impulse response back, so it cannot be copied"
        )
    if hasattr(plugin, "raw_state"):
        raise EffectError(
            f"{plugin!r} does not tell which file it is from, so it cannot be copied: keep its "
            "raw_state, load it again and set it"
        )
    values = {}
    for key in dir(type(plugin)):
        attribute = getattr(type(plugin), key)
        if isinstance(attribute, property) and attribute.fset is not None:
            value = getattr(plugin, key)
            values[key] = value.name if hasattr(value, "name") else value
    return {"plugin": name, "parameters": values}


def read(description: Mapping[str, Any]) -> pedalboard.Plugin:
    """Make a native plugin from what `written` gave.

    Raises
    ------
    InvalidSettingError
        If pedalboard has no such plugin or does not take the parameters.
    """
    name = str(description.get("plugin"))
    package, _, kind = name.partition(".")
    found = getattr(pedalboard, kind, None) if package == "pedalboard" else None
    if not isinstance(found, type) or not issubclass(found, pedalboard.Plugin):
        raise InvalidSettingError(f"plugin={name!r} is no plugin of pedalboard's")
    make: Any = found
    if "plugins" in description:
        inside = [None if item is None else read(item) for item in description["plugins"]]
        nested: pedalboard.Plugin = make(inside)
        return nested
    try:
        values = {
            key: _value(found, key, value)
            for key, value in dict(description.get("parameters", {})).items()
        }
        plugin: pedalboard.Plugin = make(**values)
        return plugin
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidSettingError(
            f"plugin={name!r} does not take its parameters ({error})"
        ) from None


def _value(kind: type[Any], key: str, value: Any) -> Any:
    """A value as the constructor takes it: names of an enumeration back to its members."""
    if not isinstance(value, str):
        return value
    for attribute in vars(kind).values():
        if isinstance(attribute, type) and hasattr(attribute, value):
            return getattr(attribute, value)
    for attribute in (getattr(kind, n) for n in dir(kind)):
        if isinstance(attribute, enum.EnumMeta) and value in attribute.__members__:
            return attribute[value]
    raise ValueError(f"{key}={value!r} is unknown")
