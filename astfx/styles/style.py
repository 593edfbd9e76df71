"""A style as an effect takes it: a file, an array or prepared targets, made ready once a rate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.api import STYLE_SUFFIX
from astfx.audio import FileSource, Source, check_sample_rate, check_waveform
from astfx.errors import EffectError, InvalidSettingError
from astfx.presets import Preset, resolve
from astfx.settings import Settings
from astfx.streaming.live import LiveEngine, live_grid
from astfx.streaming.stream import StreamEngine
from astfx.styles.targets import (
    LIVE_KEYS,
    StyleTargets,
    array_source,
    check_targets,
    grid_for,
    prepare_source,
)

ENGINES = ("auto", "render", "stream", "live")

StyleLike = str | os.PathLike[str] | npt.NDArray[np.floating[Any]] | StyleTargets | Preset


class Style:
    """One style, and what engines need of it.

    Parameters
    ----------
    style : path, ndarray, StyleTargets, Preset or a preset's name
    sample_rate : int, hertz, optional
        Of an array; required for one, and for nothing else.

    Raises
    ------
    AstfxError
        If the file is missing or no audio, the array cannot be used, or its rate is missing.
    """

    def __init__(self, style: StyleLike, sample_rate: int | None = None) -> None:
        self.given, self.sample_rate = style, sample_rate
        self._prepared: dict[tuple[object, ...], StyleTargets] = {}
        self._source: Source | None = None
        self.preset: Preset | None = None
        self._loaded: StyleTargets | None = None
        if isinstance(style, np.ndarray):
            if sample_rate is None:
                raise InvalidSettingError(
                    "style_sample_rate=None must be given for a style that is an array (Hz)"
                )
            rate = check_sample_rate(sample_rate, "style_sample_rate")
            waveform = check_waveform(style, "style").copy()
            self._source = array_source(waveform, rate, "style")
        elif sample_rate is not None:
            raise InvalidSettingError(
                f"style_sample_rate={sample_rate!r} is for a style that is an array: a file or a "
                "prepared style has its own"
            )
        elif isinstance(style, StyleTargets):
            self._loaded = style
        elif isinstance(style, Preset):
            self.preset = style
        elif os.fspath(style).endswith(STYLE_SUFFIX):
            self._loaded = StyleTargets.load(style)
        else:
            self.preset = resolve(style)
            if self.preset is None:
                self._source = FileSource(Path(style), "style")

    @property
    def label(self) -> str:
        """How a repr shows it."""
        if isinstance(self.given, np.ndarray):
            return f"array{self.given.shape}"
        if isinstance(self.given, StyleTargets | Preset):
            return repr(self.given.name)
        return repr(os.fspath(self.given))

    def targets(self, sample_rate: int, settings: Settings) -> StyleTargets:
        """What a render needs of it, prepared once for each rate and method."""
        if self._loaded is not None:
            check_targets(self._loaded, sample_rate, settings)
            return self._loaded
        options = repr(sorted(settings.options.items()))
        key = (sample_rate, settings.method, settings.window_ms, settings.seed, options)
        if key not in self._prepared:
            if self.preset is not None:
                self._prepared[key] = self.preset.targets(sample_rate, settings)
            else:
                assert self._source is not None
                self._prepared[key] = prepare_source(self._source, sample_rate, settings)
        return self._prepared[key]

    def engine(
        self, engine: str, sample_rate: int, channels: int, settings: Settings
    ) -> LiveEngine | StreamEngine:
        """An engine for blocks, "live" or "stream"."""
        targets = self.targets(sample_rate, settings)
        if engine == "live":
            mean, covariance = (targets.tensors[key].numpy() for key in LIVE_KEYS)
            return LiveEngine(mean, covariance, sample_rate, channels)
        weights = targets.tensors.get("run_weights")
        shares = None if weights is None else weights.tolist()
        return StreamEngine(_runs(targets), targets.grid, channels, shares)


def _runs(targets: StyleTargets) -> list[Tensor]:
    lengths = targets.tensors["run_lengths"].tolist()
    return list(torch.split(targets.tensors["frames"].cpu(), lengths))


def engine_shape(engine: str, sample_rate: int, settings: Settings) -> tuple[int, int]:
    """Hop length and delay in hops of an engine, before there is a style.

    Raises
    ------
    EffectError
        If the method has no such engine.
    """
    if settings.method != "gram":
        raise EffectError(
            f"engine={engine!r} works block by block with method='gram' only, not "
            f"{settings.method!r}: pass whole clips (reset=True) with engine='render'"
        )
    if engine == "live":
        return live_grid(sample_rate).hop_length, LiveEngine.delay_hops
    return grid_for(sample_rate, settings).hop_length, StreamEngine.delay_hops


def checked_engine(engine: str, settings: Settings) -> str:
    """Return an engine's name, or raise unless there is one that can do the method."""
    if engine not in ENGINES:
        raise InvalidSettingError(f"engine={engine!r} must be one of {', '.join(ENGINES)}")
    if engine in ("stream", "live"):
        engine_shape(engine, 44_100, settings)  # refuses methods that it cannot do
    return engine
