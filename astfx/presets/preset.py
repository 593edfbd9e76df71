"""A named style: statistics and settings, no audio."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.audio import (
    ArraySource,
    FileSource,
    Source,
    check_finite,
    check_sample_rate,
    check_waveform,
    resample,
)
from astfx.errors import InvalidSettingError, PresetError
from astfx.frontends.grid import Grid
from astfx.methods import METHODS
from astfx.plan import RenderPlan
from astfx.presets import distilled, files
from astfx.presets import tensors as packing
from astfx.presets.folders import find_path
from astfx.presets.naming import NAME, check_name, name_of
from astfx.presets.parts import PresetParts
from astfx.runtime.device import resolve_device, thread_count
from astfx.settings import Settings
from astfx.styles.analysis import (
    ENVELOPE_KEYS,
    LIVE_KEYS,
    envelope_tensors,
    live_tensors,
    style_runs,
    texture_tensors,
)
from astfx.styles.excerpts import StyleParts
from astfx.styles.targets import StyleTargets

RATE = 44_100
MAX_FRAMES = 440
_LEAST_FRAMES = 24


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Preset(PresetParts):
    """A named style: statistics and settings, no audio."""

    def __repr__(self) -> str:
        return f"<astfx.Preset {self.label!r} of {len(self.tensors['frames'])} frames>"

    @classmethod
    def from_audio(
        cls,
        audio: str | os.PathLike[str] | npt.NDArray[np.floating[Any]],
        *,
        name: str,
        sample_rate: int | None = None,
        max_frames: int = MAX_FRAMES,
        **description: Any,
    ) -> Preset:
        """Make a preset from a sound.

        Parameters
        ----------
        audio : path, or (samples,) or (channels, samples) float
        name : str
            A name, or a title such as "Rain on tin", of which a name is made.
        sample_rate : int, hertz, optional
            Sample rate of an array, which must have one. A file has its own.
        max_frames : int, 24 to 4096
            Largest number of frames that are kept, 23 ms apart. 440 frames are ten seconds in
            0.9 MB.
        **description
            title, author, licence, description, family, tags, settings.

        Raises
        ------
        AstfxError
            If the audio or a part of the description cannot be used.
        """
        if not _LEAST_FRAMES <= max_frames <= packing.MAX_FRAMES:
            raise InvalidSettingError(
                f"max_frames={max_frames} must lie between {_LEAST_FRAMES} and {packing.MAX_FRAMES}"
            )
        source = _source(audio, sample_rate)
        parts = StyleParts.of(source)
        clips, whole = (
            [resample(clip, source.sample_rate, RATE) for clip in group]
            for group in (parts.excerpts, parts.pieces)
        )
        grid = Grid.of(Settings().window_ms, RATE)
        # Computed in float64 and rounded afterwards, so that any processor gives the same bytes.
        doubles = [clip.astype(np.float64) for clip in clips]
        # With tensors this small, threads cost more than they save.
        with thread_count(1), torch.no_grad():
            runs = style_runs(doubles, grid, _LEAST_FRAMES, resolve_device("cpu"), source.name)
            runs = packing.spread_runs(runs, max_frames, _LEAST_FRAMES)
            found: dict[str, Tensor] = {
                "frames": packing.to_bytes(torch.cat(runs)),
                "run_lengths": torch.tensor([len(run) for run in runs]),
                "run_weights": torch.tensor([len(run) / sum(map(len, runs)) for run in runs]),
            }
            for lower in packing.TEXTURE_RATES:
                slower = [resample(clip, RATE, lower).astype(np.float64) for clip in whole]
                texture = texture_tensors(slower, lower, resolve_device("cpu"))
                found |= {f"{lower}.{key}": tensor.half() for key, tensor in texture.items()}
            doubles = [clip.astype(np.float64) for clip in whole]
            blocks = live_tensors(doubles, RATE) | envelope_tensors(doubles, RATE)
            found |= {key: tensor.half() for key, tensor in blocks.items()}
        digest, n_samples = _hash_samples(source)
        provenance = {
            "source_sha256": digest,
            "sample_rate": source.sample_rate,
            "seconds": round(n_samples / source.sample_rate, 3),
            "astfx_version": metadata.version("astfx"),
        }
        named = {**_named(name), **description}
        return cls(tensors=found, grid=grid, provenance=provenance, **named)

    @classmethod
    def blend(
        cls, parts: Mapping[Any, float], *, name: str | None = None, **description: Any
    ) -> Preset:
        """Mix the statistics of several presets by weight, not their audio.

        Parameters
        ----------
        parts : mapping of preset or name to weight
            Weights above 0, which are scaled to add up to 1.
        name : str, optional
            A name or a title. By default, the names of the parts joined by hyphens.
        **description
            title, author, licence, description, family, tags, settings.

        Raises
        ------
        PresetError
            If there is no part, a weight is not above 0, the parts have different grids, or there
            are more than 4096 frames.
        PresetNotFoundError
            If a name is unknown.
        """
        if not parts:
            raise PresetError("a blend needs at least one preset")
        for key, weight in parts.items():
            if (
                isinstance(weight, bool)
                or not isinstance(weight, int | float)
                or not 0 < weight < 1e6
            ):
                raise PresetError(f"weight {weight!r} of {key!r} must be a number above 0")
        total = float(sum(parts.values()))
        parents = [
            (cls.load(find_path(key)) if isinstance(key, str) else key, w / total)
            for key, w in parts.items()
        ]
        if len({parent.grid for parent, _ in parents}) > 1:
            raise PresetError("presets with different windows or sample rates cannot be blended")
        frames = sum(len(parent.tensors["frames"]) for parent, _ in parents)
        if frames > packing.MAX_FRAMES:
            raise PresetError(
                f"a blend of these has {frames} frames, more than the {packing.MAX_FRAMES} that a "
                "preset may have"
            )
        try:
            tensors = packing.blended([(parent.tensors, weight) for parent, weight in parents])
        except ValueError as error:
            raise PresetError(f"these presets cannot be blended: {error}") from None
        joined = "-".join(parent.name for parent, _ in parents)[:64].rstrip("-")
        return cls(
            tensors=tensors,
            grid=parents[0][0].grid,
            provenance={
                "blend_of": {parent.name: round(weight, 6) for parent, weight in parents},
                "astfx_version": metadata.version("astfx"),
            },
            **{**_named(name or joined), **description},
        )

    def with_settings(self, **settings: Any) -> Preset:
        """Return the same style with other settings.

        Raises
        ------
        InvalidSettingError
            For a setting that presets do not have, or a value out of range.
        """
        return replace(self, settings={**self.settings, **settings})

    def targets(
        self,
        plan: RenderPlan,
        progress: Callable[[float], object] | None = None,
        *,
        retrain: bool = False,
    ) -> StyleTargets:
        """Return the targets of the style: what a render by a plan needs of it.

        Parameters
        ----------
        plan : RenderPlan
        progress : callable, optional
            Called with the share that is done, 0 to 1, by methods that take minutes
            (`feed-forward`).
        retrain : bool
            Whether such a method trains its network anew even if `astfx distill` kept one.

        Raises
        ------
        InvalidSettingError
            If the plan's window is not that of the preset, or the method cannot use a blend.
        """
        settings, method, options, wanted = plan.settings, plan.method, plan.options, plan.grid
        frame_ms = 1e3 * self.grid.n_fft / self.grid.sample_rate
        if abs(1e3 * wanted.n_fft / wanted.sample_rate / frame_ms - 1.0) > 0.05:
            raise InvalidSettingError(
                f"window_ms={settings.window_ms:g} must be {frame_ms:.2f} for a preset "
                "(milliseconds)"
            )
        if not method.weighs_runs and "blend_of" in self.provenance:
            able = ", ".join(f"{name!r}" for name, row in METHODS.items() if row.weighs_runs)
            raise InvalidSettingError(
                f"method={settings.method!r} cannot use a blend of presets: use method={able}"
            )
        if not retrain and (kept := distilled.find(self, plan)):
            return kept
        frames = packing.from_bytes(self.tensors["frames"])
        frames = packing.frames_at(frames, self.grid, wanted)
        runs = _long_enough(
            torch.split(frames, self.tensors["run_lengths"].tolist()), plan.context_frames
        )
        if method.distil is not None:
            runs = [run.to(plan.device) for run in runs]
        with thread_count(settings.threads), torch.no_grad():
            found = method.tensors(runs, options, wanted, settings.seed, progress)
        if method.weighs_runs:
            found["run_weights"] = self.tensors["run_weights"]
        if method.texture_rounds:
            prefix = packing.texture_prefix(wanted.sample_rate)
            found |= {
                key.removeprefix(prefix): tensor
                for key, tensor in self.tensors.items()
                if key.startswith(prefix)
            }
            keys = (*LIVE_KEYS, *ENVELOPE_KEYS)
            found |= {key: self.tensors[key].float() for key in keys if key in self.tensors}
        return StyleTargets(
            method=settings.method,
            options=asdict(options),
            grid=wanted,
            seed=settings.seed,
            tensors=found,
            name=self.name,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one ``.astfx`` file, or a ``.toml`` file with a ``.safetensors`` beside it.

        Raises
        ------
        PresetError
            If the suffix is neither, or the description is longer than 65536 bytes.
        AudioFileError
            If a file cannot be written. No half-written file is left.
        """
        files.save(self, Path(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Preset:
        """Read a preset that `save` wrote.

        Raises
        ------
        PresetNotFoundError
            If there is no such file.
        PresetError
            If the file is damaged, not a preset, too large, or from a newer version.
        """
        return files.load(Path(path), cls)


def _named(name: str) -> dict[str, str]:
    """The name and title that stand for a name or a title."""
    if not isinstance(name, str) or NAME.fullmatch(name):
        return {"name": check_name(name)}
    return {"name": name_of(name), "title": name}


def _source(audio: Any, sample_rate: int | None) -> Source:
    if isinstance(audio, np.ndarray):
        if sample_rate is None:
            raise InvalidSettingError("sample_rate=None must be given for an array (Hz)")
        rate = check_sample_rate(sample_rate)
        waveform = check_waveform(audio, "audio")
        check_finite(waveform, "audio", 0, rate)
        return ArraySource(waveform, rate, "audio")
    if sample_rate is not None:
        raise InvalidSettingError(f"sample_rate={sample_rate} is for arrays: a file has its own")
    return FileSource(audio, "style")


def _hash_samples(source: Source) -> tuple[str, int]:
    """SHA-256 of a source's samples, one channel after the other, and their number."""
    found = hashlib.sha256()
    n_samples = 0
    for channel in range(source.channels):
        n_samples = 0
        for block in source.blocks():
            found.update(np.ascontiguousarray(block[channel]).tobytes())
            n_samples += block.shape[1]
    return found.hexdigest(), n_samples


def _long_enough(runs: Sequence[Tensor], least: int) -> list[Tensor]:
    return [run if len(run) >= least else run.repeat(-(-least // len(run)), 1) for run in runs]
