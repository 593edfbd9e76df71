"""The tensors of a preset: log-magnitude frames and statistics that serve any sample rate.

The tensors are:

- "frames": log magnitudes as uint8, (frames, bins), at the sample rate of the preset's grid.
- "run_lengths": lengths of the runs in frames. A run is a sequence of frames without a gap.
- "run_weights": weight of each run; the weights add up to 1.
- "RATE.texture.LAYOUT": texture statistics at each of `TEXTURE_RATES`, in half precision. Presets
  of the first version have "RATE.texture.CLASS" instead (`astfx.styles.analysis`).
- "live.mean", "live.covariance": band statistics for the engine `gain`, in half precision from the
  third version on.
- "envelopes.NAME": envelope statistics for the engine `stream` (`EnvelopeStatistics`), in half
  precision. Presets of the first two versions have none.

Windows have the same duration at every sample rate, so a bin has the same frequency at every rate.
A lower rate therefore takes the bins below its Nyquist frequency, scaled back to the same level. A
higher rate leaves the bins above those of the preset empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from astfx.features.texture_layout import CLASSES, ROUND_LAYOUTS
from astfx.frontends.grid import Grid
from astfx.styles.analysis import (
    ENVELOPE_KEYS,
    LIVE_KEYS,
    check_envelopes,
    check_live,
    check_texture,
    current_envelopes,
    old_texture_key,
    texture_key,
)

HIGHEST = 10.0
"""Largest log magnitude that can be kept; full scale is about 7."""

TEXTURE_RATES = (8_000, 11_025, 16_000, 22_050)
"""Sample rates in hertz with texture statistics of their own; the last serves all higher rates."""

_TEXTURE_KEYS = tuple(texture_key(index) for index in range(len(ROUND_LAYOUTS)))
_OLD_TEXTURE_KEYS = tuple(old_texture_key(name) for name in CLASSES)

MAX_FRAMES = 4096
MAX_BINS = 1 << 14


def to_bytes(frames: Tensor) -> Tensor:
    """Round log magnitudes to uint8, in steps of 0.04 (0.34 dB)."""
    return (frames.clamp(0.0, HIGHEST) * (255.0 / HIGHEST)).round().to(torch.uint8)


def from_bytes(frames: Tensor) -> Tensor:
    """Return the log magnitudes that `to_bytes` rounded, as float32."""
    return frames.to(torch.float32) * (HIGHEST / 255.0)


def frames_at(frames: Tensor, grid: Grid, wanted: Grid) -> Tensor:
    """Convert frames to the grid of another sample rate, (frames, bins) -> (frames, other bins).

    Parameters
    ----------
    frames : (frames, bins) float32
        Log magnitudes of a clip at the level of `astfx.frontends.log_magnitude`.
    grid, wanted : Grid
        Present and wanted grid. Their windows have the same duration, up to the rounding to whole
        samples.
    """
    width = (wanted.sample_rate / wanted.n_fft) / (grid.sample_rate / grid.n_fft)
    index = torch.round(torch.arange(wanted.n_fft // 2 + 1) * width).long()
    inside = index < frames.shape[1]
    result = frames.new_zeros(len(frames), len(index))
    result[:, inside] = frames[:, index[inside]]
    if wanted.sample_rate < grid.sample_rate:
        before = torch.expm1(frames).square().sum()
        kept = torch.expm1(result).square().sum().clamp_min(1e-12)
        result = torch.log1p(torch.expm1(result) * (before / kept).sqrt().clamp(1.0, 1e3))
    return result


def texture_prefix(sample_rate: int) -> str:
    """Return the prefix of the tensors with the texture statistics for a sample rate in hertz."""
    rate = max((r for r in TEXTURE_RATES if r <= sample_rate), default=TEXTURE_RATES[0])
    return f"{rate}."


def digest(tensors: Mapping[str, Tensor], grid: Grid) -> str:
    """Return the SHA-256 of tensors (names, types, shapes, values) and of their grid."""
    found = hashlib.sha256(f"{grid.sample_rate}|{grid.n_fft}|{grid.hop_length}|".encode())
    for name in sorted(tensors):
        array = tensors[name].contiguous().numpy()
        found.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def check_tensors(tensors: Mapping[str, Tensor], grid: Grid) -> None:
    """Raise ValueError unless loaded tensors are valid tensors of a preset."""
    for name, kind, dims in (
        ("frames", torch.uint8, 2),
        ("run_lengths", torch.int64, 1),
        ("run_weights", torch.float32, 1),
    ):
        if name not in tensors:
            raise ValueError(f"tensor {name!r} is missing")
        if tensors[name].dtype != kind or tensors[name].ndim != dims or not tensors[name].numel():
            raise ValueError(f"tensor {name!r} has a wrong type or shape")
    frames, lengths, weights = (tensors[n] for n in ("frames", "run_lengths", "run_weights"))
    if frames.shape[1] != grid.n_fft // 2 + 1 or len(frames) > MAX_FRAMES:
        raise ValueError(f"tensor 'frames' has shape {tuple(frames.shape)}")
    # Each length is checked first, because the sum of crafted lengths may overflow.
    within = int(lengths.min()) >= 1 and int(lengths.max()) <= len(frames)
    if len(lengths) > len(frames) or not within or int(lengths.sum()) != len(frames):
        raise ValueError("tensor 'run_lengths' does not add up to the frames")
    if len(weights) != len(lengths) or not bool(((weights > 0.0) & (weights <= 1.0)).all()):
        raise ValueError("tensor 'run_weights' must have a weight from 0 to 1 for each run")
    if abs(float(weights.sum()) - 1.0) > 1e-3:
        raise ValueError(f"tensor 'run_weights' adds up to {float(weights.sum()):.4g}, not 1")
    known = {"frames", "run_lengths", "run_weights", *LIVE_KEYS, *ENVELOPE_KEYS}
    for rate in TEXTURE_RATES:
        own = {key: tensors.get(f"{rate}.{key}") for key in (*_TEXTURE_KEYS, *_OLD_TEXTURE_KEYS)}
        check_texture({key: value for key, value in own.items() if value is not None})
        known |= {f"{rate}.{key}" for key in own}
    check_live(tensors)
    check_envelopes(tensors)
    covariance = tensors.get(LIVE_KEYS[1])
    if covariance is not None and not torch.allclose(covariance, covariance.T, rtol=1e-3):
        raise ValueError(f"tensor {LIVE_KEYS[1]!r} is not symmetric")
    if unknown := sorted(set(tensors) - known):
        raise ValueError(f"tensor {unknown[0]!r} is unknown")


def blended(parts: Sequence[tuple[Mapping[str, Tensor], float]]) -> dict[str, Tensor]:
    """Return the tensors of a blend.

    The blend has the frames of all parts, with weighted runs. Its texture statistics are weighted
    means, and its band statistics are those of a mixture of Gaussians.

    Parameters
    ----------
    parts : sequence of (tensors, weight)
        The weights add up to 1.

    Raises
    ------
    ValueError
        If only some of the parts have the texture statistics of the first version of presets.
    """
    kinds = {key.partition(".")[2] for tensors, _ in parts for key in tensors}
    if kinds & set(_TEXTURE_KEYS) and kinds & set(_OLD_TEXTURE_KEYS):
        raise ValueError(
            "some of its parts were made by an earlier version of astfx: make these again from "
            "their audio"
        )
    result = {
        "frames": torch.cat([tensors["frames"] for tensors, _ in parts]),
        "run_lengths": torch.cat([tensors["run_lengths"] for tensors, _ in parts]),
        "run_weights": torch.cat([tensors["run_weights"] * w for tensors, w in parts]),
    }
    shared = set.intersection(*(set(tensors) for tensors, _ in parts))
    for key in sorted(shared - set(result) - set(LIVE_KEYS)):
        weighted = [current_envelopes(key, tensors[key]).float() * w for tensors, w in parts]
        result[key] = torch.stack(weighted).sum(dim=0).to(parts[0][0][key].dtype)
    if set(LIVE_KEYS) <= shared:
        used = min(len(tensors[LIVE_KEYS[0]]) for tensors, _ in parts)
        means = [tensors[LIVE_KEYS[0]][:used].float() for tensors, _ in parts]
        mean = torch.stack([m * w for m, (_, w) in zip(means, parts, strict=True)]).sum(dim=0)
        covariance = torch.zeros(used, used)
        for own, (tensors, weight) in zip(means, parts, strict=True):
            away = own - mean
            own_covariance = tensors[LIVE_KEYS[1]][:used, :used].float()
            covariance += weight * (own_covariance + torch.outer(away, away))
        kind = parts[0][0][LIVE_KEYS[0]].dtype
        result |= {LIVE_KEYS[0]: mean.to(kind), LIVE_KEYS[1]: covariance.to(kind)}
    return result


def spread_runs(runs: Sequence[Tensor], most_frames: int, least_frames: int) -> list[Tensor]:
    """Keep at most about `most_frames` frames: all, or up to two parts of each run.

    Each part has at least `least_frames` frames if its run is long enough.
    """
    total = sum(len(run) for run in runs)
    if total <= most_frames:
        return list(runs)
    kept = []
    for run in runs:
        n = max(least_frames, len(run) * most_frames // total // 2)
        if 2 * n >= len(run):
            kept.append(run[: 2 * n])
        else:
            second = (len(run) + n) // 2
            kept += [run[n // 2 : n // 2 + n], run[second : second + n]]
    return kept
