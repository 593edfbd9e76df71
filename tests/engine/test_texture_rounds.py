"""The plan of the texture rounds: matches among them, and the levels that they begin with."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch

import astfx
from astfx import metrics
from astfx.audio import Waveform
from astfx.engine import texture_rounds
from astfx.engine.texture_rounds import TextureRounds, _affordable, _costs
from astfx.features.envelope_bank import EnvelopeBank
from astfx.features.texture_layout import ROUND_LAYOUTS
from astfx.methods import METHODS

RATE = 22050


@pytest.mark.parametrize(("quality", "matches"), [("draft", 0), ("standard", 1), ("best", 3)])
def test_the_method_matches_again_every_six_rounds_from_the_end(
    quality: str, matches: int, melody: Waveform, rain: Waveform
) -> None:
    with patch.object(TextureRounds, "_matched", autospec=True) as matched:
        matched.side_effect = lambda rounds, waveform, content: waveform
        astfx.transfer(melody[:, : 2 * RATE], rain, RATE, quality=quality)
    assert matched.call_count == matches


def mean_levels(clip: Waveform) -> torch.Tensor:
    """Mean envelopes of the bands, relative to their mean, as logarithms."""
    spectrum = torch.fft.rfft(torch.from_numpy(clip))
    bank = EnvelopeBank(clip.shape[1], RATE, torch.device("cpu"), ROUND_LAYOUTS[0])
    mean = bank.envelopes(bank.split(spectrum)).mean(dim=1)
    return torch.log(mean / mean.mean())


def test_a_round_without_iterations_brings_the_styles_levels(
    melody: Waveform, rain: Waveform
) -> None:
    """A round begins with a static gain of each band."""
    errors = []
    for rounds in ((), (0, 0, 0)):
        method = replace(METHODS["gram"], texture_rounds={"standard": rounds})
        with patch.dict(METHODS, gram=method):
            output = astfx.transfer(melody, rain, RATE, iterations=2)
        errors.append(float((mean_levels(output) - mean_levels(rain)).abs().mean()))
    assert errors[1] < 0.2 * errors[0]
    assert np.isfinite(errors).all()


def test_a_budget_leaves_out_rounds_before_the_last_ones() -> None:
    rounds = METHODS["gram"].texture_rounds["best"]
    costs = _costs(rounds)
    assert _affordable(costs, 1, sum(costs[1:])) == 1
    half = _affordable(costs, 1, 0.5 * sum(costs[1:]))
    assert half % 2 == 1
    assert sum(costs[half:]) <= 0.5 * sum(costs[1:]) < sum(costs[half - 2 :])
    assert _affordable(costs, 1, 0.0) == len(rounds) - 2  # it goes on until the time is up
    assert _affordable(costs, 2, 0.0) == len(rounds) - 1


def test_a_few_rounds_of_best_beat_a_draft_by_far(melody: Waveform, rain: Waveform) -> None:
    """The last rounds are done, and a match among those that were left out is made up for."""
    with patch.object(texture_rounds, "_affordable", lambda _, number, __: min(number + 4, 24)):
        short = astfx.transfer(melody, rain, RATE, quality="best", budget_seconds=600.0)
    draft = astfx.transfer(melody, rain, RATE, quality="draft")
    distances = [metrics.random_banks_db(x, rain, RATE) for x in (short, draft)]
    assert distances[0] < distances[1] - 5.0
