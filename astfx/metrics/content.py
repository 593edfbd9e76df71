"""How much of the content the output keeps: rhythm, loudness, harmony, pitch, speech.

Output and content are compared frame by frame, because a render does not shift or stretch the
content in time. Both are resampled to 22.05 kHz and cut to the length of the shorter one. Every
figure is 1 for a perfect copy of the content.

References
----------
S. Boeck and G. Widmer, "Maximum filter vibrato suppression for onset detection"
(2013), for the onset envelope as librosa computes it.
M. Mauch and S. Dixon, "pYIN: a fundamental frequency estimator using probabilistic
threshold distributions" (2014).
C. Raffel et al., "mir_eval: a transparent implementation of common MIR metrics"
(2014), for the F1 score of onsets.
J. Jensen and C. H. Taal, "An algorithm for predicting the intelligibility of speech
masked by modulated noise maskers" (2016), for ESTOI.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.dsp.correlation import pearson
from astfx.dsp.pitch import track_pitch
from astfx.errors import InvalidAudioError, MissingDependencyError
from astfx.metrics._inputs import (
    Signal,
    check_sample_rate,
    mono,
    resample,
    same_length,
    short_signals_allowed,
)
from astfx.metrics._spectra import mel_power, power_to_db
from astfx.runtime.librosa_import import import_librosa

ANALYSIS_RATE_HZ = 22050.0
N_FFT = 2048
HOP_LENGTH = 512
SHORTEST_SECONDS = 0.25
PITCH_TOLERANCE_CENTS = 50.0
ESTOI_SHORTEST_SECONDS = 0.5
ONSET_WINDOW_SECONDS = 0.05
ONSET_PEAKS = {
    "pre_max": 1, "post_max": 1, "pre_avg": 4, "post_avg": 5, "wait": 1, "delta": 0.07,
}  # fmt: skip
"""What counts as a peak, as `librosa.util.peak_pick` defines it, in frames. These are the values
that librosa uses at this sample rate and hop, written down so that they do not change with it."""

_CHROMA_BINS_PER_OCTAVE = 36  # as librosa has it
_ONSET_MELS = 128
_MELS = 64
_MEL_FLOOR = 1e-4
_RMS_FLOOR = 1e-4  # -80 dB of full scale: anything below counts as silence


def onset_correlation(
    output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return the correlation of the two onset envelopes, which shows whether the rhythm is kept.

    The envelope is the half-wave-rectified rise of a 128-mel spectrogram in dB, averaged over
    bands, every 23 ms.

    Parameters
    ----------
    output, content : ndarray of shape (samples,) or (channels, samples)
        At least 0.25 s; channels are averaged.
    sample_rate : float
        Of both, in Hz.

    Returns
    -------
    float
        Between -1 and 1; 0 if either envelope is constant.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        If samples are not finite floating-point numbers, there are too few of them, or the
        sample rate is out of range.
    """
    first, second = _pair(output, content, sample_rate)
    return pearson(_onset_envelope(first), _onset_envelope(second))


def onset_f1(output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float) -> float:
    """Return the F1 score of the output's onsets against the content's, within 50 ms.

    Onsets are the peaks of the envelope of `onset_correlation`, scaled to 0..1: frames of 23 ms
    that are no lower than the frame before, exceed the mean of the nine frames around them
    by 0.07, and do not follow another onset directly. These are librosa's rules. Each onset of the
    output is matched with at most one onset of the content (`mir_eval.onset.f_measure`). How loud
    an onset is does not count.

    Parameters
    ----------
    output, content : ndarray of shape (samples,) or (channels, samples)
        At least 0.25 s; channels are averaged.
    sample_rate : float
        Of both, in Hz.

    Returns
    -------
    float
        Between 0 and 1; NaN if the content has no onset.

    Raises
    ------
    MissingDependencyError
        If mir_eval is not installed: pip install "astfx[metrics]".
    AudioTypeError, InvalidAudioError, InvalidSettingError
        As in `onset_correlation`.
    """
    try:
        from mir_eval.onset import f_measure
    except ImportError as error:
        raise MissingDependencyError(
            "the F1 score of onsets needs mir_eval, which is not installed: "
            'pip install "astfx[metrics]"'
        ) from error
    first, second = _pair(output, content, sample_rate)
    ours, theirs = _onset_seconds(first), _onset_seconds(second)
    if theirs.size == 0:
        return float("nan")
    if ours.size == 0:
        return 0.0
    return float(f_measure(theirs, ours, window=ONSET_WINDOW_SECONDS)[0])


