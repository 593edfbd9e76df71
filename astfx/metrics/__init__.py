"""Metrics of a render: how close it is to the style, and what it keeps of the content.

All figures are computed from the waveforms alone. Read every figure beside its anchors, which are
the same figure for the content and for the style:

>>> from astfx import metrics
>>> metrics.score(output, content, style, 44100)     # doctest: +SKIP
>>> metrics.anchors(content, style, 44100)           # doctest: +SKIP

The panel holds the figures that decide how close a render is to its style. If many outputs are
compared with one style, let it be analysed only once:

>>> rain = metrics.AnalysedSound(style, 44100)       # doctest: +SKIP
>>> metrics.panel(output, rain, 44100)               # doctest: +SKIP
>>> metrics.panel_anchors(content, rain, 44100)      # doctest: +SKIP

The map
-------
`held_out`        the panel: five distances to the style that nothing in astfx optimises.
`random_banks`    texture statistics in filter banks drawn at random: `random_banks_db`.
`scattering`      joint time-frequency scattering moments: `scattering_db`.
`patches`         patches of 250 ms: `sliced_wasserstein`, `two_sample_accuracy`.
`random_networks` Gram losses of random networks whose filters no render uses.
`mcdermott`       texture statistics in the standard bank, which the texture rounds use too:
                  `standard_bank_db`.
`frechet`         Frechet distances of mel and MFCC frames: `style_distance`, in dB per
                  band, quick enough to show before and after every render.
`content`         rhythm, loudness, harmony, pitch and speech that the output keeps.
`artefacts`       missed magnitudes, clipping, NaN, clicks at segment borders, stereo.
`copying`         `largest_copy`, `excess_copy`: does the output replay the style?
`smearing`        musical noise and pre-echo.
`report`          `score` and `anchors`: all of them at once.

Which figures are independent
-----------------------------
A figure that a method optimises says little about how good its output is. No method, engine or
training optimises the figures of the panel (`PANEL`), and nobody may choose settings by them on
the sounds on which results are reported. Two of the five are related to something that is
optimised, as far as two descriptions of one texture can be:

- `random_banks_db`: the texture rounds and the method `texture` minimise the same classes of
  statistics in one bank, which is none of the banks drawn at random. What was met in that bank only
  does not count here.
- `cqt_gram_loss`: methods with the option front_end="cqt" minimise the Gram loss of a network on
  the same transform, with other filters and of another shape.

These figures measure nearly what some methods and engines optimise, and are independent only of the
others:

- `standard_bank_db`, `class_snr_db`: the texture rounds, which follow the match in the default
  method `gram`, and the method `texture` minimise the distance in nearly the same statistics.
- `onset_correlation`, `mel_correlation`: the texture rounds also keep a similar correlation of
  onsets and of band levels high (options `onset_weight` and `contour_weight`). `onset_f1` is a
  further step away: it counts onsets, whatever their height.
- `gram_loss`, `gram_loss_of_frames`: `gram`, the engine `stream` and the training of
  `feed-forward` minimise a similar loss with infinitely many filters, `shallow-cnn` with filters
  of another seed. The figure is only held out: its filters are its own.
- `style_distance`, `mel_db_frechet`, `mfcc_frechet`: the method `monge` and the engines `stream`
  and `live` match the mean and covariance of the levels of mel bands, the methods `adain` and
  `histogram` match means and spreads of bins. They are independent of the default method.
- `log_rms_correlation`: the method `spectrum-ensemble` matches the content's energy envelope.
- `spectral_convergence_db`: phase methods of the Griffin-Lim family lower it.

No method optimises the other figures: `chroma_cosine`, `pitch_agreement`, `estoi`, and the figures
of `copying`, of `smearing` and of the rest of `artefacts`.

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
    onset_f1,
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
from astfx.metrics.held_out import PANEL, AnalysedSound, panel, panel_anchors
from astfx.metrics.mcdermott import (
    TEXTURE_CLASSES,
    TextureStatistics,
    class_snr_db,
    standard_bank_db,
    texture_statistics,
)
from astfx.metrics.patches import sliced_wasserstein, two_sample_accuracy
from astfx.metrics.random_banks import random_banks_db
from astfx.metrics.random_networks import cqt_gram_loss, gram_loss, gram_loss_of_frames
from astfx.metrics.report import FIGURES, anchors, score
from astfx.metrics.scattering import scattering_db
from astfx.metrics.smearing import early_echo_db, musical_noise_per_second, pre_echo_db

__all__ = [
    "FIGURES",
    "PANEL",
    "TEXTURE_CLASSES",
    "AnalysedSound",
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
    "onset_f1",
    "panel",
    "panel_anchors",
    "pitch_agreement",
    "pre_echo_db",
    "random_banks_db",
    "scattering_db",
    "score",
    "sliced_wasserstein",
    "spectral_convergence_db",
    "standard_bank_db",
    "stereo_correlation",
    "style_distance",
    "texture_statistics",
    "two_sample_accuracy",
]
