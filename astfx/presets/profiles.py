"""Curves that describe a preset: its spectrum, and the modulation of its bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from astfx.dsp.erb import erb_centres_hz
from astfx.features.texture_layout import CLASSES, STANDARD_LAYOUT
from astfx.presets import tensors as packing
from astfx.presets.preset import Preset
from astfx.styles.analysis import round_targets

Array = npt.NDArray[np.float64]

SHARES = (0.1, 0.5, 0.9)
_DRAWN_HZ = (40.0, 20_000.0)
_PER_OCTAVE = 6
_FLOOR_DB = -90.0


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Curves of a preset.

    Attributes
    ----------
    frequency_hz : (points,)
        Centres of sixth-octave bands.
    level_db : (3, points)
        10 %, 50 % and 90 % quantiles of the level over the frames, relative to the mean of the
        loudest band.
    modulation_hz : (modulation bands,)
        Centres of the modulation bands.
    band_hz : (bands,)
        Centres of the ERB bands.
    modulation_db : (bands, modulation bands) or None
        Share of each ERB band's envelope variance in each modulation band, in dB. None for a style
        that is too short for such statistics.
    """

    frequency_hz: Array
    level_db: Array
    modulation_hz: Array
    band_hz: Array
    modulation_db: Array | None


def profile(preset: Preset) -> Profile:
    """Compute the curves of a preset. The runs of a blend count by their weights."""
    power = torch.expm1(packing.from_bytes(preset.tensors["frames"])).square().double().numpy()
    lengths = preset.tensors["run_lengths"].numpy()
    weights = np.repeat(preset.tensors["run_weights"].double().numpy() / lengths, lengths)
    bin_hz = preset.grid.sample_rate / preset.grid.n_fft
    lowest_hz, highest_hz = _DRAWN_HZ
    octaves = np.log2(highest_hz / lowest_hz)
    centres = lowest_hz * 2.0 ** (np.arange(int(octaves * _PER_OCTAVE) + 1) / _PER_OCTAVE)
    edges = np.outer([2.0 ** (-0.5 / _PER_OCTAVE), 2.0 ** (0.5 / _PER_OCTAVE)], centres) / bin_hz
    bands = np.stack(
        [
            power[:, max(1, round(low)) : max(2, round(high), round(low) + 1)].mean(axis=1)
            for low, high in edges.T
        ],
        axis=1,
    )
    loudest = max(float((weights @ bands).max()), 1e-20)
    level = 10.0 * np.log10(np.maximum(bands / loudest, 10.0 ** (_FLOOR_DB / 10.0)))
    rate = packing.TEXTURE_RATES[-1]
    prefix = packing.texture_prefix(rate)
    texture = round_targets(
        {
            key.removeprefix(prefix): tensor
            for key, tensor in preset.tensors.items()
            if key.startswith(prefix)
        }
    )
    layout, modulation_db = STANDARD_LAYOUT, None
    if texture:
        layout, statistics = texture[0]
        modulation = statistics[CLASSES.index("modulation_power")].double().numpy()
        modulation_db = 10.0 * np.log10(modulation.reshape(layout.n_bands, -1) + 1e-6)
    return Profile(
        frequency_hz=centres,
        level_db=np.stack([_quantile(level, weights, share) for share in SHARES]),
        modulation_hz=np.geomspace(*layout.modulation_range_hz, layout.n_modulation_bands),
        band_hz=erb_centres_hz(rate, layout.n_bands),
        modulation_db=modulation_db,
    )


def _quantile(values: Array, weights: Array, share: float) -> Array:
    """Return the weighted quantile of each column."""
    order = np.argsort(values, axis=0)
    passed = np.cumsum(weights[order], axis=0) / weights.sum()
    index = np.minimum((passed < share).sum(axis=0), len(values) - 1)
    chosen = np.take_along_axis(order, index[None], axis=0)
    return np.asarray(np.take_along_axis(values, chosen, axis=0)[0])
