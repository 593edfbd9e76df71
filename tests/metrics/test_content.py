from __future__ import annotations

import re
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors
from astfx.metrics import content
from astfx.runtime.librosa_import import import_librosa

Signal = npt.NDArray[np.float64]
Metric = Callable[[Signal, Signal, float], float]

librosa = import_librosa()
RATE = 22050
STRUCK = 0.65  # less than 1, because noise fluctuates between the strikes
UNRELATED = 0.25  # correlation of a melody with noise
QUICK: tuple[Metric, ...] = (
    content.onset_correlation,
    content.log_rms_correlation,
    content.chroma_cosine,
    content.mel_correlation,
)


def clicks(times_seconds: npt.ArrayLike, seconds: float = 4.0) -> Signal:
    """Short bursts at some times, over a faint noise."""
    rng = np.random.default_rng(3)
    out = 1e-4 * rng.standard_normal(round(seconds * RATE))
    burst = rng.standard_normal(RATE // 20) * np.exp(-np.linspace(0.0, 6.0, RATE // 20))
    for time in np.atleast_1d(times_seconds):
        start = round(float(time) * RATE)
        out[start : start + burst.size] += burst
    return out


EIGHT = 0.25 + 0.45 * np.arange(8)


@pytest.mark.parametrize(
    "metric", [*QUICK, content.onset_f1, content.pitch_agreement, content.estoi]
)
def test_the_content_itself_scores_one(metric: Metric, melody: Signal) -> None:
    assert metric(melody, melody, RATE) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    "metric", [content.onset_correlation, content.log_rms_correlation, content.mel_correlation]
)
def test_noise_has_none_of_the_content(metric: Metric, melody: Signal, noise: Signal) -> None:
    assert abs(metric(noise, melody, RATE)) < UNRELATED


