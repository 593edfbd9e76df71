from __future__ import annotations

from typing import Any

import pytest
import torch

from astfx.methods import METHODS
from astfx.methods.spectrum_ensemble import envelope, stretched
from tests.methods.conftest import LONG_GRID, MakeProblem, noise_frames


def test_envelopes_are_roots_of_mean_energy() -> None:
    frames = torch.tensor([[3.0, 1.0], [1.0, 7.0]])
    torch.testing.assert_close(envelope(frames, "frequency"), torch.tensor([5.0, 25.0]).sqrt())
    torch.testing.assert_close(envelope(frames, "time"), torch.tensor([5.0, 25.0]).sqrt())


def test_a_stretched_line_is_a_line() -> None:
    torch.testing.assert_close(stretched(torch.linspace(0, 1, 5), 9), torch.linspace(0, 1, 9))


@pytest.mark.parametrize(("weight", "role"), [("gamma", "frequency"), ("delta", "time")])
@pytest.mark.parametrize("source", ["content", "style"])
def test_an_envelope_alone_is_met(
    weight: str, role: str, source: str, make_problem: MakeProblem
) -> None:
    """With the other three weights at zero, the envelope is the only loss."""
    content, style = noise_frames(40, 1, LONG_GRID), noise_frames(40, 0, LONG_GRID) + 1.0
    chosen: dict[str, Any] = {
        "style_weight": 0.0, "content_weight": 0.0, "gamma": 0.0, "delta": 0.0, weight: 1.0,
        f"{role}_envelope": source, "start": "noise", "weights": "random",
    }  # fmt: skip
    problem = make_problem(
        "spectrum-ensemble", content, [style], grid=LONG_GRID, iterations=30, **chosen
    )
    x = METHODS["spectrum-ensemble"].match(problem).x
    wanted = envelope(content if source == "content" else style, role)
    assert float((envelope(x, role) - wanted).norm() / wanted.norm()) < 0.01
