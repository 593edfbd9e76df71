"""Honest metrics: what a render scores on statistics that no loss ever optimised.

Re-analyse the audio that came out, on figures of another make than the loss, and
print anchors beside every number:

>>> from astfx import metrics
>>> metrics.score(output, content, style, 44100)     # doctest: +SKIP
>>> metrics.anchors(content, style, 44100)           # doctest: +SKIP

The map
-------
`mcdermott`   texture statistics of McDermott & Simoncelli: `style_distance_db`,
              the style distance in dB (lower is closer).
`frechet`     Frechet distances of mel and MFCC frames: `style_distance`, in dB per
              band, quick enough to show before and after every render.
`heldout`     Gram losses under random nets that no render has seen.
`content`     rhythm, loudness, harmony, pitch and speech that the output keeps.
`artefacts`   missed magnitudes, clipping, NaN, clicks at segment borders, stereo.
`copying`     `largest_copy`, `excess_copy`: does the output replay the style?
`smearing`    musical noise and pre-echo.
`report`      `score` and `anchors`: all of them at once.

Waveforms are NumPy arrays of shape (samples,) or (channels, samples), floating
point, full scale 1; sample rates are in Hz.
"""

from __future__ import annotations

from astfx.metrics.artefacts import (
    border_excess_db,
    clipping_share,
    non_finite_count,
    spectral_convergence_db,
    stereo_correlation,
)
from astfx.metrics.content import (
    chroma_cosine,
    estoi,
    log_rms_correlation,
    mel_correlation,
    onset_correlation,
    pitch_agreement,
)
from astfx.metrics.copying import excess_copy, largest_copy
from astfx.metrics.frechet import (
    frechet_distance,
    gaussian_frechet,
    mel_db_frechet,
    mfcc_frechet,
    style_distance,
)
from astfx.metrics.heldout import cqt_gram_loss, gram_loss, gram_loss_of_frames
from astfx.metrics.mcdermott import (
    TEXTURE_CLASSES,
    TextureStatistics,
    class_snr_db,
    style_distance_db,
    texture_statistics,
)
from astfx.metrics.report import FIGURES, anchors, score
from astfx.metrics.smearing import early_echo_db, musical_noise_per_second, pre_echo_db

__all__ = [
    "FIGURES",
    "TEXTURE_CLASSES",
    "TextureStatistics",
    "anchors",
    "border_excess_db",
    "chroma_cosine",
    "class_snr_db",
    "clipping_share",
    "cqt_gram_loss",
    "early_echo_db",
    "estoi",
    "excess_copy",
    "frechet_distance",
    "gaussian_frechet",
    "gram_loss",
    "gram_loss_of_frames",
    "largest_copy",
    "log_rms_correlation",
    "mel_correlation",
    "mel_db_frechet",
    "mfcc_frechet",
    "musical_noise_per_second",
    "non_finite_count",
    "onset_correlation",
    "pitch_agreement",
    "pre_echo_db",
    "score",
    "spectral_convergence_db",
    "stereo_correlation",
    "style_distance",
    "style_distance_db",
    "texture_statistics",
]