def test_rhythm_survives_where_every_note_is_struck_on_noise(melody: Signal, noise: Signal) -> None:
    envelope = np.tile(np.exp(-6.0 * np.arange(RATE // 2) / RATE), 8)
    struck = noise * envelope
    assert content.onset_correlation(struck, melody, RATE) > STRUCK
    assert content.log_rms_correlation(struck, melody, RATE) > 0.95
    late = np.roll(struck, RATE // 4)
    assert content.onset_correlation(late, melody, RATE) < 0.1


def test_the_shorter_sound_decides_the_length(melody: Signal) -> None:
    for metric in QUICK:
        assert metric(melody[: 2 * RATE], melody, RATE) == pytest.approx(1.0, abs=1e-6)


def test_harmony_is_heard_by_chroma(melody: Signal) -> None:
    time = np.arange(4 * RATE) / RATE

    def chord(*notes_hz: float) -> Signal:
        return np.asarray(np.sin(2 * np.pi * np.outer(notes_hz, time)).sum(axis=0))

    c_major = chord(261.63, 329.63, 392.0)
    octave_up = chord(523.25, 659.26, 783.99)
    f_sharp = chord(369.99, 466.16, 554.37)
    assert content.chroma_cosine(octave_up, c_major, RATE) > 0.9
    assert content.chroma_cosine(f_sharp, c_major, RATE) < 0.4


def test_chroma_falls_as_a_chord_is_detuned() -> None:
    # If the tuning were estimated for each sound, a detuning of 30 cents would not lower chroma.
    time = np.arange(2 * RATE) / RATE
    notes_hz = np.array([261.63, 329.63, 392.0])

    def chord(cents: float) -> Signal:
        detuned_hz = notes_hz * 2 ** (cents / 1200)
        return np.asarray(np.sin(2 * np.pi * np.outer(detuned_hz, time)).sum(axis=0))

    cosines = [content.chroma_cosine(chord(cents), chord(0.0), RATE) for cents in (0, 30, 60, 100)]
    assert cosines[0] == pytest.approx(1.0, abs=1e-6)
    assert np.all(np.diff(cosines) < -0.03)
    assert cosines[-1] < 0.4


@pytest.mark.parametrize(("cents", "expected"), [(0.0, 1.0), (35.0, 1.0), (80.0, 0.0)])
def test_pitch_agrees_within_50_cents(cents: float, expected: float) -> None:
    time = np.arange(RATE) / RATE

    def voice(pitch_hz: float) -> Signal:
        harmonics = np.arange(1.0, 6.0)
        partials = np.sin(2 * np.pi * pitch_hz * np.outer(harmonics, time)) / harmonics[:, None]
        return np.asarray(partials.sum(axis=0))

    shifted = voice(220.0 * 2.0 ** (cents / 1200.0))
    assert content.pitch_agreement(shifted, voice(220.0), RATE) == pytest.approx(expected, abs=0.05)


def test_pitch_agreement_is_nan_without_a_voiced_frame(melody: Signal) -> None:
    hiss = np.random.default_rng(2).standard_normal(RATE)
    high = np.fft.rfft(hiss)
    high[: high.size // 2] = 0.0
    assert np.isnan(content.pitch_agreement(melody, np.fft.irfft(high, RATE), RATE))
    assert np.isnan(content.pitch_agreement(melody, np.zeros(RATE), RATE))


def test_silent_outputs_score_zero(melody: Signal) -> None:
    silence = np.zeros(melody.size)
    for metric in (*QUICK, content.pitch_agreement):
        assert metric(silence, melody, RATE) == pytest.approx(0.0, abs=1e-9)


def test_figures_hold_at_other_sample_rates(melody: Signal, noise: Signal) -> None:
    from astfx.metrics._inputs import resample

    mixed = melody + noise
    for metric in QUICK:
        low = metric(mixed, melody, RATE)
        high = metric(resample(mixed, RATE, 48000), resample(melody, RATE, 48000), 48000)
        assert high == pytest.approx(low, abs=0.01)


def test_onset_envelope_equals_librosa(melody: Signal) -> None:
    expected = librosa.onset.onset_strength(y=melody.astype(np.float32), sr=RATE)
    np.testing.assert_allclose(content._onset_envelope(melody), expected, atol=1e-3)


def test_onsets_are_those_of_librosa(melody: Signal) -> None:
    expected = librosa.onset.onset_detect(y=melody.astype(np.float32), sr=RATE, units="time")
    np.testing.assert_allclose(content._onset_seconds(melody), expected)


def test_onsets_are_found_where_they_are() -> None:
    np.testing.assert_allclose(content._onset_seconds(clicks(EIGHT)), EIGHT, atol=0.05)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (EIGHT, 1.0),
        (EIGHT + 0.023, 1.0),
        (EIGHT + 0.2, 0.0),
        (EIGHT[::2], 2 / 3),  # all right, half of them found
        (np.sort([*EIGHT, *(EIGHT + 0.2)]), 2 / 3),  # all found, half of them right
        (EIGHT[:1], 2 / 9),
    ],
)
def test_f1_counts_onsets_within_50_ms(times: Signal, expected: float) -> None:
    assert content.onset_f1(clicks(times), clicks(EIGHT), RATE) == pytest.approx(expected)


def test_the_level_of_an_onset_does_not_count_for_f1() -> None:
    quieter = clicks(EIGHT) * np.repeat([1.0, 0.3], 2 * RATE)
    assert content.onset_f1(quieter, clicks(EIGHT), RATE) == 1.0
    assert content.onset_correlation(quieter, clicks(EIGHT), RATE) < 1.0 - 1e-3


def test_without_onsets_f1_is_nan_for_the_content_and_zero_for_the_output(melody: Signal) -> None:
    silence = np.zeros(melody.size)
    assert np.isnan(content.onset_f1(melody, silence, RATE))
    assert content.onset_f1(silence, melody, RATE) == 0.0


def test_f1_without_mir_eval_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, melody: Signal
) -> None:
    for name in ("mir_eval", "mir_eval.onset"):
        monkeypatch.setitem(sys.modules, name, None)
    message = (
        "the F1 score of onsets needs mir_eval, which is not installed: "
        'pip install "astfx[metrics]"'
    )
    with pytest.raises(errors.MissingDependencyError, match=re.escape(message)):
        content.onset_f1(melody, melody, RATE)


def test_frame_rms_equals_librosa(melody: Signal) -> None:
    np.testing.assert_allclose(
        content._frame_rms(melody, floor=0.0), librosa.feature.rms(y=melody)[0], atol=1e-7
    )


def test_estoi_falls_with_noise(melody: Signal, noise: Signal) -> None:
    clear = content.estoi(melody + 0.1 * noise, melody, RATE)
    buried = content.estoi(0.1 * melody + noise, melody, RATE)
    assert buried < clear < 1.0


def test_estoi_without_pystoi_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, melody: Signal
) -> None:
    monkeypatch.setitem(sys.modules, "pystoi", None)
    message = 'ESTOI needs pystoi, which is not installed: pip install "astfx[metrics]"'
    with pytest.raises(errors.MissingDependencyError, match=re.escape(message)):
        content.estoi(melody, melody, RATE)


def test_estoi_refuses_too_little_speech(melody: Signal) -> None:
    with pytest.raises(
        errors.InvalidAudioError, match=re.escape("content has less than 0.5 s that is not silent")
    ):
        content.estoi(melody[:8000], melody[:8000], RATE)


@pytest.mark.parametrize("metric", QUICK)
def test_short_sounds_are_refused(metric: Metric, melody: Signal) -> None:
    message = "output and content share 0.045 s; content figures need at least 0.25 s"
    with pytest.raises(errors.InvalidAudioError, match=re.escape(message)):
        metric(melody[:1000], melody, RATE)
