"""A style at any sample rate: frames of log magnitude, statistics, and how rates are bridged.

Frames are kept as bytes at one rate; their bins are the same frequencies at any rate, since
windows are as long in milliseconds. So a lower rate takes the bins below its Nyquist frequency,
brought back to one level, and a higher one leaves what it has above empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from astfx.features.texture import CLASSES
from astfx.frontends.grid import Grid
from astfx.styles.analysis import LIVE_KEYS, check_live, check_texture, texture_key

HIGHEST = 10.0
"""Log magnitudes above this are cut off; full scale is about 7."""

TEXTURE_RATES = (8_000, 11_025, 16_000, 22_050)
"""Sample rates that texture statistics are kept for; the last serves all above."""

MAX_FRAMES = 4096
MAX_BINS = 1 << 14


def to_bytes(frames: Tensor) -> Tensor:
    """Log magnitudes as uint8, in steps of 0.04 (0.34 dB)."""
    return (frames.clamp(0.0, HIGHEST) * (255.0 / HIGHEST)).round().to(torch.uint8)


def from_bytes(frames: Tensor) -> Tensor:
    """Undo `to_bytes`, but for the rounding."""
    return frames.to(torch.float32) * (HIGHEST / 255.0)


def frames_at(frames: Tensor, grid: Grid, wanted: Grid) -> Tensor:
    """Bring frames to another sample rate's grid, (frames, bins) -> (frames, other bins).

    Parameters
    ----------
    frames : (frames, bins) float32
        Log magnitudes of a clip at the level of `astfx.frontends.log_magnitude`.
    grid, wanted : Grid
        With windows of the same duration, up to the rounding to samples.
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
    """Where a preset keeps the texture statistics for content of a sample rate."""
    rate = max((r for r in TEXTURE_RATES if r <= sample_rate), default=TEXTURE_RATES[0])
    return f"{rate}."


def digest(tensors: Mapping[str, Tensor], grid: Grid) -> str:
    """SHA-256 of tensors (names, types, shapes, values) and of the grid they lie on."""
    found = hashlib.sha256(f"{grid.sample_rate}|{grid.n_fft}|{grid.hop_length}|".encode())
    for name in sorted(tensors):
        array = tensors[name].contiguous().numpy()
        found.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def check_tensors(tensors: Mapping[str, Tensor], grid: Grid) -> None:
    """Raise ValueError unless loaded tensors are what a preset holds."""
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
    # Each on its own first: a sum of crafted lengths may wrap round.
    within = int(lengths.min()) >= 1 and int(lengths.max()) <= len(frames)
    if len(lengths) > len(frames) or not within or int(lengths.sum()) != len(frames):
        raise ValueError("tensor 'run_lengths' does not add up to the frames")
    if len(weights) != len(lengths) or not bool(((weights > 0.0) & (weights <= 1.0)).all()):
        raise ValueError("tensor 'run_weights' must hold a weight from 0 to 1 for each run")
    if abs(float(weights.sum()) - 1.0) > 1e-3:
        raise ValueError(f"tensor 'run_weights' adds up to {float(weights.sum()):.4g}, not 1")
    known = {"frames", "run_lengths", "run_weights", *LIVE_KEYS}
    for rate in TEXTURE_RATES:
        own = {texture_key(n): tensors.get(f"{rate}.{texture_key(n)}") for n in CLASSES}
        check_texture({key: value for key, value in own.items() if value is not None})
        known |= {f"{rate}.{key}" for key in own}
    check_live(tensors)
    covariance = tensors.get(LIVE_KEYS[1])
    if covariance is not None and not torch.allclose(covariance, covariance.T, rtol=1e-3):
        raise ValueError(f"tensor {LIVE_KEYS[1]!r} is not symmetric")
    if unknown := sorted(set(tensors) - known):
        raise ValueError(f"tensor {unknown[0]!r} is unknown")


def blended(parts: Sequence[tuple[Mapping[str, Tensor], float]]) -> dict[str, Tensor]:
    """Tensors of a blend: reference sets by their weights, statistics as those of a mixture.

    Parameters
    ----------
    parts : sequence of (tensors, weight)
        Weights add up to one.
    """
    result = {
        "frames": torch.cat([tensors["frames"] for tensors, _ in parts]),
        "run_lengths": torch.cat([tensors["run_lengths"] for tensors, _ in parts]),
        "run_weights": torch.cat([tensors["run_weights"] * w for tensors, w in parts]),
    }
    shared = set.intersection(*(set(tensors) for tensors, _ in parts))
    for key in sorted(shared - set(result) - set(LIVE_KEYS)):
        result[key] = torch.stack([tensors[key] * w for tensors, w in parts]).sum(dim=0)
    if set(LIVE_KEYS) <= shared:
        used = min(len(tensors[LIVE_KEYS[0]]) for tensors, _ in parts)
        means = [tensors[LIVE_KEYS[0]][:used] for tensors, _ in parts]
        mean = torch.stack([m * w for m, (_, w) in zip(means, parts, strict=True)]).sum(dim=0)
        covariance = torch.zeros(used, used)
        for own, (tensors, weight) in zip(means, parts, strict=True):
            away = own - mean
            covariance += weight * (tensors[LIVE_KEYS[1]][:used, :used] + torch.outer(away, away))
        result |= dict(zip(LIVE_KEYS, (mean, covariance), strict=True))
    return result


def spread_runs(runs: Sequence[Tensor], most_frames: int, least_frames: int) -> list[Tensor]:
    """Keep at most so many frames, as two stretches of each run if it must be cut."""
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
