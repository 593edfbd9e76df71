"""The levels, silences, progress and timings of one render."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx.audio import ArraySource, Waveform
from astfx.engine.render import Render
from astfx.methods import Problem
from astfx.runtime.progress import Progress
from astfx.settings import Settings
from astfx.styles.style import Style
from tests.engine.conftest import RATE, Register

LEVEL_TOLERANCE_DB = 1.0
MATCHING_SECONDS = 3.0
ITERATIONS = 4


def noise(n_samples: int) -> Waveform:
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((1, n_samples))).astype(np.float32)


def rendered(
    method: str, content: Waveform, progress: Progress | None = None
) -> tuple[Waveform, Render]:
    source = ArraySource(content, RATE, "content")
    settings = Settings(method=method, iterations=ITERATIONS, phase_iterations=0)
    with Render(source, Style.of(noise(RATE), RATE), settings, progress=progress) as render:
        return np.concatenate(list(render.blocks()), axis=1), render


def times(gain: float) -> Callable[[Problem], Tensor]:
    """A method that makes the content louder by a gain."""
    return lambda problem: torch.log1p(torch.expm1(problem.content) * gain)


@pytest.mark.parametrize("gain_db", [-20.0, 0.0, 20.0])
def test_what_a_method_changes_in_loudness_is_undone_and_reported(
    register: Register, gain_db: float
) -> None:
    content = noise(RATE)
    output, render = rendered(register(times(10.0 ** (gain_db / 20.0))), content)
    assert render.report.gain_db == pytest.approx(-gain_db, abs=LEVEL_TOLERANCE_DB)
    change_db = 10.0 * np.log10(np.square(output).mean() / np.square(content).mean())
    assert change_db == pytest.approx(0.0, abs=LEVEL_TOLERANCE_DB)


def test_a_method_that_sounds_in_silence_is_not_heard_there(register: Register) -> None:
    content = noise(2 * RATE)
    content[:, RATE // 2 : 3 * RATE // 2] = 0.0
    output, _ = rendered(register(lambda problem: torch.full_like(problem.content, 1.0)), content)
    beside = RATE // 10
    assert not output[:, RATE // 2 + beside : 3 * RATE // 2 - beside].any()
    assert output[:, : RATE // 2].any()
    assert output[:, -RATE // 2 :].any()


def test_the_progress_rises_evenly_while_a_segment_is_matched(register: Register) -> None:
    seen: list[float] = []

    def find(problem: Problem) -> Tensor:
        assert problem.callback is not None
        for iteration in range(1, problem.iterations + 1):
            problem.callback(iteration, 0.0)
        return problem.content.clone()

    rendered(register(find), noise(RATE), seen.append)
    steps = np.diff([0.0, *seen[:ITERATIONS]])
    assert steps.min() > 0.0
    np.testing.assert_allclose(steps, steps[0])
    assert seen[ITERATIONS - 1] < seen[-1] == 1.0  # the phase comes after matching


def test_matching_and_finding_the_phase_are_timed_apart(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("astfx.engine.stylise.time.monotonic", lambda: now[0])

    def find(problem: Problem) -> Tensor:
        now[0] += MATCHING_SECONDS
        return problem.content.clone()

    _, render = rendered(register(find), noise(RATE))
    (segment,) = render.report.segments
    assert segment.match_seconds == MATCHING_SECONDS
    assert segment.phase_seconds == 0.0
