from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors, metrics
from astfx.metrics import report

Signal = npt.NDArray[np.float64]

RATE = 22050
CHANCE_DB = 1.5  # between two halves of the same noise
QUICK = tuple(name for name in metrics.FIGURES if name not in ("pitch_agreement", "estoi"))


def test_every_figure_is_given_for_stereo_and_another_style_rate(
    melody: Signal, noise: Signal
) -> None:
    from astfx.metrics._inputs import resample

    output = np.stack([melody + noise, melody - noise])[:, : 2 * RATE].astype(np.float32)
    style = resample(noise, RATE, 16000)
    figures = metrics.score(output, melody, style, RATE, 16000)
    assert tuple(figures) == metrics.FIGURES
    assert all(type(value) is float for value in figures.values())
    assert all(np.isfinite(value) for value in figures.values())
    assert -1.0 < figures["stereo_correlation"] < 1.0
    assert figures["mel_correlation"] == pytest.approx(1.0)  # the mono mix is the melody
    assert figures["clipping_share"] == figures["non_finite"] == 0.0


def test_score_gives_what_the_metrics_give(melody: Signal, noise: Signal) -> None:
    output = melody + noise
    figures = metrics.score(output, melody, noise, RATE, figures=QUICK)
    assert figures["random_banks_db"] == metrics.random_banks_db(output, noise, RATE)
    assert figures["onset_f1"] == metrics.onset_f1(output, melody, RATE)
    assert figures["standard_bank_db"] == metrics.standard_bank_db(output, noise, RATE)
    assert figures["style_distance"] == metrics.style_distance(output, noise, RATE)
    assert figures["gram_loss"] == metrics.gram_loss(output, noise, RATE, relative=True)
    assert figures["onset_correlation"] == metrics.onset_correlation(output, melody, RATE)
    assert figures["largest_copy"] == metrics.largest_copy(output, noise, RATE)


def test_a_style_at_another_rate_is_resampled(melody: Signal, noise: Signal) -> None:
    from astfx.metrics._inputs import resample

    names = ("standard_bank_db",)
    same = metrics.score(melody, melody, noise, RATE, figures=names)
    other = metrics.score(
        melody, melody, resample(noise, RATE, 2 * RATE), RATE, 2 * RATE, figures=names
    )
    assert other["standard_bank_db"] == pytest.approx(same["standard_bank_db"], abs=0.5)


def test_broken_samples_leave_only_their_count(melody: Signal, noise: Signal) -> None:
    output = melody.copy()
    output[100:103] = np.nan
    figures = metrics.score(output, melody, noise, RATE)
    assert figures.pop("non_finite") == 3.0
    assert all(np.isnan(value) for value in figures.values())


def test_silence_is_scored(melody: Signal, noise: Signal) -> None:
    figures = metrics.score(np.zeros(2 * RATE), melody, noise, RATE, figures=QUICK)
    assert all(np.isfinite(value) for value in figures.values())
    assert np.isnan(metrics.score(np.zeros(RATE), melody, noise, RATE, figures=["estoi"])["estoi"])


def test_surround_is_scored_without_a_stereo_figure(melody: Signal, noise: Signal) -> None:
    surround = np.stack([melody] * 6)
    figures = metrics.score(
        surround, melody, noise, RATE, figures=["stereo_correlation", "mel_correlation"]
    )
    assert np.isnan(figures["stereo_correlation"])
    assert figures["mel_correlation"] == pytest.approx(1.0)


@pytest.mark.parametrize(("figure", "package"), [("estoi", "pystoi"), ("onset_f1", "mir_eval")])
def test_figures_of_packages_that_are_not_installed_are_nan(
    figure: str, package: str, monkeypatch: pytest.MonkeyPatch, melody: Signal, noise: Signal
) -> None:
    def find_none(name: str) -> Any:
        assert name == package

    assert metrics.score(melody, melody, noise, RATE, figures=[figure])[figure] > 0.99
    monkeypatch.setattr(importlib.util, "find_spec", find_none)
    assert np.isnan(metrics.score(melody, melody, noise, RATE, figures=[figure])[figure])


def test_patches_have_no_figure_below_two_seconds(melody: Signal, noise: Signal) -> None:
    short = round(1.5 * RATE)
    for output, style in ((melody[:short], noise), (melody, noise[:short])):
        found = metrics.score(output, melody, style, RATE, figures=metrics.PANEL)
        missing = {name for name, value in found.items() if np.isnan(value)}
        assert missing == {"sliced_wasserstein", "two_sample_accuracy"}


