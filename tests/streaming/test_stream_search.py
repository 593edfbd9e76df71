"""The search of the `stream` engine, on losses whose minima are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx.audio import Waveform
from astfx.features.block_kernel import BlockLoss
from astfx.features.monge import GainMap
from astfx.features.quantiles import QuantileMap
from astfx.frontends.grid import Grid
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft
from astfx.streaming import stream
from astfx.streaming.levels import LoudnessMatch
from astfx.streaming.stream import StreamEngine

GRID = Grid(sample_rate=8000, n_fft=512, hop_length=128)
STFT = Stft(n_fft=GRID.n_fft, hop_length=GRID.hop_length, device=torch.device("cpu"))
FIRST_STEP, SHORTEST_STEP = 0.03, 0.003  # over the norm of the frames
PULL = 0.1  # weight of the angle between a frame and what the maps made of the content
HEADROOM = 1.1  # over the style's largest level in a bin
PAST_FRAMES = 128
ROUNDING = 1e-3
LEAST_LIKENESS = 0.95  # correlation

Loss = Callable[[Tensor, Tensor, int], tuple[float, Tensor]]


def noise(seconds: float, seed: int) -> Waveform:
    shape = (1, round(seconds * GRID.sample_rate))
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


@pytest.fixture(scope="module")
def style() -> Tensor:
    """Log magnitudes of a second of noise, (frames, bins)."""
    return LogMagnitude(rms=0.1, n_fft=GRID.n_fft).features(
        STFT.forward(torch.from_numpy(noise(1.0, 1)))
    )[0]


class Probe:
    """In place of the style's loss: one of a test's own, and all that it is asked and told.

    The loss gets the frames, those that the search began with, and how often it was asked
    since then.
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.asked: list[list[Tensor]] = []  # one list a hop
        self.latest: list[Tensor] = []
        self.remembered: list[Tensor] = []

    def begin(self, latest: Tensor) -> None:
        self.asked.append([])
        self.latest.append(latest.clone())

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        asked = self.asked[-1]
        asked.append(x.clone())
        return self.loss(x, asked[0], len(asked) - 1)

    def remember(self, features: Tensor) -> None:
        self.remembered.append(features.clone())


Begin = Callable[[Loss], tuple[StreamEngine, Probe]]


