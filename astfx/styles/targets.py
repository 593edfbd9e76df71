"""A style made ready: what a method needs of it, computed once, saved and loaded again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from astfx.audio import (
    ArraySource,
    Samples,
    Source,
    Waveform,
    check_finite,
    read_all,
    resample,
    written_aside,
)
from astfx.audio.levels import SILENCE, clips_rms, hop_levels
from astfx.errors import (
    AudioFileNotFoundError,
    InvalidAudioError,
    InvalidSettingError,
    TargetFileError,
)
from astfx.features.monge import N_BANDS
from astfx.features.texture import CLASS_SIZES, CLASSES, DECIMALS, EnvelopeBank, TextureStatistics
from astfx.frontends.channels import Image, shared_waveforms
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft, hop_length_for
from astfx.methods import METHODS, Grid, find_method
from astfx.methods.base import check_tensor
from astfx.runtime.device import resolve_device, thread_count
from astfx.settings import Settings, make_options
from astfx.streaming.live import live_statistics

FORMAT_VERSION = 2
LIVE_KEYS = ("live.mean", "live.covariance")
"""Band statistics for `astfx.streaming.live`, at any sample rate."""

MAX_STYLE_SECONDS = 20.0
EXCERPT_SECONDS = 2.5
SHORTEST_TEXTURE_SECONDS = 0.5
_OVERLAP = 4


@dataclass(frozen=True, kw_only=True)
class StyleTargets:
    """What one method keeps of one style, for one sample rate.

    Attributes
    ----------
    method : str
    options : mapping
        The method's options it was prepared with.
    grid : Grid
    seed : int
    tensors : mapping of str to Tensor
    name : str
        Where the style came from.
    """

    method: str
    options: Mapping[str, Any]
    grid: Grid
    seed: int
    tensors: Mapping[str, Tensor]
    name: str

    def to(self, device: torch.device) -> StyleTargets:
        """Put the tensors on a device."""
        tensors = {key: tensor.to(device) for key, tensor in self.tensors.items()}
        return StyleTargets(**{**self.__dict__, "tensors": tensors})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file (aside, then renamed).

        Raises
        ------
        AudioFileError
            If it cannot be written.
        """
        from safetensors.torch import save

        description = {
            "version": FORMAT_VERSION,
            "method": self.method,
            "options": dict(self.options),
            "grid": asdict(self.grid),
            "seed": self.seed,
            "name": self.name,
        }
        tensors = {key: tensor.contiguous().cpu() for key, tensor in self.tensors.items()}
        data = save(tensors, metadata={"astfx-style": json.dumps(description, sort_keys=True)})
        with written_aside(Path(path)) as part:
            part.write_bytes(data)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> StyleTargets:
        """Read a file that `save` wrote.

        Raises
        ------
        AudioFileNotFoundError
            If there is no such file.
        TargetFileError
            If it is damaged, foreign, newer than this version, or does not fit its method.
        """
        from safetensors import SafetensorError, safe_open

        source = Path(path)
        if not source.is_file():
            raise AudioFileNotFoundError(f"style file '{source}' does not exist")
        try:
            with safe_open(str(source), framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise TargetFileError(
                f"style file '{source}' is damaged or not a style file ({error})"
            ) from None
        if "astfx-style" not in metadata:
            raise TargetFileError(f"style file '{source}' was not written by astfx")
        try:
            description = json.loads(metadata["astfx-style"])
            version = int(description["version"])
            if version > FORMAT_VERSION:
                raise TargetFileError(
                    f"style file '{source}' has version {version}, newer than the version "
                    f"{FORMAT_VERSION} that this astfx reads: update astfx"
                )
            method = METHODS[description["method"]]
            options = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in description["options"].items()
            }
            make_options(method.options, description["method"], options)
            targets = cls(
                method=description["method"],
                options=options,
                grid=Grid(**{key: int(value) for key, value in description["grid"].items()}),
                seed=int(description["seed"]),
                tensors=tensors,
                name=str(description["name"]),
            )
            method.check(
                tensors, make_options(method.options, targets.method, options), targets.grid
            )
            check_texture(tensors)
            check_live(tensors)
        except TargetFileError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise TargetFileError(
                f"style file '{source}' does not describe a style that this astfx knows ({error})"
            ) from None
        return targets


