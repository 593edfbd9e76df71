"""The panel: five distances to a style that no method, engine or setting of astfx optimises.

Each measure looks at other properties of a sound, so that a render which comes near to its style
by all five has come near to it in more than one model of hearing:

- `random_banks_db`: texture statistics in eight filter banks drawn at random.
- `scattering_db`: modulations over time and pitch at once, by wavelets.
- `sliced_wasserstein`: the distribution of patches of 250 ms.
- `two_sample_accuracy`: whether a classifier tells such patches of the two sounds apart.
- `cqt_gram_loss`: correlations of the features of a random network on a constant-Q transform.

The page "The measures" of the documentation shows which of them notices what. Settings must not be
tuned on the pairs of sounds on which they are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy.typing as npt

from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.metrics import patches, random_banks, random_networks, scattering
from astfx.metrics._inputs import Signal, audible, channels, check_sample_rate


class AnalysedSound:
    """A sound whose analyses for the panel are made once, when a figure first needs them.

    Pass one as the style to `panel`, `score` or `anchors` when many outputs are compared with the
    same style: half of the panel's time is spent on the style.

    Parameters
    ----------
    waveform : ndarray of shape (samples,) or (channels, samples)
        Floating-point samples; the analyses take the mean of the channels.
    sample_rate : float
        In Hz.
    name : str
        Name of the sound in error messages.

    Attributes
    ----------
    waveform : ndarray of shape (channels, samples), float64
    sample_rate : float
    seconds : float
    name : str

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        If samples are not finite floating-point numbers, or the sample rate is out of range.
    """

    def __init__(
        self, waveform: npt.NDArray[Any], sample_rate: float, *, name: str = "style"
    ) -> None:
        self.name = name
        self.sample_rate = check_sample_rate(sample_rate)
        self.waveform = channels(name, waveform)

    @property
    def seconds(self) -> float:
        """Duration of the sound."""
        return float(self.waveform.shape[1] / self.sample_rate)

    @cached_property
    def mono(self) -> Signal:
        """Mean of the channels, (samples,)."""
        signal: Signal = self.waveform.mean(axis=0)
        return signal

    @cached_property
    def bank_statistics(self) -> list[dict[str, Signal]]:
        """For each random bank, the classes of texture statistics."""
        return random_banks.bank_statistics(self.name, self.mono, self.sample_rate)

    @cached_property
    def scattering(self) -> scattering.Scattering:
        """Joint time-frequency scattering moments."""
        return scattering.scattering(self.name, self.mono, self.sample_rate)

    @cached_property
    def patches(self) -> Signal:
        """Log-mel patches of 250 ms, (patches, bands * frames)."""
        return patches.log_mel_patches(self.name, self.mono, self.sample_rate)

    @cached_property
    def quantiles(self) -> Signal:
        """Quantiles of the patches along random directions, (quantiles, directions)."""
        return patches.quantiles(self.patches)

    @cached_property
    def cqt_features(self) -> Signal:
        """Features of a random network on a constant-Q transform, (frames, features)."""
        return random_networks.cqt_features(self.name, self.mono, self.sample_rate)


DISTANCES: dict[str, Callable[[AnalysedSound, AnalysedSound], float]] = {
    "random_banks_db": lambda a, b: random_banks.distance_db(a.bank_statistics, b.bank_statistics),
    "scattering_db": lambda a, b: scattering.distance_db(a.scattering, b.scattering),
    "sliced_wasserstein": lambda a, b: patches.quantile_distance(a.quantiles, b.quantiles),
    "two_sample_accuracy": lambda a, b: patches.classifier_accuracy(a.patches, b.patches),
    "cqt_gram_loss": lambda a, b: random_networks.cqt_loss(a.cqt_features, b.cqt_features),
}
PANEL: tuple[str, ...] = tuple(DISTANCES)
SHORTEST_SECONDS = patches.SHORTEST_SECONDS


def panel(
    output: npt.NDArray[Any],
    style: npt.NDArray[Any] | AnalysedSound,
    sample_rate: float,
    *,
    figures: Sequence[str] = PANEL,
) -> dict[str, float]:
    """Measure how far a sound is from a style, by measures that nothing in astfx optimises.

    Parameters
    ----------
    output : ndarray of shape (samples,) or (channels, samples)
        At least two seconds; channels are averaged.
    style : ndarray or AnalysedSound
        At least two seconds. It may differ from the output in length and level.
    sample_rate : float
        Of both, in Hz.
    figures : sequence of str
        Names from `PANEL`, in the order wanted. By default all of them.

    Returns
    -------
    dict of str to float
        Lower is closer in every figure. Read each beside the `panel_anchors`.

    Raises
    ------
    AudioTypeError, InvalidAudioError
        If a sound is shorter than two seconds, the style is silent, or samples are not finite
        floating-point numbers.
    InvalidSettingError
        If a figure is unknown, the sample rate is out of range, or the style was analysed at
        another sample rate.
    """
    for figure in figures:
        if figure not in DISTANCES:
            raise InvalidSettingError(
                f"figure {figure!r} is unknown; choose from {', '.join(PANEL)}"
            )
    found = _long_enough(AnalysedSound(output, sample_rate, name="output"))
    wanted = _long_enough(analysed_style(style, sample_rate))
    return {figure: DISTANCES[figure](found, wanted) for figure in figures}


def panel_anchors(
    content: npt.NDArray[Any],
    style: npt.NDArray[Any] | AnalysedSound,
    sample_rate: float,
    *,
    figures: Sequence[str] = PANEL,
) -> dict[str, dict[str, float]]:
    """Measure the ends of the scale on which a render's panel is read.

    Parameters and errors are those of `panel`, except that the style must last four seconds.

    Returns
    -------
    dict of str to dict of str to float
        "floor": the second half of the style against its first half, which is as close as another
        part of the same sound is. "ceiling": the content as it is, against the style.
    """
    wanted = analysed_style(style, sample_rate)
    if wanted.seconds < 2.0 * SHORTEST_SECONDS:
        raise InvalidAudioError(
            f"{wanted.name} lasts {wanted.seconds:.3f} s; its halves are compared, so it must last "
            f"at least {2.0 * SHORTEST_SECONDS} s"
        )
    half = wanted.mono.size // 2
    first, second = wanted.mono[:half], wanted.mono[half:]
    return {
        "floor": panel(second, first, sample_rate, figures=figures),
        "ceiling": panel(content, wanted, sample_rate, figures=figures),
    }


def analysed_style(style: npt.NDArray[Any] | AnalysedSound, sample_rate: float) -> AnalysedSound:
    """Return a style as an `AnalysedSound`, and check that it is audible and of this sample rate.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        As in `panel`.
    """
    rate = check_sample_rate(sample_rate)
    sound = style if isinstance(style, AnalysedSound) else AnalysedSound(style, rate)
    if sound.sample_rate != rate:
        raise InvalidSettingError(
            f"sample_rate={sample_rate} must be the {sound.sample_rate:g} Hz at which the "
            f"{sound.name} was analysed"
        )
    audible(sound.name, sound.mono)
    return sound


def _long_enough(sound: AnalysedSound) -> AnalysedSound:
    if sound.seconds < SHORTEST_SECONDS:
        raise InvalidAudioError(
            f"{sound.name} lasts {sound.seconds:.3f} s; the panel needs at least "
            f"{SHORTEST_SECONDS} s"
        )
    return sound
