from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import astfx
from astfx import metrics
from astfx.audio import Waveform
from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.features.modulation import ALL_CLASSES, WaveformStatistics, distance_db
from astfx.methods import METHODS
from astfx.settings import make_options
from tests.conftest import Load
from tests.methods.conftest import LONG_GRID, MakeProblem

RATE = 22050
WITHIN_DB = 3.0
# Style distance of the published McDermott results (Grinstein et al. 2018), in dB.
PUBLISHED = [
    ("pachelbel", "cat_milk", -18.8),
    ("pachelbel", "man_speaking_english", -16.2),
    ("woman_speaking_french", "crickets", -4.4),
    ("woman_speaking_french", "man_speaking_english", -17.5),
]


@pytest.mark.slow
@pytest.mark.parametrize(("content", "style", "published_db"), PUBLISHED)
def test_published_results_are_reached(
    load: Load, content: str, style: str, published_db: float
) -> None:
    folder = "grinstein/content_style"
    source, target = load(f"{folder}/{content}"), load(f"{folder}/{style}")
    output = astfx.transfer(source, target, RATE, method="texture")
    assert metrics.mcdermott.standard_bank_db(output, target, RATE) < published_db + WITHIN_DB


def test_every_class_comes_nearer(melody: Waveform, rain: Waveform) -> None:
    before = metrics.class_snr_db(melody, rain, RATE)
    output = astfx.transfer(melody, rain, RATE, method="texture", iterations=30)
    after = metrics.class_snr_db(output, rain, RATE)
    assert all(after[name] > before[name] for name in before)
    assert np.mean(list(after.values())) > np.mean(list(before.values())) + 6.0


def test_from_noise_it_is_texture_synthesis(rain: Waveform, make_problem: MakeProblem) -> None:
    style = torch.from_numpy(rain[0])
    style = style / style.square().mean().sqrt() * 0.1
    problem = make_problem(
        "texture", style[: 2 * RATE], [style], grid=LONG_GRID, iterations=40,
        start="noise",
    )  # fmt: skip
    x = METHODS["texture"].match(problem).x
    assert x.shape == (2 * RATE,)
    measure = WaveformStatistics(2 * RATE, RATE, x.device)
    targets = [problem.targets[name] for name in ALL_CLASSES]
    assert float(distance_db(measure(x), targets, 1e-3)) < -8.0


def test_shorter_than_half_a_second_still_works(rain: Waveform) -> None:
    clip = np.ascontiguousarray(rain[:, : RATE // 5])
    output = astfx.transfer(clip, rain, RATE, method="texture", iterations=3)
    assert output.shape == clip.shape
    assert np.isfinite(output).all()


def test_a_style_too_short_is_refused(rain: Waveform) -> None:
    with pytest.raises(InvalidAudioError, match=r"a style of 0\.20 seconds is too short"):
        astfx.transfer(rain, rain[:, : RATE // 5], RATE, method="texture", iterations=1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"start": "style"}, "start='style' must be one of content, noise"),
    ({"classes": ("x",)}, "classes='x' must be one of envelope_mean"),
    ({"floor": 0.5}, "floor=0.5 must lie between 1e-08 and 0.1"),
    ({"optimiser": "sgd"}, "optimiser='sgd' must be one of lbfgs, adam"),
    ({"learning_rate": 11.0}, "learning_rate=11.0 must lie between 1e-06 and 10"),
    ({"noise_level": -1.0}, "noise_level=-1.0 must lie between 0 and 10"),
]


@pytest.mark.parametrize(("values", "message"), BAD)
def test_options_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        make_options(METHODS["texture"].options, "texture", values)
    assert str(caught.value).startswith(message)
