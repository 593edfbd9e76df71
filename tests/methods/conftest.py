"""Small problems with known answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from astfx.frontends.grid import Grid
from astfx.methods import Problem, find_method

MakeProblem = Callable[..., Problem]
GRID = Grid(sample_rate=22050, n_fft=64, hop_length=16)
LONG_GRID = Grid(sample_rate=22050, n_fft=2048, hop_length=512)


def noise_frames(n_frames: int, seed: int, grid: Grid = GRID) -> Tensor:
    """Return frames of positive numbers with some covariance between neighbouring bins."""
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(n_frames, grid.n_fft // 2 + 3, generator=generator)
    smooth = raw[:, :-2] + raw[:, 1:-1] + 0.5 * raw[:, 2:]
    tilt = torch.linspace(0.5, 1.0 + seed, smooth.shape[1])
    return (0.3 * smooth * tilt + 3.0).clamp_min(0.0)


@pytest.fixture
def make_problem() -> MakeProblem:
    """Build the problem of a method from tensors of content and style."""

    def make(
        method: str,
        content: Tensor,
        style: list[Tensor],
        *,
        grid: Grid = GRID,
        n_fixed: int = 0,
        iterations: int = 10,
        seed: int = 0,
        begin: Tensor | None = None,
        **options: Any,
    ) -> Problem:
        row = find_method(method)
        chosen = row.options(**options)
        return Problem(
            grid=grid,
            content=content,
            start=content.clone() if begin is None else begin,
            n_fixed=n_fixed,
            past=None,
            targets=row.prepare(style, chosen, grid, seed),
            options=chosen,
            iterations=iterations,
            seed=seed,
            callback=lambda iteration, loss: False,
        )

    return make
