"""A style in any form: audio, prepared targets or a preset; and how its targets are prepared."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from astfx.audio import (
    ArraySource,
    FileSource,
    Source,
    check_finite,
    check_sample_rate,
    check_waveform,
    resample,
)
from astfx.errors import AudioTypeError, InvalidSettingError
from astfx.frontends.channels import shared_waveforms
from astfx.plan import RenderPlan
from astfx.presets.library import resolve
from astfx.presets.preset import Preset
from astfx.runtime.device import thread_count
from astfx.styles.analysis import (
    envelope_tensors,
    live_tensors,
    style_runs,
    texture_tensors,
)
from astfx.styles.excerpts import StyleParts
from astfx.styles.targets import SUFFIX, StyleTargets

StyleLike = str | os.PathLike[str] | npt.NDArray[np.floating[Any]] | StyleTargets | Preset


class Style:
    """One style, with the targets that renders need of it.

    Targets are what a method keeps of a style (`StyleTargets`). Create a style with `Style.of`.
    """

    def __init__(
        self,
        given: StyleLike,
        *,
        source: Source | None = None,
        loaded: StyleTargets | None = None,
        preset: Preset | None = None,
    ) -> None:
        self.given, self.source, self.preset = given, source, preset
        self._loaded = loaded
        self._prepared: dict[tuple[object, ...], StyleTargets] = {}

    @classmethod
    def of(
        cls,
        given: StyleLike | Source,
        sample_rate: int | None = None,
        *,
        array_rate: int | None = None,
    ) -> Style:
        """Make a style from anything that can name one.

        Parameters
        ----------
        given : path, (samples,) or (channels, samples) array, StyleTargets, Preset, Source or a \
                preset's name
            A path leads to audio, to a ``.safetensors`` file that `StyleTargets.save` wrote, or to
            a preset's ``.astfx`` file.
        sample_rate : int, hertz, optional
            Sample rate of an array. It must not be given with any other style.
        array_rate : int, hertz, optional
            Sample rate of an array if `sample_rate` is not given. Other styles ignore it.

        Raises
        ------
        AstfxError
            If there is no such file or preset, the audio cannot be used, or an array has no sample
            rate.
        """
        if isinstance(given, np.ndarray):
            rate = array_rate if sample_rate is None else sample_rate
            if rate is None:
                raise InvalidSettingError(
                    "style_sample_rate=None must be given for a style that is an array (Hz)"
                )
            rate = check_sample_rate(rate, "style_sample_rate")
            waveform = check_waveform(given, "style").copy()  # the caller may change it later
            check_finite(waveform, "style", 0, rate)
            return cls(given, source=ArraySource(waveform, rate, "style"))
        if sample_rate is not None:
            raise InvalidSettingError(
                f"style_sample_rate={sample_rate!r} is for a style that is an array: any other "
                "style has its own"
            )
        if isinstance(given, StyleTargets):
            return cls(given, loaded=given)
        if isinstance(given, Preset):
            return cls(given, preset=given)
        if not isinstance(given, str | os.PathLike):
            if not hasattr(given, "blocks"):
                raise AudioTypeError(
                    "style must be an array, a path, a preset, a preset's name or StyleTargets, "
                    f"not {type(given).__name__}"
                )
            return cls(given.name, source=given)
        if os.fspath(given).endswith(SUFFIX):
            return cls(given, loaded=StyleTargets.load(given))
        preset = resolve(given)
        if preset is not None:
            return cls(given, preset=preset)
        return cls(given, source=FileSource(Path(given), "style"))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a preset; empty for any other style."""
        return {} if self.preset is None else dict(self.preset.settings)

    @property
    def label(self) -> str:
        """Short text for a repr."""
        if isinstance(self.given, np.ndarray):
            return f"array{self.given.shape}"
        if isinstance(self.given, str | os.PathLike):
            return repr(os.fspath(self.given))
        return repr(self.given.name)

    @property
    def is_prepared(self) -> bool:
        """Whether the style was given as prepared targets."""
        return self._loaded is not None

    def check_fits(self, plan: RenderPlan) -> None:
        """Raise InvalidSettingError if the style was given as targets that do not fit a plan.

        Renders call this before any work is done.
        """
        if self._loaded is not None:
            self._loaded.check_fits(plan)

    def targets(
        self,
        plan: RenderPlan,
        progress: Callable[[float], object] | None = None,
        *,
        retrain: bool = False,
        for_render: bool = False,
    ) -> StyleTargets:
        """Return the targets for a plan.

        They are prepared once for each grid, method, seed, device and set of options, and once more
        without what a render does not use.

        Parameters
        ----------
        plan : RenderPlan
        progress : callable, optional
            Called with the share that is done, 0 to 1, by methods that take minutes
            (`feed-forward`).
        retrain : bool
            Whether such a method trains its network anew even if `astfx distill` kept one.
        for_render : bool
            Whether to leave out what a render by this plan does not use: statistics for the block
            engines, and for texture rounds if it has none.

        Raises
        ------
        AstfxError
            If the style is silent, or does not fit the plan.
        """
        if self._loaded is not None:
            self.check_fits(plan)
            return self._loaded
        settings = plan.settings
        key: tuple[object, ...]
        key = (plan.grid, settings.method, settings.seed, repr(plan.options), plan.device)
        has_rest = self.preset is None and bool(plan.method.texture_rounds)
        if for_render and has_rest and key not in self._prepared:
            key = (*key, bool(plan.texture_rounds))
        if key not in self._prepared:
            if self.preset is not None:
                self._prepared[key] = self.preset.targets(plan, progress, retrain=retrain)
            else:
                assert self.source is not None
                self._prepared[key] = prepare(self.source, plan, progress, for_render=for_render)
        return self._prepared[key]


def prepare(
    style: Source,
    plan: RenderPlan,
    progress: Callable[[float], object] | None = None,
    *,
    for_render: bool = False,
) -> StyleTargets:
    """Prepare the targets of a style's audio; parameters as in `Style.targets`."""
    settings, method, grid = plan.settings, plan.method, plan.grid
    parts = StyleParts.of(style)
    clips, whole = (
        [resample(clip, style.sample_rate, grid.sample_rate) for clip in group]
        for group in (parts.excerpts, parts.pieces)
    )
    with thread_count(settings.threads), torch.no_grad():
        runs = style_runs(clips, grid, plan.context_frames, plan.device, style.name)
        if method.works_on_waveforms:
            runs = shared_waveforms(clips, grid.n_fft, grid.hop_length, plan.device)
        tensors = method.tensors(runs, plan.options, grid, settings.seed, progress)
        if method.texture_rounds and (plan.texture_rounds or not for_render):
            tensors.update(texture_tensors(whole, grid.sample_rate, plan.device))
        if method.texture_rounds and not for_render:
            tensors.update(live_tensors(whole, grid.sample_rate))
            tensors.update(envelope_tensors(whole, grid.sample_rate))
    return StyleTargets(
        method=settings.method,
        options=asdict(plan.options),
        grid=grid,
        seed=settings.seed,
        tensors=tensors,
        name=style.name,
    )