@pytest.fixture
def begin(style: Tensor, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Make an engine that minimises a loss."""

    def make(loss: Loss) -> tuple[StreamEngine, Probe]:
        probe = Probe(loss)
        monkeypatch.setattr(stream, "BlockLoss", lambda *_: probe)
        return StreamEngine([style], GRID, 1), probe

    return make


def run(engine: StreamEngine, waveform: Waveform, strength: float = 1.0) -> Waveform:
    """Everything that an engine gives for a waveform, hop by hop."""
    n = GRID.hop_length
    starts = range(0, waveform.shape[1] - n + 1, n)
    return np.concatenate([engine.process(waveform[:, s : s + n], strength) for s in starts], 1)


def flat(x: Tensor, start: Tensor, count: int) -> tuple[float, Tensor]:
    return 0.0, torch.zeros_like(x)


def bowl(x: Tensor, target: Tensor) -> tuple[float, Tensor]:
    """A loss of even curvature around a target."""
    return 0.5 * float((x - target).square().sum()), x - target


def found(probe: Probe) -> Tensor:
    """What the last search but one found for the frames that the last one begins with."""
    return probe.asked[-1][0][:-1]


def hops(count: int) -> Waveform:
    """Noise for so many searches: the first begins with the third hop."""
    return noise(1.0, 2)[:, : (count + 2) * GRID.hop_length]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        # The curvature tells the second step where the minimum is.
        pytest.param(0.95, 0.95, id="reached"),
        # The first step is 0.03, the second at most twice as long for as steep a slope:
        # 0.06 / 0.20 of the 0.17 that are left.
        pytest.param(0.80, 0.97 - 0.3 * 0.17, id="too far"),
    ],
)
def test_two_steps_reach_the_minimum_of_an_even_bowl(
    target: float, expected: float, begin: Begin
) -> None:
    engine, probe = begin(lambda x, start, count: bowl(x, target * start))
    run(engine, hops(2))
    assert [len(asked) for asked in probe.asked] == [2, 2]  # two evaluations a hop
    start = probe.asked[0][0]
    torch.testing.assert_close(found(probe), expected * start[1:], rtol=ROUNDING, atol=ROUNDING)


def test_the_next_search_knows_what_was_found_for_the_frame_before(begin: Begin) -> None:
    engine, probe = begin(lambda x, start, count: bowl(x, 0.95 * start))
    run(engine, hops(2))
    expected = 0.95 * probe.asked[0][0][0]
    torch.testing.assert_close(probe.latest[1], expected, rtol=ROUNDING, atol=ROUNDING)


def test_steps_grow_while_they_help_and_shrink_when_they_do_not(
    begin: Begin, style: Tensor
) -> None:
    helps = [True] * 4 + [False] * 6 + [True] * 2

    def slope(x: Tensor, start: Tensor, count: int) -> tuple[float, Tensor]:
        # Without curvature, so that the first step is the only one.
        return (-1.0 if helps[len(probe.asked) - 1] else 1.0) * count, start

    engine, probe = begin(slope)
    run(engine, hops(len(helps)))
    longest = 1.3 / float(style.norm(dim=1).mean())
    assert FIRST_STEP < longest < 1.2**3 * FIRST_STEP
    step = FIRST_STEP
    for index, helped in enumerate(helps):
        start, tried = probe.asked[index]
        assert float((tried - start).norm() / start.norm()) == pytest.approx(step, rel=0.01)
        step = min(1.2 * step, longest) if helped else max(0.5 * step, SHORTEST_STEP)
        if index + 1 < len(helps):
            kept = probe.asked[index + 1][0][:-1]
            torch.testing.assert_close(kept, (tried if helped else start)[1:])
    assert step == pytest.approx(SHORTEST_STEP * 1.2**2)


def test_frames_are_pulled_to_the_direction_that_the_maps_gave_them(begin: Begin) -> None:
    """The gradient of the pull is that of the angles' cosines, by automatic differentiation."""
    weights = torch.linspace(0.0, 1.0, STFT.n_bins)

    def tilt(x: Tensor, start: Tensor, count: int) -> tuple[float, Tensor]:
        if len(probe.asked) == 1:
            return bowl(x, weights * start)  # away from the first direction
        return 0.0, 3e-6 * start

    engine, probe = begin(tilt)
    run(engine, hops(3))
    aims = torch.cat([probe.asked[0][0][1:], probe.asked[1][0][-1:]])
    start, tried = probe.asked[1]
    x = start.clone().requires_grad_()
    with torch.enable_grad():
        pull = PULL * (1.0 - torch.cosine_similarity(x, aims, dim=1)).mean()
    (gradient,) = torch.autograd.grad(pull, x)
    of_loss = 3e-6 * start
    assert 0.3 < float(gradient.norm() / of_loss.norm()) < 3.0  # either would show
    moved, expected = start - tried, gradient + of_loss
    inside = tried > 0.0
    cosine = torch.cosine_similarity(moved[inside], expected[inside], dim=0)
    assert float(cosine) > 1.0 - ROUNDING


def test_a_pull_alone_is_followed(begin: Begin) -> None:
    weights = torch.linspace(0.0, 1.0, STFT.n_bins)

    def tilt(x: Tensor, start: Tensor, count: int) -> tuple[float, Tensor]:
        return bowl(x, weights * start) if len(probe.asked) == 1 else flat(x, start, count)

    engine, probe = begin(tilt)
    run(engine, hops(3))
    aim = probe.asked[0][0][2]
    before, after = probe.asked[1][0][1], found(probe)[0]
    angles = [torch.cosine_similarity(row, aim, dim=0) for row in (before, after)]
    assert angles[1] > angles[0]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_levels_stay_between_silence_and_a_little_over_the_styles_loudest(
    sign: float, begin: Begin, style: Tensor
) -> None:
    towards = torch.zeros(STFT.n_bins)
    towards[20] = sign  # all of the step in one bin

    engine, probe = begin(lambda x, start, count: (-float(count), -towards.expand_as(x)))
    run(engine, hops(2))
    limit = HEADROOM * style[:, 20].max() if sign > 0 else torch.tensor(0.0)
    torch.testing.assert_close(found(probe)[:, 20], limit.expand(2))


def test_nothing_is_learned_from_bursts_and_silence(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: dict[str, list[bool]] = {}

    def spy(kind: Any, name: str) -> None:
        original = getattr(kind, name)

        def call(self: Any, *arguments: Any, learn: bool = True) -> Any:
            learned.setdefault(kind.__name__, []).append(learn)
            return original(self, *arguments, learn=learn)

        monkeypatch.setattr(kind, name, call)

    spy(GainMap, "gain")
    spy(QuantileMap, "__call__")
    spy(LoudnessMatch, "gain")
    engine, _ = begin(flat)
    n = GRID.hop_length
    content = noise(1.0, 2)[:, : 60 * n]
    content[:, 20 * n : 26 * n] = 0.0
    content[:, 40 * n : 41 * n] = 1.0
    run(engine, content)
    overlap = STFT.overlap
    unheard = {*range(20 + overlap - 1, 26), *range(40, 40 + overlap)}  # hops that end a window
    expected = [hop not in unheard for hop in range(60)]
    assert learned["GainMap"] == learned["QuantileMap"] == expected
    silent = range(20 + overlap - 1, 26)  # its frames are emitted without a gain
    emitted = [flag for hop, flag in enumerate(expected[:58]) if hop not in silent]
    assert learned["LoudnessMatch"] == emitted


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_what_is_remembered_of_a_frame_is_how_it_sounds(
    strength: float, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of the output itself; of a weaker effect nothing, for it is not all the style."""
    realised: list[Any] = []
    monkeypatch.setattr(QuantileMap, "realised", lambda self, frame: realised.append(frame.copy()))
    engine, probe = begin(flat)
    output = run(engine, noise(2.0, 2), strength)
    if strength < 1.0:
        assert probe.remembered == realised == []
        return
    np.testing.assert_array_equal(np.stack(realised), torch.stack(probe.remembered).numpy())
    heard = STFT.forward(torch.from_numpy(output))[0].abs().log1p()
    remembered = torch.stack(probe.remembered)
    n = len(remembered)
    likeness = [
        float(torch.corrcoef(torch.stack([remembered.flatten(), heard[s : s + n].flatten()]))[0, 1])
        for s in range(len(heard) - n + 1)
    ]
    assert likeness[-1] > LEAST_LIKENESS  # the last one has just been heard in full
    assert likeness[-1] == max(likeness)


def test_patches_are_compared_with_the_last_128_frames_of_output(
    style: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was put out before makes no difference, but the first of these frames does."""
    generator = torch.Generator().manual_seed(0)
    earlier, latest, new = (
        torch.rand(n, STFT.n_bins, generator=generator) for n in (PAST_FRAMES, PAST_FRAMES, 3)
    )
    made: list[BlockLoss] = []

    def make(*arguments: Any) -> BlockLoss:
        made.append(BlockLoss(*arguments))
        return made[-1]

    monkeypatch.setattr(stream, "BlockLoss", make)

    def loss_after(past: Tensor) -> float:
        StreamEngine([style], GRID, 1)
        for frame in past:
            made[-1].remember(frame)
        made[-1].begin(latest[-1])
        return made[-1](new)[0]

    usual = loss_after(latest)
    same = pytest.approx(usual, rel=ROUNDING)
    assert loss_after(torch.cat([earlier + 5.0, latest])) == same
    assert loss_after(torch.cat([latest[:1] + 5.0, latest[1:]])) != same
