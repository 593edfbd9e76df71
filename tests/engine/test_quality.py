from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import astfx
from astfx import metrics
from astfx.audio import Waveform
from astfx.cli import runs
from astfx.cli.runs import score_files
from astfx.settings import position
from tests.conftest import Load, Run

RATE = 22050
PAIR = ("grinstein/content_style/pachelbel", "grinstein/content_style/bongo-loop")
ONSET_TOLERANCE = 0.02  # a smaller loss of onsets does not count beside the gain in style


def scores(output: Waveform, content: Waveform, style: Waveform) -> dict[str, float]:
    figures = (
        "random_banks_db",
        "scattering_db",
        "onset_correlation",
        "mel_correlation",
        "mel_db_frechet",
    )
    return metrics.score(output, content, style, RATE, figures=figures)


def test_texture_rounds_bring_the_style_and_the_contents_spectrum_nearer(
    melody: Waveform, rain: Waveform
) -> None:
    """Compared with a draft, which has no texture rounds. Onsets stay about as they are there."""
    draft = scores(astfx.transfer(melody, rain, RATE, quality="draft"), melody, rain)
    standard = scores(astfx.transfer(melody, rain, RATE), melody, rain)
    assert standard["random_banks_db"] < draft["random_banks_db"] - 5.0
    assert standard["mel_correlation"] > draft["mel_correlation"] + 0.1
    assert standard["onset_correlation"] > draft["onset_correlation"] - ONSET_TOLERANCE


def test_goals_of_a_published_pair_that_was_not_tuned_on(load: Load) -> None:
    """The result beats the published Shallow one in both style and content."""
    content, style = (load(name) for name in PAIR)
    found = scores(astfx.transfer(content, style, RATE), content, style)
    published = load("grinstein/published/shallow/pachelbel__bongo-loop")
    theirs = scores(published[:, : content.shape[1]], content, style)
    assert found["random_banks_db"] <= theirs["random_banks_db"] - 10.0
    assert found["scattering_db"] <= theirs["scattering_db"] - 6.0
    assert found["onset_correlation"] >= theirs["onset_correlation"]
    assert found["mel_correlation"] >= theirs["mel_correlation"]
    assert found["mel_db_frechet"] < theirs["mel_db_frechet"]


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "threads"), [(1.0, 1), (1.0 + 1e-4, 2)])
def test_the_goal_of_a_sparse_style_is_met_by_no_accident(
    load: Load, gain: float, threads: int
) -> None:
    folder = "grinstein/content_style"
    content, style = load(f"{folder}/woman_speaking_french"), load(f"{folder}/crickets")
    output = astfx.transfer(content * np.float32(gain), style, RATE, threads=threads)
    assert metrics.random_banks_db(output, style, RATE) <= -10.0
    assert metrics.scattering_db(output, style, RATE) <= -13.0


def test_speech_stays_intelligible_at_half_strength(load: Load) -> None:
    content, style = load("classic/gettysburg"), load("classic/fire")
    output = astfx.transfer(content, style, RATE, strength=0.5)
    before = metrics.random_banks_db(content, style, RATE)
    assert metrics.estoi(output, content, RATE) >= 0.5
    assert metrics.random_banks_db(output, style, RATE) <= before - 5.0


@pytest.mark.slow
def test_nine_steps_of_strength_fall_in_style_and_content(load: Load) -> None:
    content, style = (load(name) for name in PAIR)
    found = [
        scores(astfx.transfer(content, style, RATE, strength=float(s)), content, style)
        for s in np.linspace(0.0, 1.0, 9)
    ]
    for figure in ("random_banks_db", "mel_correlation"):
        values = [step[figure] for step in found]
        assert values == sorted(values, reverse=True), figure


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_position_is_monotone_between_the_ends(strength: float) -> None:
    assert 0.0 <= position(strength) <= 1.0
    assert position(0.0) == 0.0
    assert position(1.0) == 1.0
    if 0.0 < strength < 1.0:
        assert position(strength - 0.05) < position(strength) < position(strength + 0.05)


def test_strength_near_one_is_near_the_full_result(melody: Waveform, rain: Waveform) -> None:
    melody = melody[:, : 2 * RATE]
    full = astfx.transfer(melody, rain, RATE)
    near = astfx.transfer(melody, rain, RATE, strength=0.999)
    assert np.square(near - full).sum() < 0.01 * np.square(full).sum()


def test_less_strength_is_better_than_a_mixture_with_the_full_result(
    melody: Waveform, rain: Waveform
) -> None:
    """Strength that changes over time mixes the content with the result at full strength."""
    chosen = scores(astfx.transfer(melody, rain, RATE, strength=0.8), melody, rain)
    mixing = astfx.StyleTransfer(
        rain,
        style_sample_rate=RATE,
        engine="render",
        strength=astfx.Automation([(0.0, 0.65), (10.0, 0.65)]),
    )
    mixed = scores(mixing(melody, RATE), melody, rain)
    assert chosen["mel_correlation"] > mixed["mel_correlation"]
    assert chosen["random_banks_db"] < mixed["random_banks_db"] - 1.0


def test_strength_near_zero_is_near_the_content(melody: Waveform, rain: Waveform) -> None:
    melody = melody[:, : 2 * RATE]
    near = astfx.transfer(melody, rain, RATE, strength=0.001)
    assert np.square(near - melody).sum() < 0.01 * np.square(melody).sum()


@pytest.mark.parametrize("quality", ["draft", "standard", "best"])
@pytest.mark.parametrize("n_samples", [300, RATE])
def test_every_quality_takes_any_length(
    quality: str, n_samples: int, melody: Waveform, rain: Waveform
) -> None:
    output = astfx.transfer(melody[:, :n_samples], rain, RATE, quality=quality)
    assert output.shape == (1, n_samples)
    assert np.isfinite(output).all()


def test_stereo_correlation_is_kept(load: Load) -> None:
    """A nearly mono recording stays nearly mono, although its noise floor is raised."""
    from tests.conftest import SHARED

    data, rate = soundfile.read(
        SHARED / "data" / "classic" / "gettysburg.mp3", dtype="float32", always_2d=True
    )
    content = np.ascontiguousarray(data.T[:, : 5 * rate])
    style = load("classic/fire", rate)
    output = astfx.transfer(content, style, rate)
    kept = [metrics.stereo_correlation(clip) for clip in (content, output)]
    assert kept[1] == pytest.approx(kept[0], abs=0.1)


def test_score_prints_a_table_and_json(
    run: Run, tmp_path: Path, melody: Waveform, rain: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {}
    for name, clip in (("output", melody), ("content", melody), ("style", rain)):
        paths[name] = str(tmp_path / f"{name}.wav")
        soundfile.write(paths[name], clip[0, : 2 * RATE], RATE)
    arguments = ("score", paths["output"], "-c", paths["content"], "-s", paths["style"])

    found: list[Any] = []

    def scored(*given: Any, **keywords: Any) -> Any:
        if not found:
            found.append(score_files(*given, **keywords))
        return found[0]

    # The same files twice: they are scored once.
    monkeypatch.setattr(runs, "score_files", scored)
    code, printed, _ = run(*arguments)
    assert code == 0
    for name in ("figure", "floor", *metrics.FIGURES):
        assert name in printed
    data = json.loads(run(*arguments, "--json")[1])
    assert data["output"]["onset_correlation"] == pytest.approx(1.0)
    assert data["output"] == data["content"]
    assert data["style"]["standard_bank_db"] == -100.0
