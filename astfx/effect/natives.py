"""Native pedalboard plugins in astfx containers: run them, and serialise their settings."""

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
    """Whether an object is a plugin that pedalboard itself can process."""
    return issubclass(type(plugin), pedalboard.Plugin)


class NativeGroup:
    """Neighbouring native plugins, which pedalboard processes in one call.

    Parameters
    ----------
    plugins : sequence of pedalboard.Plugin
    """

    def __init__(self, plugins: Sequence[pedalboard.Plugin]) -> None:
        self.plugins = list(plugins)
        self.board = pedalboard.Chain(self.plugins)
        self._channels: int | None = None
        self._fresh = False  # nothing was processed since the last reset

    def process(
        self, waveform: Waveform, sample_rate: int, buffer_size: int, reset: bool
    ) -> Waveform:
        """Process (channels, n) samples; pedalboard compensates the latency of its own plugins."""
        channels, n = waveform.shape
        if n == 0:
            return waveform
        if self._fresh and not reset:
            # Many native plugins lose buffered audio when a block is longer than any before it,
            # so the longest possible block comes first.
            longest = np.zeros((channels, max(buffer_size, channels + 1)), np.float32)
            self.board.process(longest, sample_rate, buffer_size, False)
            self.board.reset()
        self._fresh = False
        if self._channels != channels:
            # A short block could be taken for (samples, channels); an empty one is unambiguous.
            self.board.process(np.zeros((channels, 0), np.float32), sample_rate, reset=False)
        self._channels = channels
        return self.board.process(waveform, sample_rate, buffer_size, reset)

    def expect(self, layout: Layout, sample_rate: float) -> None:
        """Let pedalboard remember the layout of the last array."""
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
        """Latency of the external plugins, in samples. pedalboard's own do not report theirs."""
        return sum(getattr(plugin, "reported_latency_samples", 0) for plugin in self.plugins)


def written(plugin: pedalboard.Plugin) -> dict[str, Any]:
    """Describe a native plugin as a dict for JSON. `read` makes the plugin again.

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
            "a Convolution does not reveal its impulse response, so it cannot be copied"
        )
    if hasattr(plugin, "raw_state"):
        raise EffectError(
            f"{plugin!r} does not reveal its file, so it cannot be copied: keep its raw_state, "
            "load the plugin again and set it"
        )
    values = {}
    for key in dir(type(plugin)):
        attribute = getattr(type(plugin), key)
        if isinstance(attribute, property) and attribute.fset is not None:
            value = getattr(plugin, key)
            values[key] = value.name if hasattr(value, "name") else value
    return {"plugin": name, "parameters": values}


def read(description: Mapping[str, Any]) -> pedalboard.Plugin:
    """Make a native plugin from what `written` returned.

    Raises
    ------
    InvalidSettingError
        If pedalboard has no such plugin or does not take the parameters.
    """
    name = str(description.get("plugin"))
    package, _, kind = name.partition(".")
    found = getattr(pedalboard, kind, None) if package == "pedalboard" else None
    if not isinstance(found, type) or not issubclass(found, pedalboard.Plugin):
        raise InvalidSettingError(f"plugin={name!r} is not a pedalboard plugin")
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
    """Convert a value for the constructor: names become members of an enumeration again."""
    if not isinstance(value, str):
        return value
    for attribute in vars(kind).values():
        if isinstance(attribute, type) and hasattr(attribute, value):
            return getattr(attribute, value)
    for attribute in (getattr(kind, n) for n in dir(kind)):
        if isinstance(attribute, enum.EnumMeta) and value in attribute.__members__:
            return attribute[value]
    raise ValueError(f"{key}={value!r} is unknown")
