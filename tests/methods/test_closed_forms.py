"""The statistics that each closed form must match, on frames where they can be checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import linalg

from astfx.errors import InvalidSettingError
from astfx.methods import METHODS
from astfx.methods.monge import moments, monge_map
from astfx.settings import make_options
from tests.methods.conftest import GRID, LONG_GRID, MakeProblem, noise_frames

MOMENT_TOLERANCE = 1e-3  # relative, float32 frames
CLOSED_FORMS = ("monge", "adain", "histogram")


def random_covariance(size: int, seed: int) -> torch.Tensor:
    root = torch.randn(
        size, 2 * size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return root @ root.T / size


def test_monge_map_carries_one_covariance_to_the_other() -> None:
    a, b = random_covariance(12, 0), random_covariance(12, 1)
    transport = monge_map(a, b)
    torch.testing.assert_close(transport @ a @ transport, b)
    torch.testing.assert_close(transport, transport.T)
    assert float(torch.linalg.eigvalsh(transport).min()) > 0.0


def test_monge_map_is_scipys_geometric_mean_form() -> None:
    """A is the geometric mean of Cs and Cc^-1, here computed by SciPy's matrix square root."""
    a, b = random_covariance(8, 2).numpy(), random_covariance(8, 3).numpy()
    root = np.real(linalg.sqrtm(a))
    inverse = np.linalg.inv(root)
    expected = inverse @ np.real(linalg.sqrtm(root @ b @ root)) @ inverse
    found = monge_map(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_monge_map_moves_frames_less_than_another_map_of_the_same_covariance() -> None:
    """E|x - Ax|^2 is smallest for the optimal transport map; Cholesky's map costs more."""
    a, b = random_covariance(10, 4), random_covariance(10, 5)
    other = torch.linalg.cholesky(b) @ torch.linalg.inv(torch.linalg.cholesky(a))
    torch.testing.assert_close(other @ a @ other.T, b)

    def cost(transport: torch.Tensor) -> float:
        step = transport - torch.eye(10, dtype=torch.float64)
        return float((step @ a @ step.T).trace())

    assert cost(monge_map(a, b)) < cost(other)


def test_monge_gives_frames_the_styles_moments(make_problem: MakeProblem) -> None:
    content, style = noise_frames(3000, 1) + 5.0, noise_frames(2000, 0) + 5.0
    problem = make_problem("monge", content, [style], front_end="log", regularisation=1e-6)
    mean, covariance = moments(METHODS["monge"].match(problem).x)
    wanted_mean, wanted = moments(style)
    assert float((mean - wanted_mean).norm() / wanted_mean.norm()) < MOMENT_TOLERANCE
    assert float((covariance - wanted).norm() / wanted.norm()) < MOMENT_TOLERANCE


def test_monge_over_mel_bands_is_a_smooth_gain(make_problem: MakeProblem) -> None:
    """If the style is the content 6 dB louder, all bins get a gain of 6 dB."""
    content = noise_frames(400, 0, LONG_GRID)
    louder = torch.log1p(2.0 * torch.expm1(content))
    problem = make_problem("monge", content, [louder], grid=LONG_GRID)
    ratio = torch.expm1(METHODS["monge"].match(problem).x) / torch.expm1(content)
    assert float((20 * torch.log10(ratio) - 6.02).abs().max()) < 0.1


def test_adain_gives_every_bin_the_styles_mean_and_spread(make_problem: MakeProblem) -> None:
    content, style = noise_frames(500, 1) + 5.0, noise_frames(300, 0) + 5.0
    x = METHODS["adain"].match(make_problem("adain", content, [style])).x
    torch.testing.assert_close(x.mean(dim=0), style.mean(dim=0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(x.std(dim=0), style.std(dim=0), rtol=5e-3, atol=1e-4)


def test_adain_leaves_still_bins_still(make_problem: MakeProblem) -> None:
    content = torch.full((50, 33), 2.0)
    x = METHODS["adain"].match(make_problem("adain", content, [noise_frames(80, 0)])).x
    assert float(x.std(dim=0).max()) < 1e-5


def test_histogram_gives_the_styles_levels_in_the_contents_order(
    make_problem: MakeProblem,
) -> None:
    content, style = noise_frames(512, 1), noise_frames(512, 0)
    x = METHODS["histogram"].match(make_problem("histogram", content, [style])).x
    torch.testing.assert_close(x.sort(dim=0).values, style.sort(dim=0).values, atol=1e-3, rtol=0)
    order = x.gather(0, content.argsort(dim=0))
    assert bool((order[1:] >= order[:-1] - 1e-6).all())


@pytest.mark.parametrize("name", [*CLOSED_FORMS, "musaic"])
def test_a_style_equal_to_the_content_changes_little(name: str, make_problem: MakeProblem) -> None:
    content = noise_frames(512, 1, LONG_GRID)
    problem = make_problem(name, content, [content], grid=LONG_GRID)
    x = METHODS[name].match(problem).x
    tolerance = 0.15 if name == "musaic" else 0.01  # musaic plays other frames of the style
    assert float((x - content).norm() / content.norm()) < tolerance


@pytest.mark.parametrize("name", [*CLOSED_FORMS, "musaic"])
def test_fixed_frames_stay(name: str, make_problem: MakeProblem) -> None:
    content, style = noise_frames(60, 1), noise_frames(80, 0)
    start = content.clone()
    start[:7] = 1.25
    x = METHODS[name].match(make_problem(name, content, [style], n_fixed=7, begin=start)).x
    assert torch.equal(x[:7], start[:7])
    assert x.shape == content.shape
    assert float(x.min()) >= 0.0


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("monge", {"front_end": "x"}, "front_end='x' must be one of mel, log"),
    ("monge", {"bands": 7}, "bands=7 must lie between 8 and 256"),
    ("monge", {"regularisation": 0.0}, "regularisation=0.0 must lie between 1e-06 and 1"),
    ("adain", {"most_gain": 0.5}, "most_gain=0.5 must lie between 1 and 1000"),
    ("histogram", {"quantiles": 1}, "quantiles=1 must lie between 2 and 4096"),
    ("musaic", {"repetition": -1}, "repetition=-1 must lie between 0 and 100"),
    ("musaic", {"polyphony": 0}, "polyphony=0 must lie between 1 and 1000"),
    ("musaic", {"continuity": 101}, "continuity=101 must lie between 0 and 100"),
]


@pytest.mark.parametrize(("name", "values", "message"), BAD)
def test_options_out_of_range(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        make_options(METHODS[name].options, name, values)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_loaded_tensors_of_another_shape_are_refused(name: str) -> None:
    row = METHODS[name]
    options = row.options()
    tensors = row.prepare([noise_frames(50, 0)], options, GRID, 0)
    row.check(tensors, options, GRID)
    for key in tensors:
        with pytest.raises(ValueError, match=f"tensor '{key}'"):
            row.check({**tensors, key: tensors[key][..., :-1]}, options, GRID)
        with pytest.raises(ValueError, match=f"tensor '{key}'"):
            row.check({**tensors, key: tensors[key].double()}, options, GRID)
