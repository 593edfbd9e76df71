"""Whether a render replays parts of the style instead of rendering the content in the style."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.metrics._inputs import check_sample_rate, mono, resample

SNIPPET_SECONDS = 0.5
COPY_RATE_HZ = 22050.0

_QUIET_SHARE = 1e-4  # snippets and windows more than 40 dB below the loudest are not compared


def largest_copy(
    output: npt.NDArray[Any],
    style: npt.NDArray[Any],
    sample_rate: float,
    snippet_seconds: float = SNIPPET_SECONDS,
) -> float:
    """Return how closely any snippet of the output repeats a part of the style.

    This is the largest absolute normalised cross-correlation of the output's snippets, which
    overlap by half, with the style at every lag. 1 is an exact copy at any gain or polarity.
    Noises score below 0.1, and unrelated speech and music about 0.4 (they share pitches). Steady
    tones of one pitch score near 1; `excess_copy` corrects for that.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        Each at least one snippet long. Channels are averaged, and rates above 22.05 kHz are
        reduced to it.
    sample_rate : float
        Of both, in Hz.
    snippet_seconds : float
        Duration of a snippet, above 0.

    Returns
    -------
    float
        Between 0 and 1; 0 if either sound is silent. Parts more than 40 dB below the loudest part
        are ignored.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        If a sound is shorter than a snippet, samples are not finite floating-point numbers, or a
        setting is out of range.
    """
    rate = check_sample_rate(sample_rate)
    if not snippet_seconds > 0.0:
        raise InvalidSettingError(f"snippet_seconds={snippet_seconds} s must be above 0 s")
    low = min(rate, COPY_RATE_HZ)
    n_snippet = max(2, round(snippet_seconds * low))
    signals = []
    for name, waveform in (("output", output), ("style", style)):
        signal = resample(mono(name, waveform), rate, low)
        if signal.size < n_snippet:
            raise InvalidAudioError(
                f"{name} lasts {signal.size / low:.3f} s, "
                f"less than a snippet of {snippet_seconds} s"
            )
        signals.append(signal - signal.mean())
    ours, theirs = signals
    energy = np.concatenate([[0.0], np.cumsum(theirs**2)])
    window_energy = np.maximum(energy[n_snippet:] - energy[:-n_snippet], 0.0)
    starts = range(0, ours.size - n_snippet + 1, max(1, n_snippet // 2))
    snippets = np.stack([ours[start : start + n_snippet] for start in starts])
    snippet_energy = np.sum(snippets**2, axis=1)
    heard = window_energy > _QUIET_SHARE * window_energy.max()
    if not heard.any() or not snippet_energy.any():
        return 0.0
    n_fft = scipy.fft.next_fast_len(theirs.size, real=True)  # lags that wrap round are not used
    spectrum = scipy.fft.rfft(theirs, n_fft)
    largest = 0.0
    for snippet, own in zip(snippets, snippet_energy, strict=True):
        if own <= _QUIET_SHARE * snippet_energy.max():
            continue
        products = scipy.fft.irfft(spectrum * np.conj(scipy.fft.rfft(snippet, n_fft)), n_fft)
        matched = products[: window_energy.size][heard] ** 2 / (window_energy[heard] * own)
        largest = max(largest, float(matched.max()))
    return min(1.0, float(np.sqrt(largest)))


def excess_copy(
    output: npt.NDArray[Any],
    style: npt.NDArray[Any],
    sample_rate: float,
    snippet_seconds: float = SNIPPET_SECONDS,
) -> float:
    """Return how much more closely the output repeats the style than the reversed style.

    This is `largest_copy` minus `largest_copy` with the style reversed in time. The reversed style
    has the same pitches and the same spectrum, but no output can have copied it. Around 0 or below,
    nothing of the style is replayed, however tonal it is. Well above 0, a part of the style is
    replayed. For decaying sounds the figure is somewhat too high, because they resemble their own
    reversal less.

    Parameters and errors are those of `largest_copy`.

    Returns
    -------
    float
        Between -1 and 1.
    """
    backwards = np.asarray(style)[..., ::-1]
    return largest_copy(output, style, sample_rate, snippet_seconds) - largest_copy(
        output, backwards, sample_rate, snippet_seconds
    )
