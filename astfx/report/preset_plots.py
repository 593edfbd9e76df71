"""Plots of a preset's spectral and modulation profile."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from astfx.presets import Preset
from astfx.presets.profiles import profile
from astfx.report.figures import new_figure
from astfx.runtime.files import written_aside


def draw_preset(path: Path, preset: Preset) -> None:
    """Draw the spectral and the modulation profile of a preset side by side.

    Parameters
    ----------
    path : Path
        PNG, SVG or PDF, written under a temporary name until it is complete.
    preset : Preset
    """
    curves = profile(preset)
    figure = new_figure(11.0, 3.8)
    spectral, modulation = figure.subplots(1, 2)
    figure.suptitle(preset.label)
    low, median, high = curves.level_db
    spectral.fill_between(curves.frequency_hz, low, high, alpha=0.25, label="10 to 90 % of frames")
    spectral.plot(curves.frequency_hz, median, label="median")
    spectral.set_xscale("log")
    spectral.set_xticks(
        [50, 100, 300, 1000, 3000, 10_000], ["50", "100", "300", "1000", "3000", "10000"]
    )
    spectral.minorticks_off()
    spectral.set_ylim(-80.0, max(10.0, float(high.max()) + 3.0))
    spectral.set_xlabel("frequency (Hz)")
    spectral.set_ylabel("level (dB)")
    spectral.set_title("spectral profile")
    spectral.grid(alpha=0.25)
    spectral.legend(loc="lower center")
    modulation.set_title("modulation profile")
    modulation.set_xlabel("modulation frequency (Hz)")
    modulation.set_ylabel("band (Hz)")
    if curves.modulation_db is None:
        modulation.text(0.5, 0.5, "the sound is too short for one", ha="center")
    else:
        image = modulation.pcolormesh(
            np.log10(curves.modulation_hz),
            np.arange(len(curves.band_hz)),
            curves.modulation_db,
            vmin=-30.0,
            vmax=0.0,
            shading="nearest",
            cmap="magma",
        )
        ticks_hz = (0.5, 1, 2, 4, 8, 16, 32, 64, 128)
        modulation.set_xticks(np.log10(ticks_hz), [f"{hz:g}" for hz in ticks_hz])
        round_hz = [hz for hz in (100, 300, 1000, 3000, 10_000) if hz < curves.band_hz[-1]]
        rows = np.interp(np.log(round_hz), np.log(curves.band_hz), np.arange(len(curves.band_hz)))
        modulation.set_yticks(rows, [str(hz) for hz in round_hz])
        figure.colorbar(image, ax=modulation, label="share of the band's variance (dB)", pad=0.01)
    with written_aside(path) as part:
        figure.savefig(part, dpi=110, format=path.suffix.lstrip("."))