def grid_for(sample_rate: int, settings: Settings) -> Grid:
    """The time-frequency grid of a render at a sample rate."""
    hop_length = hop_length_for(settings.window_ms, sample_rate)
    return Grid(sample_rate=sample_rate, n_fft=_OVERLAP * hop_length, hop_length=hop_length)


def excerpts(waveform: Waveform, sample_rate: int) -> list[Waveform]:
    """The whole clip, or excerpts of a long one, (channels, n) each.

    A texture's statistics need seconds, not minutes; the cost of every later render is
    proportional to what is kept. Excerpts are spread evenly over the parts that sound: those
    within 50 dB of the loudest.
    """
    n_samples = waveform.shape[1]
    if n_samples <= MAX_STYLE_SECONDS * sample_rate:
        return [waveform]
    length = round(EXCERPT_SECONDS * sample_rate)
    _, energies = hop_levels(waveform[:, : n_samples - n_samples % length], length)
    sounding = np.flatnonzero(energies > energies.max() * 1e-5)
    count = min(round(MAX_STYLE_SECONDS / EXCERPT_SECONDS), len(sounding))
    chosen = sounding[np.linspace(0, len(sounding) - 1, count).round().astype(int)]
    return [waveform[:, i * length : (i + 1) * length] for i in chosen]