def test_the_panel_comes_first_and_is_that_of_held_out(melody: Signal, noise: Signal) -> None:
    assert metrics.FIGURES[: len(metrics.PANEL)] == metrics.PANEL
    found = metrics.score(melody, melody, noise, RATE, figures=metrics.PANEL)
    assert found == metrics.panel(melody, noise, RATE)


def test_an_analysed_style_gives_the_same_scores_and_anchors(melody: Signal, noise: Signal) -> None:
    names = ("random_banks_db", "standard_bank_db", "largest_copy", "mel_correlation")
    sound = metrics.AnalysedSound(noise, RATE)
    assert metrics.score(melody, melody, sound, RATE, figures=names) == metrics.score(
        melody, melody, noise, RATE, figures=names
    )
    assert metrics.anchors(melody, sound, RATE, figures=names) == metrics.anchors(
        melody, noise, RATE, figures=names
    )
    message = "sample_rate=44100.0 must be the 22050 Hz at which the style was analysed"
    with pytest.raises(errors.InvalidSettingError, match=message):
        metrics.score(melody, melody, sound, 44100)


def test_a_silent_style_is_refused(melody: Signal) -> None:
    with pytest.raises(errors.InvalidAudioError, match="style is silent: a distance to silence"):
        metrics.score(melody, melody, np.zeros(2 * RATE), RATE, figures=["mel_correlation"])


def test_anchors_bracket_a_render(melody: Signal, noise: Signal) -> None:
    names = ("standard_bank_db", "style_distance", "largest_copy", "mel_correlation")
    found = metrics.anchors(melody, noise, RATE, figures=names)
    assert tuple(found) == ("content", "style", "floor")
    assert found["content"]["mel_correlation"] == 1.0
    assert found["style"]["standard_bank_db"] == -100.0
    assert found["style"]["largest_copy"] == pytest.approx(1.0, abs=1e-6)
    assert found["floor"]["style_distance"] < CHANCE_DB < found["content"]["style_distance"]
    half = noise.size // 2
    expected = metrics.standard_bank_db(noise[half:], noise[:half], RATE)
    assert found["floor"]["standard_bank_db"] == expected


def test_unknown_figures_and_rates_are_refused(melody: Signal) -> None:
    with pytest.raises(
        errors.InvalidSettingError,
        match="figure 'loudness' is unknown; choose from random_banks_db",
    ):
        metrics.score(melody, melody, melody, RATE, figures=["loudness"])
    message = "style_sample_rate=1 must be a number from 2000 to"
    with pytest.raises(errors.InvalidSettingError, match=message):
        metrics.score(melody, melody, melody, RATE, 1)
    with pytest.raises(errors.InvalidSettingError, match=message):
        metrics.anchors(melody, melody, RATE, 1)


def test_public_names_exist_and_are_documented() -> None:
    for name in metrics.__all__:
        member = getattr(metrics, name)
        if callable(member):
            assert member.__doc__
    assert report.FIGURES is metrics.FIGURES


def test_importing_metrics_is_quick_work() -> None:
    slow = {"torch", "librosa", "pystoi", "mir_eval", "sklearn"}
    code = f"import sys, astfx.metrics; print({slow} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_first_half_minute_of_long_sounds_is_measured() -> None:
    rng = np.random.default_rng(0)
    rate, names = 4000, ("standard_bank_db", "log_rms_correlation", "clipping_share")
    cut = round(report.MEASURED_SECONDS * rate)
    long = rng.standard_normal((3, cut + 4 * rate))
    long[:, cut:] *= 1e3
    for style in (long[2], metrics.AnalysedSound(long[2], rate)):
        found = metrics.score(long[0], long[1], style, rate, figures=names)
        short = metrics.score(long[0, :cut], long[1, :cut], long[2, :cut], rate, figures=names)
        assert found == short
    half = rng.standard_normal(2 * cut)  # a style at another sample rate
    whole = metrics.score(long[0], long[1], half, rate, 2 * rate, figures=names)
    longer = np.concatenate([half, half])
    assert metrics.score(long[0], long[1], longer, rate, 2 * rate, figures=names) == whole
