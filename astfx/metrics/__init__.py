"""Metrics of a render: how close it is to the style, and what it keeps of the content.

All figures are computed from the waveforms alone. Read every figure beside its anchors, which are
the same figure for the content and for the style:

>>> from astfx import metrics
>>> metrics.score(output, content, style, 44100)     # doctest: +SKIP
>>> metrics.anchors(content, style, 44100)           # doctest: +SKIP

The map
-------
`mcdermott`   texture statistics of McDermott & Simoncelli: `style_distance_db`,
              the style distance in dB (lower is closer).
`frechet`     Frechet distances of mel and MFCC frames: `style_distance`, in dB per
              band, quick enough to show before and after every render.
`heldout`     Gram losses of random networks whose filters no render uses.
`content`     rhythm, loudness, harmony, pitch and speech that the output keeps.
`artefacts`   missed magnitudes, clipping, NaN, clicks at segment borders, stereo.
`copying`     `largest_copy`, `excess_copy`: does the output replay the style?
`smearing`    musical noise and pre-echo.
`report`      `score` and `anchors`: all of them at once.

Which figures are independent
-----------------------------
A figure that a method optimises says little about how good its output is. These figures measure
nearly what some methods and engines of astfx optimise, and are independent only of the others:

- `style_distance_db`, `class_snr_db`: the texture rounds, which follow the match in the default
  method `gram`, and the method `texture` minimise the distance in nearly the same statistics.
- `onset_correlation`, `mel_correlation`: the texture rounds also keep a similar correlation of
  onsets and of band levels high (options `onset_weight` and `contour_weight`).
- `gram_loss`, `gram_loss_of_frames`: `gram`, the engine `stream` and the training of
  `feed-forward` minimise a similar loss with infinitely many filters, `shallow-cnn` with filters
  of another seed. The figure is only held out: its filters are its own.
- `style_distance`, `mel_db_frechet`, `mfcc_frechet`: the method `monge` and the engines `stream`
  and `live` match the mean and covariance of the levels of mel bands, the methods `adain` and
  `histogram` match means and spreads of bins. They are independent of the default method.
- `log_rms_correlation`: the method `spectrum-ensemble` matches the content's energy envelope.
- `spectral_convergence_db`: phase methods of the Griffin-Lim family lower it.

No method optimises the other figures: `cqt_gram_loss` (except nearly, by methods with the option
front_end="cqt"), `chroma_cosine`, `pitch_agreement`, `estoi`, and the figures of `copying`, of
`smearing` and of the rest of `artefacts`.

Waveforms are floating-point NumPy arrays of shape (samples,) or (channels, samples), with full
scale at 1. Sample rates are in Hz.
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