def style_runs(
    clips: Sequence[Samples], grid: Grid, least_frames: int, device: torch.device, name: str
) -> list[Tensor]:
    """Log-magnitude frames of a style's clips, each at least `least_frames` long.

    Parameters
    ----------
    clips : sequence of (channels, samples)
    grid : Grid
    least_frames : int
        A shorter clip's frames are repeated up to this: a steady sound of that spectrum.

    Raises
    ------
    InvalidAudioError
        If the style is silent.
    """
    peak = max(float(np.abs(clip).max()) for clip in clips)
    if peak < SILENCE:
        raise InvalidAudioError(
            f"{name} is silent (its peak is below {20 * np.log10(SILENCE):.0f} dBFS): "
            "there is no style to take from it"
        )
    level = LogMagnitude(rms=clips_rms(clips, grid.hop_length), n_fft=grid.n_fft)
    stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=device)
    runs = []
    for clip in clips:
        waveform = torch.from_numpy(np.ascontiguousarray(clip)).to(device)
        # Whole frames only: the faded frames at a clip's ends are not part of the style.
        whole = clip.shape[1] >= grid.n_fft + (least_frames - 1) * grid.hop_length
        spectrogram = stft.forward(waveform) if whole else stft.analyse(waveform)
        run = level.features(Image(spectrogram).shared)
        if len(run) < least_frames:
            run = run.repeat(-(-least_frames // len(run)), 1)
        runs.append(run)
    return runs


def texture_key(name: str) -> str:
    """Name of the tensor that holds a class of texture statistics."""
    return f"texture.{name}"


def texture_tensors(
    clips: Sequence[Samples], sample_rate: int, device: torch.device
) -> dict[str, Tensor]:
    """Texture statistics of a style, the mean over its clips; none if they are too short."""
    found: list[list[Tensor]] = []
    for clip in clips:
        too_short = clip.shape[1] < SHORTEST_TEXTURE_SECONDS * sample_rate
        if too_short or np.abs(clip).max() < SILENCE:
            continue
        waveform = torch.from_numpy(np.ascontiguousarray(clip)).to(device)
        bank = EnvelopeBank(clip.shape[1], sample_rate, device)
        statistics = TextureStatistics(bank.n_frames, bank.frame_rate_hz, device)
        found.append(statistics(bank.envelopes(bank.split(waveform)[1])))
    return {
        texture_key(name): torch.stack(values).mean(dim=0).double().round(decimals=DECIMALS).float()
        for name, values in zip(CLASSES, zip(*found, strict=True), strict=False)
    }


def check_texture(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless loaded texture statistics are whole, or absent altogether."""
    keys = [texture_key(name) for name in CLASSES]
    if not any(key in tensors for key in keys):
        return
    for key, length in zip(keys, CLASS_SIZES, strict=True):
        if check_tensor(tensors, key, (length,)).dtype != torch.float32:
            raise ValueError(f"tensor {key!r} must be float32")


def live_tensors(clips: Sequence[Samples], sample_rate: int) -> dict[str, Tensor]:
    """Band statistics of a style for the live engine."""
    found = live_statistics(clips, sample_rate)
    return {key: torch.from_numpy(value) for key, value in zip(LIVE_KEYS, found, strict=True)}


def check_live(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless loaded band statistics are whole, or absent altogether."""
    if not any(key in tensors for key in LIVE_KEYS):
        return
    mean = check_tensor(tensors, LIVE_KEYS[0], (None,))
    covariance = check_tensor(tensors, LIVE_KEYS[1], (len(mean), len(mean)))
    if not 1 <= len(mean) <= N_BANDS or {mean.dtype, covariance.dtype} != {torch.float32}:
        raise ValueError(f"tensor {LIVE_KEYS[0]!r} must hold 1 to {N_BANDS} float32 numbers")


def prepare_source(
    style: Source,
    sample_rate: int,
    settings: Settings,
    progress: Callable[[float], object] | None = None,
) -> StyleTargets:
    """Prepare a style for content of a sample rate; slow methods report the share done."""
    waveform = read_all(style)
    check_finite(waveform, style.name, 0, style.sample_rate)
    clips = [
        resample(clip, style.sample_rate, sample_rate)
        for clip in excerpts(waveform, style.sample_rate)
    ]
    method = find_method(settings.method)
    options = make_options(method.options, settings.method, settings.options)
    grid = grid_for(sample_rate, settings)
    device = resolve_device(settings.device)
    with thread_count(settings.threads), torch.no_grad():
        least_frames = grid.frames(method.context_ms(options))
        runs = style_runs(clips, grid, least_frames, device, style.name)
        if method.domain == "waveform":
            runs = shared_waveforms(clips, grid.n_fft, grid.hop_length, device)
        tensors = method.tensors(runs, options, grid, settings.seed, progress)
        if method.texture_rounds:
            tensors.update(texture_tensors(clips, sample_rate, device))
            tensors.update(live_tensors(clips, sample_rate))
    return StyleTargets(
        method=settings.method,
        options=asdict(options),
        grid=grid,
        seed=settings.seed,
        tensors=tensors,
        name=style.name,
    )


def check_targets(targets: StyleTargets, sample_rate: int, settings: Settings) -> None:
    """Refuse targets that were prepared for something else than this render."""
    grid = grid_for(sample_rate, settings)
    if targets.grid != grid:
        raise InvalidSettingError(
            f"the prepared style is for {targets.grid.sample_rate} Hz with n_fft="
            f"{targets.grid.n_fft}, the content needs {sample_rate} Hz with n_fft={grid.n_fft}: "
            "prepare it again for this rate"
        )
    method = find_method(settings.method)
    if targets.method != settings.method:
        raise InvalidSettingError(
            f"the prepared style is for method={targets.method!r}, not {settings.method!r}"
        )
    options = asdict(make_options(method.options, settings.method, settings.options))
    if method.seeded and targets.seed != settings.seed:
        raise InvalidSettingError(
            f"the prepared style was drawn with seed={targets.seed}, not seed={settings.seed}"
        )
    for name in method.prepared_options:
        if options[name] != targets.options[name]:
            raise InvalidSettingError(
                f"the prepared style has {name}={targets.options[name]}, not {options[name]}"
            )
    try:
        method.check(targets.tensors, make_options(method.options, settings.method, options), grid)
    except ValueError as error:
        raise InvalidSettingError(
            f"the prepared style does not fit these settings ({error}): prepare it again with them"
        ) from None


def array_source(waveform: Waveform, sample_rate: int, name: str) -> ArraySource:
    """Wrap checked audio, refusing NaN and Inf."""
    check_finite(waveform, name, 0, sample_rate)
    return ArraySource(waveform, sample_rate, name)
