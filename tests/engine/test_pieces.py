from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from astfx.audio import Waveform
from astfx.engine.pieces import in_pieces

CROSSFADE_TOLERANCE = 1e-6


def blocks_of(waveform: Waveform, n: int) -> Sequence[Waveform]:
    return [waveform[:, first : first + n] for first in range(0, waveform.shape[1], n)]


@pytest.mark.parametrize("borders", [(0, 1000), (0, 400, 1000), (0, 333, 667, 1000)])
@pytest.mark.parametrize("margin", [2, 51, 100])
@pytest.mark.parametrize("block", [7, 1000])
def test_pieces_that_stay_as_they_are_make_the_whole(
    borders: tuple[int, ...], margin: int, block: int
) -> None:
    waveform = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    seen: list[tuple[int, int]] = []

    def work(index: int, start: int, piece: Waveform) -> Waveform:
        seen.append((start, start + piece.shape[1]))
        np.testing.assert_array_equal(piece, waveform[:, start : start + piece.shape[1]])
        assert index == len(seen) - 1
        return piece.copy()

    found = np.concatenate(
        list(in_pieces(iter(blocks_of(waveform, block)), 2, borders, margin, work)), axis=1
    )
    np.testing.assert_allclose(found, waveform, rtol=0, atol=CROSSFADE_TOLERANCE)
    assert seen == [
        (max(0, first - margin), min(1000, last + margin)) for first, last in pairwise(borders)
    ]


def test_pieces_fade_into_each_other_in_the_middle_of_the_margin() -> None:
    waveform = np.ones((1, 1000), np.float32)
    gains = [1.0, 3.0]
    found = np.concatenate(
        list(
            in_pieces(
                iter([waveform]), 1, (0, 500, 1000), 100, lambda i, _, piece: piece * gains[i]
            )
        ),
        axis=1,
    )[0]
    assert (found[:450] == 1.0).all()
    assert (found[550:] == 3.0).all()
    steps = np.diff(found[449:551])
    assert (steps > 0).all()
    assert found[499:501].mean() == pytest.approx(2.0)
