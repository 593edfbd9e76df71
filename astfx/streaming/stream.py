"""The `stream` engine: the style's envelopes and spectra, at a delay of about 67 ms.

The envelope stage (`astfx.streaming.envelope_stage`) gives the bands the style's fast envelopes.
The spectral stage after it (`astfx.streaming.spectral_stage`) gives the bins the style's levels.
"""

from __future__ import annotations

import numpy as np

from astfx.audio import Waveform
from astfx.features.envelope_map import OVERLAP, EnvelopeStatistics
from astfx.features.monge import Array
from astfx.streaming.base import Strengths
from astfx.streaming.envelope_stage import EnvelopeStage
from astfx.streaming.spectral_stage import HOPS_PER_WINDOW, SpectralOptions, SpectralStage

HEARD_HOPS = 5
"""Five eighths of the window are heard: 58 ms of 93."""

_OPTIONS = SpectralOptions(
    share=0.6,
    follow=1.0,
    update_seconds=0.09,
    bands_prior_frames=120.0,
    bins_prior_frames=40.0,
    is_balanced=True,
)


class StreamEngine:
    """Stylises hop by hop: first the envelopes of bands, then the levels of bins.

    Parameters
    ----------
    style : (frames, bins)
        Log magnitudes of the style on the engine's window.
    envelopes : EnvelopeStatistics or None
        None, for styles that have none, leaves the envelopes as they are.
    sample_rate : int, hertz
    channels : int
    """

    def __init__(
        self,
        style: Array,
        envelopes: EnvelopeStatistics | None,
        sample_rate: int,
        channels: int,
    ) -> None:
        n_fft = 2 * (style.shape[1] - 1)
        n_synthesis = HEARD_HOPS * n_fft // HOPS_PER_WINDOW
        self._spectral = SpectralStage(style, sample_rate, n_synthesis, channels, _OPTIONS)
        self.hop_length = self._spectral.hop_length
        short = self.hop_length // OVERLAP
        self._envelopes = None
        if envelopes is not None:
            self._envelopes = EnvelopeStage(envelopes, sample_rate, short, channels)
        self._before = np.zeros((channels, self.hop_length - short), np.float32)
        self._heard = np.zeros((channels, self.hop_length), np.float32)
        self.delay_samples = self._spectral.delay_samples + self._before.shape[1]

    def process(self, hops: Waveform, strengths: Strengths) -> Waveform:
        """Take hops and return as many of output; see `astfx.streaming.base.Engine`."""
        if self._envelopes is None:  # the same delay without the stage
            joined = np.concatenate([self._before, hops], axis=1)
            shaped, self._before = np.split(joined, [hops.shape[1]], axis=1)
            return self._spectral.process(np.ascontiguousarray(shaped), strengths, hops)
        # Hop by hop, because the envelope stage learns from what is heard after both stages.
        out = np.empty_like(hops)
        for i, strength in enumerate(strengths):
            span = slice(i * self.hop_length, (i + 1) * self.hop_length)
            hop = np.ascontiguousarray(hops[:, span])
            shaped = self._envelopes.process(hop, self._heard, strength)
            self._heard = self._spectral.process(shaped, strengths[i : i + 1], hop)
            out[:, span] = self._heard
        return out
