"""What the render engine gives a method, and what it makes of what the method gives back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import astfx
from astfx.audio import Waveform
from astfx.methods import Problem
from tests.engine.conftest import RATE, REACH_FRAMES, Register

LEVEL_TOLERANCE_DB = 1.0
OVERLAP_SECONDS = 1.0


def problems_of(register: Register, content: Waveform, style: Waveform) -> list[Problem]:
    """Every problem that a render in segments of two seconds gives the method."""
    found: list[Problem] = []

    def find(problem: Problem) -> Tensor:
        found.append(problem)
        return problem.content.clone()

    astfx.transfer(
        content,
        style,
        RATE,
        method=register(find),
        segment_seconds=2.0,
        overlap_seconds=OVERLAP_SECONDS,
    )
    return found


def test_frames_are_mirrored_at_both_ends_of_a_clip(
    register: Register, melody: Waveform, rain: Waveform
) -> None:
    """Every real frame then lies in as many patches as any other; nothing is mirrored inside."""
    first, *_, last = problems_of(register, melody, rain)
    edge = REACH_FRAMES - 1
    for frames in (first.content, first.start):
        torch.testing.assert_close(frames[:edge], frames[edge + 1 : 2 * edge + 1].flip(0))
        assert not torch.equal(frames[-edge:], frames[-2 * edge - 1 : -edge - 1].flip(0))
    for frames in (last.content, last.start):
        torch.testing.assert_close(frames[-edge:], frames[-2 * edge - 1 : -edge - 1].flip(0))
        assert not torch.equal(frames[:edge], frames[edge + 1 : 2 * edge + 1].flip(0))


def test_mirroring_goes_back_and_forth_in_a_clip_shorter_than_its_reach(
    register: Register, melody: Waveform, rain: Waveform
) -> None:
    (problem,) = problems_of(register, melody[:, RATE : RATE + 1], rain)
    frames = problem.content
    edge = REACH_FRAMES - 1
    n_real = len(frames) - 2 * edge
    assert 1 < n_real < edge  # the mirrored frames do not fit into the clip once
    there_and_back = [*range(n_real), *range(n_real - 2, 0, -1)]
    for place in range(-edge, n_real + edge):
        expected = frames[edge + there_and_back[place % len(there_and_back)]]
        torch.testing.assert_close(frames[edge + place], expected)


def test_a_segment_begins_with_the_last_ones_version_and_ends_with_its_own(
    register: Register, rain: Waveform
) -> None:
    """The level passes from one segment's to the next one's over the whole overlap."""
    content = 0.1 * np.random.default_rng(0).standard_normal((1, 4 * RATE))
    gains = iter([1.0, 10.0])

    def find(problem: Problem) -> Tensor:
        return torch.log1p(torch.expm1(problem.content) * next(gains))

    output = astfx.transfer(
        content,
        rain,
        RATE,
        method=register(find),
        segment_seconds=2.0,
        overlap_seconds=OVERLAP_SECONDS,
    )[0]
    window = RATE // 20
    power = np.square(output[: len(output) // window * window]).reshape(-1, window).mean(axis=1)
    level_db = 10.0 * np.log10(power)[4:-4]  # not where the clip begins and ends
    rise_db = float(level_db[-5:].mean() - level_db[:5].mean())
    assert rise_db == pytest.approx(20.0, abs=LEVEL_TOLERANCE_DB)
    assert np.diff(level_db).min() > -LEVEL_TOLERANCE_DB
    assert np.diff(level_db).max() < 0.2 * rise_db
    passing = (level_db > level_db[:5].mean() + 1.0) & (level_db < level_db[-5:].mean() - 1.0)
    assert passing.mean() * len(level_db) / 20 == pytest.approx(OVERLAP_SECONDS, abs=0.2)
