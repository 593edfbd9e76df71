"""All figures of one render in a dictionary, and the anchors to compare them with."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.metrics import (
    artefacts,
    content,
    copying,
    frechet,
    mcdermott,
    random_networks,
    smearing,
)
from astfx.metrics._inputs import Signal, channels, check_sample_rate, resample, same_length
from astfx.metrics.held_out import DISTANCES, AnalysedSound, analysed_style
from astfx.metrics.patches import SHORTEST_SECONDS as SHORTEST_PATCHED_SECONDS

MEASURED_SECONDS = 30.0
"""Of a longer sound, `score` and `anchors` measure the beginning: some figures take memory and
time that grow with the square of the length."""


@dataclass(frozen=True, kw_only=True)
class _Clips:
    """The three sounds at one sample rate, (channels, samples)."""

    output: Signal
    content: Signal
    style: Signal
    sample_rate: float
    analysed: tuple[AnalysedSound, AnalysedSound]
    """Output and style, whose analyses are shared by the figures of the panel."""


def score(
    output: npt.NDArray[Any],
    content: npt.NDArray[Any],
    style: npt.NDArray[Any] | AnalysedSound,
    sample_rate: float,
    style_sample_rate: float | None = None,
    *,
    figures: Sequence[str] | None = None,
) -> dict[str, float]:
    """Measure a render by all figures at once.

    The figures of the panel (`PANEL`) come first, because no method optimises them. Not every other
    figure is independent of what a method optimises; see `astfx.metrics`. Of each sound, the first
    30 seconds are measured.

    Parameters
    ----------
    output, content : ndarray of shape (samples,) or (channels, samples)
        Floating-point samples. Metrics of one channel take the mean of the channels. Figures that
        compare output and content end with the shorter sound.
    style : ndarray or AnalysedSound
        An `AnalysedSound` saves time if many outputs are scored against one style.
    sample_rate : float
        Of output and content, in Hz. An analysed style must have the same sample rate.
    style_sample_rate : float, optional
        Of the style, in Hz, if it differs; the style is then resampled.
    figures : sequence of str, optional
        Names from `FIGURES`, in the order wanted. By default all of them, which takes some
        seconds for ten seconds of audio, most of it for "pitch_agreement".

    Returns
    -------
    dict of str to float
        Keys are the names in `FIGURES`. A figure that has no meaning is NaN: all but "non_finite"
        if the output has NaN or infinite samples, "sliced_wasserstein" and "two_sample_accuracy"
        if the output or the style is shorter than 2 s, "pitch_agreement" if the content has no
        voiced frame, "onset_f1" if it has no onset or mir_eval is not installed, "pre_echo_db" and
        "early_echo_db" if it has no attack, "estoi" if there is too little sound or pystoi is not
        installed, and "stereo_correlation" if there are more than 2 channels.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        If a sound is shorter than 1 s or cannot be used, a figure is unknown, or a sample rate is
        out of range.
    """
    names = _chosen(figures)
    rate = check_sample_rate(sample_rate)
    wanted = _style_at(style, rate, style_sample_rate)
    rendered = channels("output", _beginning(output, rate), finite=False)
    source = channels("content", _beginning(content, rate))
    n_bad = artefacts.non_finite_count(rendered)
    if n_bad:
        return {name: float(n_bad) if name == "non_finite" else float("nan") for name in names}
    clips = _Clips(
        output=rendered,
        content=source,
        style=wanted.waveform,
        sample_rate=rate,
        analysed=(AnalysedSound(rendered, rate, name="output"), wanted),
    )
    return {name: float(_FIGURES[name](clips)) for name in names}


def anchors(
    content: npt.NDArray[Any],
    style: npt.NDArray[Any] | AnalysedSound,
    sample_rate: float,
    style_sample_rate: float | None = None,
    *,
    figures: Sequence[str] | None = None,
) -> dict[str, dict[str, float]]:
    """Measure the sounds that a render should be compared with.

    Parameters are those of `score`.

    Returns
    -------
    dict of str to dict of str to float
        "content": the content as it is, with all of the content and none of the style.
        "style": the style as it is, a perfect match that is only a copy.
        "floor": the second half of the style against its first half, which is as close to a
        style as another part of the same sound is. Its content figures compare that half with
        the content.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        If the style is shorter than 2 s, and as in `score`.
    """
    rate = check_sample_rate(sample_rate)
    wanted = _style_at(style, rate, style_sample_rate)
    whole = wanted.waveform
    half = whole.shape[1] // 2
    cases: dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any] | AnalysedSound]] = {
        "content": (content, wanted),
        "style": (whole, wanted),
        "floor": (whole[:, half:], whole[:, :half]),
    }
    return {
        name: score(output, content, against, rate, figures=figures)
        for name, (output, against) in cases.items()
    }


def _style_at(
    style: npt.NDArray[Any] | AnalysedSound, rate: float, style_sample_rate: float | None
) -> AnalysedSound:
    """Return the style at a sample rate in Hz, ready for the panel."""
    if isinstance(style, AnalysedSound):
        if style.seconds > MEASURED_SECONDS:
            style = AnalysedSound(_beginning(style.waveform, rate), rate, name=style.name)
        return analysed_style(style, rate)
    style_rate = rate if style_sample_rate is None else style_sample_rate
    style_rate = check_sample_rate(style_rate, "style_sample_rate")
    beginning = channels("style", _beginning(style, style_rate))
    return analysed_style(resample(beginning, style_rate, rate), rate)


def _beginning(waveform: npt.NDArray[Any], rate: float) -> npt.NDArray[Any]:
    """The part of a waveform that is measured. Anything but a waveform is refused later."""
    if not isinstance(waveform, np.ndarray):
        return waveform
    return waveform[..., : round(MEASURED_SECONDS * rate)]


def _chosen(figures: Sequence[str] | None) -> tuple[str, ...]:
    if figures is None:
        return FIGURES
    for name in figures:
        if name not in _FIGURES:
            raise InvalidSettingError(
                f"figure {name!r} is unknown; choose from {', '.join(FIGURES)}"
            )
    return tuple(figures)


def _in_panel(name: str) -> Callable[[_Clips], float]:
    def figure(clips: _Clips) -> float:
        shortest = min(sound.seconds for sound in clips.analysed)
        if name in _PATCHED and shortest < SHORTEST_PATCHED_SECONDS:
            return float("nan")
        return DISTANCES[name](*clips.analysed)

    return figure


def _with_style(
    metric: Callable[[Signal, Signal, float], float],
) -> Callable[[_Clips], float]:
    return lambda clips: metric(clips.output, clips.style, clips.sample_rate)


def _with_content(
    metric: Callable[[Signal, Signal, float], float],
) -> Callable[[_Clips], float]:
    return lambda clips: metric(clips.output, clips.content, clips.sample_rate)


def _estoi(clips: _Clips) -> float:
    first, second = same_length(clips.output, clips.content)
    if importlib.util.find_spec("pystoi") is None or not (np.any(first) and np.any(second)):
        return float("nan")
    try:
        return content.estoi(first, second, clips.sample_rate)
    except InvalidAudioError:
        return float("nan")


def _onset_f1(clips: _Clips) -> float:
    if importlib.util.find_spec("mir_eval") is None:
        return float("nan")
    return content.onset_f1(clips.output, clips.content, clips.sample_rate)


_PATCHED = ("sliced_wasserstein", "two_sample_accuracy")
_FIGURES: dict[str, Callable[[_Clips], float]] = {
    **{name: _in_panel(name) for name in DISTANCES},
    "standard_bank_db": _with_style(mcdermott.standard_bank_db),
    "style_distance": _with_style(frechet.style_distance),
    "mel_db_frechet": _with_style(frechet.mel_db_frechet),
    "mfcc_frechet": _with_style(frechet.mfcc_frechet),
    "gram_loss": _with_style(
        lambda a, b, rate: random_networks.gram_loss(a, b, rate, relative=True)
    ),
    "largest_copy": _with_style(copying.largest_copy),
    "excess_copy": _with_style(copying.excess_copy),
    "onset_correlation": _with_content(content.onset_correlation),
    "onset_f1": _onset_f1,
    "log_rms_correlation": _with_content(content.log_rms_correlation),
    "chroma_cosine": _with_content(content.chroma_cosine),
    "mel_correlation": _with_content(content.mel_correlation),
    "pitch_agreement": _with_content(content.pitch_agreement),
    "estoi": _estoi,
    "pre_echo_db": _with_content(smearing.pre_echo_db),
    "early_echo_db": _with_content(smearing.early_echo_db),
    "clipping_share": lambda clips: artefacts.clipping_share(clips.output),
    "non_finite": lambda clips: float(artefacts.non_finite_count(clips.output)),
    "musical_noise_per_second": lambda clips: smearing.musical_noise_per_second(
        clips.output, clips.sample_rate
    ),
    "stereo_correlation": lambda clips: (
        artefacts.stereo_correlation(clips.output) if clips.output.shape[0] <= 2 else float("nan")
    ),
}

FIGURES: tuple[str, ...] = tuple(_FIGURES)
