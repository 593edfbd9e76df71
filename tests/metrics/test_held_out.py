from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors, metrics
from astfx.metrics import held_out, patches, random_banks, random_networks, scattering
from astfx.metrics.held_out import PANEL, AnalysedSound, panel, panel_anchors
from benchmarks.swept_textures import SWEEPS

Signal = npt.NDArray[np.float64]

RATE = 22050
SHORT = round(1.5 * RATE)


def test_the_panel_gives_what_its_measures_give(melody: Signal, noise: Signal) -> None:
    output = melody + noise
    found = panel(output, noise, RATE)
    assert tuple(found) == PANEL
    for name, value in found.items():
        assert type(value) is float
        assert value == getattr(metrics, name)(output, noise, RATE), name


def test_a_sound_against_itself_is_at_the_end_of_every_scale(noise: Signal) -> None:
    assert panel(noise, noise, RATE) == {
        "random_banks_db": -100.0,
        "scattering_db": -100.0,
        "sliced_wasserstein": 0.0,
        "two_sample_accuracy": 0.5,
        "cqt_gram_loss": pytest.approx(0.0, abs=1e-9),
    }


def test_figures_are_given_in_the_order_wanted(melody: Signal, noise: Signal) -> None:
    wanted = ("scattering_db", "random_banks_db")
    assert tuple(panel(melody, noise, RATE, figures=wanted)) == wanted


def test_an_analysed_style_gives_the_same_and_is_analysed_once(
    melody: Signal, noise: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = panel(melody, noise, RATE)
    names: list[str] = []

    def counted(module: Any, function: str) -> None:
        original = getattr(module, function)

        def count(name: str, *arguments: Any, **keywords: Any) -> Any:
            names.append(f"{function} {name}")
            return original(name, *arguments, **keywords)

        monkeypatch.setattr(module, function, count)

    counted(random_banks, "bank_statistics")
    counted(scattering, "scattering")
    counted(patches, "log_mel_patches")
    counted(random_networks, "cqt_features")
    style = AnalysedSound(noise, RATE)
    assert names == []  # nothing is analysed before it is needed
    for _ in range(3):
        assert panel(melody, style, RATE) == expected
    assert len(names) == 4 * (1 + 3)
    for function in ("bank_statistics", "scattering", "log_mel_patches", "cqt_features"):
        assert names.count(f"{function} style") == 1
        assert names.count(f"{function} output") == 3


def test_an_analysed_sound_knows_its_shape(noise: Signal) -> None:
    sound = AnalysedSound(np.stack([noise, -0.5 * noise]), RATE)
    assert sound.waveform.shape == (2, noise.size)
    assert sound.seconds == 4.0
    np.testing.assert_allclose(sound.mono, 0.25 * noise)


def test_the_anchors_are_half_against_half_and_the_content(melody: Signal, noise: Signal) -> None:
    found = panel_anchors(melody, noise, RATE)
    half = noise.size // 2
    assert found["floor"] == panel(noise[half:], noise[:half], RATE)
    assert found["ceiling"] == panel(melody, noise, RATE)
    for name in PANEL:
        assert found["floor"][name] < found["ceiling"][name]
    whole = metrics.anchors(melody, noise, RATE, figures=PANEL)
    assert (whole["floor"], whole["content"]) == (found["floor"], found["ceiling"])


SEEN_BY = {
    "density": ("random_banks_db", "scattering_db", "sliced_wasserstein", "two_sample_accuracy"),
    "brightness": PANEL,
    "modulation rate": PANEL,
    "irregularity": ("random_banks_db", "scattering_db"),
    "direction of glides": ("scattering_db",),
}


@pytest.mark.parametrize("name", SEEN_BY)
def test_the_right_texture_is_nearer_than_both_ends_of_a_sweep(name: str) -> None:
    """docs/measured/measures.md has the whole sweeps, with several takes."""
    sweep = next(each for each in SWEEPS if each.name == name)
    style = AnalysedSound(sweep.take(sweep.middle, 100), RATE)
    low, right, high = (
        panel(sweep.take(index, 7), style, RATE, figures=SEEN_BY[name])
        for index in (0, sweep.middle, len(sweep.values) - 1)
    )
    for figure in SEEN_BY[name]:
        assert right[figure] < min(low[figure], high[figure]), figure


def test_takes_of_a_sweep_repeat_exactly_and_differ_by_seed_and_value() -> None:
    sweep = SWEEPS[0]
    np.testing.assert_array_equal(sweep.take(2, 5), sweep.take(2, 5))
    assert not np.array_equal(sweep.take(2, 5), sweep.take(2, 6))
    assert not np.array_equal(sweep.take(2, 5), sweep.take(3, 5))
    assert sweep.take(2, 5).shape == (1, 10 * RATE)


def test_unknown_figures_are_refused(noise: Signal) -> None:
    message = "figure 'standard_bank_db' is unknown; choose from random_banks_db, scattering_db"
    with pytest.raises(errors.InvalidSettingError, match=message):
        panel(noise, noise, RATE, figures=("standard_bank_db",))


def test_sounds_that_are_too_short_are_refused(noise: Signal) -> None:
    with pytest.raises(
        errors.InvalidAudioError, match=re.escape("output lasts 1.500 s; the panel needs at least")
    ):
        panel(noise[:SHORT], noise, RATE)
    with pytest.raises(
        errors.InvalidAudioError,
        match=re.escape("style lasts 1.500 s; the panel needs at least 2.0 s"),
    ):
        panel(noise, noise[:SHORT], RATE)
    with pytest.raises(
        errors.InvalidAudioError,
        match=re.escape(
            "style lasts 3.000 s; its halves are compared, so it must last at least 4.0 s"
        ),
    ):
        panel_anchors(noise, noise[: 2 * SHORT], RATE)


def test_silent_styles_are_refused_and_silent_outputs_are_not(noise: Signal) -> None:
    silence = np.zeros(3 * RATE)
    with pytest.raises(errors.InvalidAudioError, match="style is silent: a distance to silence"):
        panel(noise, silence, RATE)
    assert all(np.isfinite(value) for value in panel(silence, noise, RATE).values())


def test_another_sample_rate_than_that_of_the_analysis_is_refused(noise: Signal) -> None:
    message = "sample_rate=44100 must be the 22050 Hz at which the style was analysed"
    with pytest.raises(errors.InvalidSettingError, match=message):
        panel(noise, AnalysedSound(noise, RATE), 44100)


def test_what_is_no_audio_is_refused(noise: Signal) -> None:
    with pytest.raises(errors.AudioTypeError, match="output is a list; pass a NumPy array"):
        panel([0.0], noise, RATE)  # type: ignore[arg-type]
    broken = noise.copy()
    broken[5] = np.nan
    with pytest.raises(errors.InvalidAudioError, match="style holds 1 samples that are NaN"):
        AnalysedSound(broken, RATE)
    with pytest.raises(errors.InvalidSettingError, match="sample_rate=0 must be a number from"):
        AnalysedSound(noise, 0)
    assert held_out.SHORTEST_SECONDS == 2.0
