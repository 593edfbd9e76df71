"""Gatys' losses and the starts, with a simple extractor whose losses are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from astfx.errors import InvalidSettingError
from astfx.methods import Problem
from astfx.methods.layers import LayerOptions, gram, layer_loss, layer_objective, style_grams
from astfx.methods.optimising import DescentOptions, Stage, set_stage
from tests.methods.conftest import GRID, noise_frames

CONTENT, STYLE = noise_frames(40, 1), noise_frames(60, 0)


def stage_of(
    options: DescentOptions, content: Tensor = CONTENT, style: Tensor = STYLE, n_fixed: int = 0
) -> Stage:
    problem = Problem(
        grid=GRID, content=content, start=content.clone(), n_fixed=n_fixed, past=None,
        targets={}, options=options, iterations=50, seed=3, callback=lambda i, loss: False,
    )  # fmt: skip
    return set_stage(problem, options, [style])


def identity(x: Tensor) -> Mapping[str, Tensor]:
    return {"conv1": x.T, "conv4": 2.0 * x.T}


def options(**change: Any) -> LayerOptions:
    return LayerOptions(**{"style_layers": ("conv1",), "content_layers": ("conv4",), **change})


def test_gram_is_the_mean_outer_product() -> None:
    maps = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    torch.testing.assert_close(gram(maps), torch.tensor([[2.5, 0.5], [0.5, 5.0]]))
    halves = style_grams(identity, [STYLE[:20], STYLE[20:]], ["conv1"])[0]
    torch.testing.assert_close(halves, gram(STYLE.T))


def test_relative_loss_of_silence_is_one_and_of_the_style_zero() -> None:
    loss = layer_loss(stage_of(options()), identity, options())
    assert float(loss(torch.zeros_like(CONTENT))) == pytest.approx(1.0, rel=1e-5)
    assert float(loss(STYLE)) == pytest.approx(0.0, abs=1e-6)


def test_layers_are_weighted_and_averaged() -> None:
    chosen = options(style_layers=("conv1", "conv4"), layer_weights=(3.0, 0.0))
    loss = layer_loss(stage_of(chosen), identity, chosen)
    single = layer_loss(stage_of(options()), identity, options())
    assert float(loss(CONTENT)) == pytest.approx(1.5 * float(single(CONTENT)), rel=1e-5)


def test_content_term_is_relative_to_the_content() -> None:
    chosen = options(style_weight=0.0, content_weight=4.0)
    loss = layer_loss(stage_of(chosen), identity, chosen)
    assert float(loss(CONTENT)) == 0.0
    assert float(loss(1.5 * CONTENT)) == pytest.approx(1.0, rel=1e-5)


def test_mean_normalisation_is_document_003s() -> None:
    """Gram matrices over all elements of the map, mean squared errors, summed over layers."""
    chosen = options(
        normalisation="mean", style_weight=1000.0, content_weight=1.0,
        style_layers=("conv1", "conv4"),
    )  # fmt: skip
    found = float(layer_loss(stage_of(chosen), identity, chosen)(1.2 * CONTENT))
    expected = 0.0
    for factor in (1.0, 2.0):
        one, other = (factor * x.T for x in (1.2 * CONTENT, STYLE))
        first, second = (maps @ maps.T / maps.numel() for maps in (one, other))
        expected += 1000.0 * float(torch.nn.functional.mse_loss(first, second))
    expected += float(torch.nn.functional.mse_loss(2.4 * CONTENT, 2.0 * CONTENT))
    assert found == pytest.approx(expected, rel=1e-5)


def test_gradient_matches_finite_differences() -> None:
    chosen = options(content_weight=0.5)
    stage = stage_of(chosen, CONTENT.double(), STYLE.double())
    objective = layer_objective(stage, identity, chosen)
    x = CONTENT.double() * 1.1
    _, gradient = objective(x)
    step = 1e-6 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).double()
    numeric = objective(x + step)[0] - objective(x - step)[0]
    assert numeric == pytest.approx(2 * float((gradient * step).sum()), rel=1e-5)


def test_content_start_is_the_content() -> None:
    assert torch.equal(stage_of(DescentOptions()).start, CONTENT)


def test_noise_start_has_the_level_asked_for_and_repeats() -> None:
    first = stage_of(DescentOptions(start="noise", noise_level=0.5)).start
    again = stage_of(DescentOptions(start="noise", noise_level=0.5)).start
    assert torch.equal(first, again)
    assert float(first.min()) >= 0.0
    rms = float(first.square().mean().sqrt())
    assert rms == pytest.approx(0.5 * float(CONTENT.std()), rel=0.1)


def test_style_start_repeats_the_style_to_the_contents_length() -> None:
    start = stage_of(DescentOptions(start="style"), STYLE, CONTENT).start
    assert torch.equal(start, torch.cat([CONTENT, CONTENT[:20]]))


def test_frameshift_puts_the_style_behind_the_contents_length() -> None:
    stage = stage_of(DescentOptions(start="frameshift"))
    silence = torch.zeros_like(CONTENT)
    assert torch.equal(stage.start, torch.cat([silence, STYLE]))
    assert torch.equal(stage.content, torch.cat([CONTENT, torch.zeros_like(STYLE)]))
    assert torch.equal(stage.style[0], stage.start)
    chosen = options(start="frameshift", content_weight=1.0)
    found = stage.solve(layer_objective(stage, identity, chosen))
    assert found.x.shape == CONTENT.shape
    assert float(found.x.abs().max()) > 0.0


@pytest.mark.parametrize("start", ["noise", "style", "frameshift"])
def test_fixed_frames_stay_whatever_the_start(start: str) -> None:
    chosen = options(start=start)
    stage = stage_of(chosen, n_fixed=5)
    found = stage.solve(layer_objective(stage, identity, chosen))
    assert torch.equal(found.x[:5], CONTENT[:5])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"start": "x"}, "start='x' must be one of content, noise, style, frameshift"),
    ({"noise_level": 11.0}, "noise_level=11.0 must lie between 0 and 10"),
    ({"optimiser": "x"}, "optimiser='x' must be one of lbfgs, adam"),
    ({"content_weight": -1.0}, "content_weight=-1.0 must lie between 0 and 1e+12"),
    ({"style_weight": 1e13}, "style_weight=10000000000000.0 must lie between 0 and 1e+12"),
    ({"layer_weights": ()}, "layer_weights and style_layers must not be empty"),
    ({"layer_weights": (1.0, -1.0)}, "layer_weights=-1.0 must lie between 0 and 1e+06"),
    ({"normalisation": "x"}, "normalisation='x' must be one of relative, mean"),
]


@pytest.mark.parametrize(("values", "message"), BAD)
def test_options_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        LayerOptions(**values)
    assert str(caught.value) == message


def test_layers_that_a_network_lacks_are_refused() -> None:
    with pytest.raises(InvalidSettingError, match="layer 'conv9' must be one of conv1, conv2"):
        options(style_layers=("conv9",)).check_layers(("conv1", "conv2", "conv4"))
