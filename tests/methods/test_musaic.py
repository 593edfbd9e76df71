from __future__ import annotations

from itertools import pairwise

import torch

from astfx.methods import METHODS
from astfx.methods.musaic import (
    restrict_polyphony,
    restrict_repetition,
    support_continuity,
)
from tests.methods.conftest import MakeProblem, noise_frames


def test_repetition_keeps_the_largest_within_reach() -> None:
    activations = torch.tensor([[1.0, 3.0, 2.0, 0.5, 0.1]])
    found = restrict_repetition(activations, 1, 0.5)
    torch.testing.assert_close(found, torch.tensor([[0.5, 3.0, 1.0, 0.25, 0.05]]))


def test_polyphony_keeps_the_loudest_templates() -> None:
    activations = torch.tensor([[1.0], [4.0], [2.0], [3.0]])
    found = restrict_polyphony(activations, 2, 0.0)
    torch.testing.assert_close(found, torch.tensor([[0.0], [4.0], [0.0], [3.0]]))
    assert torch.equal(restrict_polyphony(activations, 4, 0.0), activations)


def test_continuity_sums_along_diagonals() -> None:
    activations = torch.zeros(5, 6)
    activations[2, 3] = 1.0
    expected = torch.zeros(5, 6)
    for shift in (-1, 0, 1):
        expected[2 + shift, 3 + shift] = 1.0
    assert torch.equal(support_continuity(activations, 1), expected)


def test_divergence_falls_without_constraints(make_problem: MakeProblem) -> None:
    """The multiplicative update of Lee & Seung never raises the divergence."""
    content, style = noise_frames(40, 1), noise_frames(60, 0)
    problem = make_problem(
        "musaic", content, [style], repetition=0, polyphony=1000, continuity=0, iterations=30
    )
    losses = METHODS["musaic"].match(problem).losses
    assert all(b <= a + 1e-7 for a, b in pairwise(losses))
    assert losses[-1] < 0.5 * losses[0]


def test_a_content_made_of_style_frames_is_found_again(make_problem: MakeProblem) -> None:
    """If the content is frames of the style in another order, these very frames are found."""
    generator = torch.Generator().manual_seed(3)
    style = 4.0 * torch.rand(30, 33, generator=generator) ** 4
    order = torch.randperm(30, generator=generator)
    problem = make_problem(
        "musaic", style[order], [style], repetition=0, polyphony=1, continuity=0, iterations=60
    )
    x = METHODS["musaic"].match(problem).x
    assert float((x - style[order]).norm() / style.norm()) < 0.05


def test_at_the_end_no_more_templates_sound_than_allowed(make_problem: MakeProblem) -> None:
    """The last update applies the constraints in full, so one template sounds in each frame."""
    content, style = noise_frames(12, 1), noise_frames(60, 0)
    problem = make_problem(
        "musaic", content, [style], repetition=0, polyphony=1, continuity=0, iterations=20
    )
    frames = torch.expm1(METHODS["musaic"].match(problem).x)
    templates = torch.expm1(style)
    unit = torch.nn.functional.normalize(templates, dim=1)
    nearest = (torch.nn.functional.normalize(frames, dim=1) @ unit.T).amax(dim=1)
    assert float(nearest.min()) > 1.0 - 1e-5