def log_rms_correlation(
    output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return the correlation of the two loudness curves in dB, floored at -80 dB.

    Parameters and errors are those of `onset_correlation`.
    """
    first, second = _pair(output, content, sample_rate)
    return pearson(np.log(_frame_rms(first)), np.log(_frame_rms(second)))


def chroma_cosine(output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float) -> float:
    """Return the mean cosine similarity of the chroma vectors, weighted by the content's RMS.

    It lies between 0 and 1. Chroma is never negative, so unrelated music scores about 0.6-0.8:
    compare it with the `anchors`. The content's tuning is used for both sounds. An estimate for
    each sound would hide a detuning, and it would be random if a texture has no pitch.

    Parameters and errors are those of `onset_correlation`.
    """
    first, second = _pair(output, content, sample_rate)
    tuning = _tuning(second)
    ours, theirs = _chroma(first, tuning), _chroma(second, tuning)
    norms = np.linalg.norm(ours, axis=0) * np.linalg.norm(theirs, axis=0)
    cosine = np.sum(ours * theirs, axis=0) / np.maximum(norms, 1e-9)
    weights = _frame_rms(second, floor=0.0)[: cosine.size]
    total = float(weights.sum())
    return float(np.sum(cosine * weights)) / total if total > 0.0 else 0.0


def mel_correlation(
    output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return the correlation of the 64-mel log spectrograms after subtracting every band's mean.

    Without the means, the figure shows where and when the energy moves, not how bright the sound
    is. 1e-4 is added to the power.

    Parameters and errors are those of `onset_correlation`.
    """
    first, second = _pair(output, content, sample_rate)
    spectrograms = []
    for signal in (first, second):
        mel = mel_power(signal, ANALYSIS_RATE_HZ, _MELS, N_FFT, HOP_LENGTH)
        log_mel = np.log(mel.astype(np.float64) + _MEL_FLOOR)
        spectrograms.append(log_mel - log_mel.mean(axis=1, keepdims=True))
    return pearson(*spectrograms)


def pitch_agreement(
    output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return the share of the content's voiced frames whose pitch the output keeps.

    A frame counts if the output is voiced too, at a pitch within 50 cents. The pitch is that of
    pYIN between 65 and 1047 Hz, which is made for one voice or instrument at a time.

    Returns
    -------
    float
        Between 0 and 1; NaN if the content has no voiced frame.

    Parameters and errors are those of `onset_correlation`.
    """
    first, second = _pair(output, content, sample_rate)
    ours, theirs = track_pitch(first).hertz, track_pitch(second).hertz
    voiced = np.isfinite(theirs)
    if not voiced.any():
        return float("nan")
    cents = np.abs(1200.0 * np.log2(ours[voiced] / theirs[voiced]))
    return float(np.mean(cents <= PITCH_TOLERANCE_CENTS))  # unvoiced frames are NaN: not within


def estoi(output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float) -> float:
    """Return the extended short-time objective intelligibility (ESTOI) of speech, about 0 to 1.

    Parameters
    ----------
    output, content : ndarray of shape (samples,) or (channels, samples)
        At least 0.5 s in which the content is not silent; channels are averaged.
    sample_rate : float
        Of both, in Hz.

    Raises
    ------
    MissingDependencyError
        If pystoi is not installed: pip install "astfx[metrics]".
    InvalidAudioError
        If there is too little speech, and as in `onset_correlation`.
    """
    try:
        from pystoi import stoi
    except ImportError as error:
        raise MissingDependencyError(
            'ESTOI needs pystoi, which is not installed: pip install "astfx[metrics]"'
        ) from error
    first, second = _pair(output, content, sample_rate)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Not enough STFT frames")
        try:
            return float(stoi(second, first, int(ANALYSIS_RATE_HZ), extended=True))
        except RuntimeWarning:
            raise InvalidAudioError(
                f"content has less than {ESTOI_SHORTEST_SECONDS} s that is not silent; "
                "ESTOI needs more speech"
            ) from None


def _pair(
    output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float
) -> tuple[Signal, Signal]:
    rate = check_sample_rate(sample_rate)
    first, second = same_length(mono("output", output), mono("content", content))
    if first.size < SHORTEST_SECONDS * rate:
        raise InvalidAudioError(
            f"output and content share {first.size / rate:.3f} s; "
            f"content figures need at least {SHORTEST_SECONDS} s"
        )
    return resample(first, rate, ANALYSIS_RATE_HZ), resample(second, rate, ANALYSIS_RATE_HZ)


def _onset_envelope(signal: Signal) -> Signal:
    """Return the onset envelope, as librosa.onset.onset_strength does."""
    mel = mel_power(signal, ANALYSIS_RATE_HZ, _ONSET_MELS, N_FFT, HOP_LENGTH)
    rise = np.maximum(np.diff(power_to_db(mel), axis=1), 0.0)
    envelope: Signal = rise.mean(axis=0)
    # librosa pads the envelope by 3 frames (lag and centring) and cuts it to the same length.
    return np.pad(envelope, (3, 0))[: mel.shape[1]]


def _onset_seconds(signal: Signal) -> Signal:
    """Return the times of a sound's onsets, as librosa.onset.onset_detect does by default."""
    librosa = import_librosa()

    envelope = _onset_envelope(signal)
    return np.asarray(
        librosa.onset.onset_detect(
            onset_envelope=envelope,
            sr=ANALYSIS_RATE_HZ,
            hop_length=HOP_LENGTH,
            units="time",
            normalize=True,
            **ONSET_PEAKS,
        )
    )


def _frame_rms(signal: Signal, floor: float = _RMS_FLOOR) -> Signal:
    padded = np.pad(signal, N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]
    return np.asarray(np.maximum(np.sqrt(np.mean(frames**2, axis=1)), floor))


def _tuning(signal: Signal) -> float:
    """Return the deviation of a signal's pitches from the chroma bins, in thirds of a semitone."""
    librosa = import_librosa()

    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # For sounds without pitch, such as silence and clicks, librosa warns and returns 0.
        warnings.filterwarnings("ignore", message="Trying to estimate tuning from empty")
        return float(
            librosa.estimate_tuning(
                y=signal, sr=ANALYSIS_RATE_HZ, bins_per_octave=_CHROMA_BINS_PER_OCTAVE
            )
        )


def _chroma(signal: Signal, tuning: float) -> Signal:
    librosa = import_librosa()

    with short_signals_allowed():
        chroma = librosa.feature.chroma_cqt(
            y=signal,
            sr=ANALYSIS_RATE_HZ,
            hop_length=HOP_LENGTH,
            bins_per_octave=_CHROMA_BINS_PER_OCTAVE,
            tuning=tuning,
        )
    return np.asarray(chroma, dtype=np.float64)
