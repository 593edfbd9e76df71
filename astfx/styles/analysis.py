"""Analysis of a style's audio: log-magnitude frames, and statistics of its bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from astfx.audio import Samples
from astfx.audio.levels import SILENCE, clips_rms
from astfx.dsp.windows import hann
from astfx.errors import InvalidAudioError
from astfx.features.envelope_bank import EnvelopeBank
from astfx.features.envelope_map import N_BANDS as N_ENVELOPE_BANDS
from astfx.features.envelope_map import (
    N_QUANTILES,
    OVERLAP,
    EnvelopeStatistics,
    window_length,
)
from astfx.features.modulation_bands import N_MODULATIONS, N_OCTAVES, from_octaves
from astfx.features.monge import N_BANDS, Array, band_levels
from astfx.features.texture_layout import (
    CLASSES,
    DECIMALS,
    ROUND_LAYOUTS,
    STANDARD_LAYOUT,
    TextureLayout,
)
from astfx.features.texture_statistics import TextureStatistics
from astfx.frontends.channels import Image
from astfx.frontends.grid import Grid
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft
from astfx.methods.base import check_tensor
from astfx.runtime.device import pool_on, thread_count

SHORTEST_TEXTURE_SECONDS = 0.5

LIVE_WINDOW_MS = 29.0
LIVE_KEYS = ("live.mean", "live.covariance")
"""Names of the band statistics for `astfx.streaming.gain`, which serve any sample rate."""

ENVELOPE_KEYS = tuple(f"envelopes.{name}" for name in EnvelopeStatistics._fields)
"""Names of the envelope statistics for `astfx.streaming.stream`, which serve any sample rate."""


def style_runs(
    clips: Sequence[Samples], grid: Grid, least_frames: int, device: torch.device, name: str
) -> list[Tensor]:
    """Return the runs of a style: the log-magnitude frames of each of its clips.

    Parameters
    ----------
    clips : sequence of (channels, samples)
    grid : Grid
    least_frames : int
        Shortest length of a run. The frames of a shorter clip are repeated, as if it were a
        steady sound of that spectrum.

    Returns
    -------
    list of (frames, bins) float32

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
        # Frames that reach past a clip's ends fade in or out, which is not part of the style.
        whole = clip.shape[1] >= grid.n_fft + (least_frames - 1) * grid.hop_length
        spectrogram = stft.forward(waveform) if whole else stft.analyse(waveform)
        run = level.features(Image(spectrogram).shared)
        if len(run) < least_frames:
            run = run.repeat(-(-least_frames // len(run)), 1)
        runs.append(run)
    return runs


def texture_key(layout: int) -> str:
    """Return the name of the tensor with a style's statistics in one of `ROUND_LAYOUTS`.

    It holds all of `CLASSES`, one after the other.
    """
    return f"texture.{layout}"


def old_texture_key(name: str) -> str:
    """Return the name of a class of statistics in files of earlier versions.

    They had `STANDARD_LAYOUT` alone, and a tensor for each class.
    """
    return f"texture.{name}"


def texture_tensors(
    clips: Sequence[Samples], sample_rate: int, device: torch.device
) -> dict[str, Tensor]:
    """Compute a style's texture statistics: the mean over its clips of at least half a second.

    The result is empty if all clips are too short.
    """
    found: dict[str, list[Tensor]] = {}
    with pool_on(device) as pool, thread_count(1):
        for clip in clips:
            too_short = clip.shape[1] < SHORTEST_TEXTURE_SECONDS * sample_rate
            if too_short or np.abs(clip).max() < SILENCE:
                continue
            spectrum = torch.fft.rfft(torch.from_numpy(np.ascontiguousarray(clip)).to(device))
            for index, layout in enumerate(ROUND_LAYOUTS):
                bank = EnvelopeBank(clip.shape[1], sample_rate, device, layout, pool)
                statistics = TextureStatistics(bank.n_frames, bank.frame_rate_hz, device, layout)
                values = torch.cat(statistics(bank.envelopes(bank.split(spectrum))))
                found.setdefault(texture_key(index), []).append(values)
    return {
        key: torch.stack(values).mean(dim=0).double().round(decimals=DECIMALS).float()
        for key, values in found.items()
    }


def round_targets(tensors: Mapping[str, Tensor]) -> list[tuple[TextureLayout, list[Tensor]]]:
    """Return the layouts that a style has statistics for, and these statistics.

    There is one list entry for each of `CLASSES`. A style that is too short for statistics has no
    layout.
    """
    if old_texture_key(CLASSES[0]) in tensors:
        return [(STANDARD_LAYOUT, [tensors[old_texture_key(name)] for name in CLASSES])]
    return [
        (layout, list(torch.split_with_sizes(tensors[texture_key(index)].float(), layout.sizes)))
        for index, layout in enumerate(ROUND_LAYOUTS)
        if texture_key(index) in tensors
    ]


def check_texture(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless loaded texture statistics are complete or all absent."""
    new = {texture_key(i): sum(layout.sizes) for i, layout in enumerate(ROUND_LAYOUTS)}
    old = {
        old_texture_key(name): size
        for name, size in zip(CLASSES, STANDARD_LAYOUT.sizes, strict=True)
    }
    for sizes in (new, old):
        if any(key in tensors for key in sizes):
            for key, size in sizes.items():
                if not check_tensor(tensors, key, (size,)).dtype.is_floating_point:
                    raise ValueError(f"tensor {key!r} must hold floating-point numbers")


def live_grid(sample_rate: int) -> Grid:
    """Return the time-frequency grid of the `gain` engine at a sample rate in hertz."""
    return Grid.of(LIVE_WINDOW_MS, sample_rate)


def live_statistics(clips: Sequence[Samples], sample_rate: int) -> tuple[Array, Array]:
    """Compute the mean and covariance of a style's log band levels.

    Parameters
    ----------
    clips : sequence of (channels, samples)
    sample_rate : int, hertz

    Returns
    -------
    (bands,), (bands, bands) float32
        64 bands, or fewer if some lie above the Nyquist frequency.
    """
    grid = live_grid(sample_rate)
    gain = LogMagnitude(rms=clips_rms(clips, grid.hop_length), n_fft=grid.n_fft).gain
    window = hann(grid.n_fft).astype(np.float32)
    found = []
    for clip in clips:
        padded = np.pad(clip, ((0, 0), (0, max(0, grid.n_fft - clip.shape[1]))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, grid.n_fft, axis=1)
        frames = frames[:, :: grid.hop_length] * window
        power = np.square(np.abs(np.fft.rfft(frames))).mean(axis=0)
        found.append(band_levels(np.sqrt(power) * np.float32(gain), sample_rate))
    levels = np.concatenate(found)
    covariance = np.cov(levels.T) if len(levels) > 1 else np.zeros((levels.shape[1],) * 2)
    mean = levels.mean(axis=0, dtype=np.float64)
    return mean.round(DECIMALS).astype(np.float32), covariance.round(DECIMALS).astype(np.float32)


def live_tensors(clips: Sequence[Samples], sample_rate: int) -> dict[str, Tensor]:
    """Return a style's band statistics for the `gain` engine as named tensors."""
    found = live_statistics(clips, sample_rate)
    return {key: torch.from_numpy(value) for key, value in zip(LIVE_KEYS, found, strict=True)}


def check_live(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless loaded band statistics are complete or both absent."""
    if not any(key in tensors for key in LIVE_KEYS):
        return
    mean = check_tensor(tensors, LIVE_KEYS[0], (None,))
    covariance = check_tensor(tensors, LIVE_KEYS[1], (len(mean), len(mean)))
    floating = mean.dtype.is_floating_point and covariance.dtype.is_floating_point
    if not 1 <= len(mean) <= N_BANDS or not floating:
        raise ValueError(f"tensor {LIVE_KEYS[0]!r} must hold 1 to {N_BANDS} floating-point numbers")


def envelope_tensors(clips: Sequence[Samples], sample_rate: int) -> dict[str, Tensor]:
    """Return a style's envelope statistics for the `stream` engine as named tensors."""
    rms = clips_rms(clips, window_length(sample_rate) // OVERLAP)
    found = EnvelopeStatistics.of(clips, sample_rate, rms)
    rounded = (part.astype(np.float64).round(DECIMALS).astype(np.float32) for part in found)
    return {key: torch.from_numpy(part) for key, part in zip(ENVELOPE_KEYS, rounded, strict=True)}


def envelope_statistics(tensors: Mapping[str, Tensor]) -> EnvelopeStatistics | None:
    """Return the envelope statistics among a style's tensors, None if it has none."""
    if ENVELOPE_KEYS[0] not in tensors:
        return None
    current = (current_envelopes(key, tensors[key]) for key in ENVELOPE_KEYS)
    return EnvelopeStatistics(*(tensor.float().cpu().numpy() for tensor in current))


def current_envelopes(key: str, tensor: Tensor) -> Tensor:
    """Return a tensor of envelope statistics as this version has it.

    Files of earlier versions have the powers of modulations in octaves.
    """
    if key != ENVELOPE_KEYS[2] or tensor.shape[1] != N_OCTAVES:
        return tensor
    return torch.from_numpy(from_octaves(tensor.float().cpu().numpy())).to(tensor)


def check_envelopes(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless loaded envelope statistics are complete or all absent."""
    if not any(key in tensors for key in ENVELOPE_KEYS):
        return
    mean = check_tensor(tensors, ENVELOPE_KEYS[0], (None,))
    if not 1 <= len(mean) <= N_ENVELOPE_BANDS or bool((mean <= 0.0).any()):
        raise ValueError(
            f"tensor {ENVELOPE_KEYS[0]!r} must hold 1 to {N_ENVELOPE_BANDS} numbers above 0"
        )
    _, quantiles, modulations = ENVELOPE_KEYS
    is_old = modulations in tensors and tensors[modulations].shape[-1:] == (N_OCTAVES,)
    sizes = {quantiles: N_QUANTILES, modulations: N_OCTAVES if is_old else N_MODULATIONS}
    for key, size in sizes.items():
        if not check_tensor(tensors, key, (len(mean), size)).dtype.is_floating_point:
            raise ValueError(f"tensor {key!r} must hold floating-point numbers")
