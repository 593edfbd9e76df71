"""`musaic`: the content rebuilt from frames of the style ("Let it Bee").

See Driedger, Prätzlich & Müller 2015, "Let it Bee: towards NMF-inspired audio mosaicing"
(ISMIR). The style's magnitude frames are the templates of a non-negative factorisation of
the content. Only the activations are learned, by multiplicative updates for the
Kullback-Leibler divergence. Three constraints, which become stricter with every update, keep the
style's sound: a frame is not repeated soon, few frames sound at once, and frames that follow each
other in the style also do so in the output.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from astfx.methods.base import Method, Problem
from astfx.methods.optimising import check_range, check_spectra, keep_runs
from astfx.optim.lbfgs import Minimum

_TINY = 1e-9


@dataclass(frozen=True, kw_only=True)
class MusaicOptions:
    """Options of the `musaic` method.

    Attributes
    ----------
    repetition : int, 0 to 100
        Number of frames before and after an activation in which its template stays quiet.
    polyphony : int, 1 to 1000
        Number of templates that may sound at once.
    continuity : int, 0 to 100
        Number of frames before and after an activation in which the template's neighbours in the
        style are encouraged.
    """

    repetition: int = 7
    polyphony: int = 10
    continuity: int = 3

    def __post_init__(self) -> None:
        check_range(self, 0, 100, "repetition", "continuity")
        check_range(self, 1, 1000, "polyphony")


def restrict_repetition(activations: Tensor, reach: int, keep: float) -> Tensor:
    """Scale down each template's activations by `keep`, except the largest within `reach` frames.

    Activations have shape (templates, frames).
    """
    largest = functional.max_pool1d(activations[None], 2 * reach + 1, stride=1, padding=reach)[0]
    return torch.where(activations >= largest, activations, activations * keep)


def restrict_polyphony(activations: Tensor, most: int, keep: float) -> Tensor:
    """Scale down the activations of each frame by `keep`, except the `most` largest."""
    if most >= len(activations):
        return activations
    least = activations.topk(most, dim=0).values[-1]
    return torch.where(activations >= least, activations, activations * keep)


def support_continuity(activations: Tensor, reach: int) -> Tensor:
    """Sum activations along the diagonals, over `reach` frames on either side."""
    total = activations.clone()
    for shift in range(1, reach + 1):
        total[shift:, shift:] += activations[:-shift, :-shift]
        total[:-shift, :-shift] += activations[shift:, shift:]
    return total


def divergence(content: Tensor, model: Tensor) -> float:
    """Return the generalised Kullback-Leibler divergence, divided by the sum of the content."""
    ratio = content * torch.log((content + _TINY) / (model + _TINY))
    return float((ratio - content + model).sum() / content.sum().clamp_min(_TINY))


def match(problem: Problem) -> Minimum:
    """Learn the activations, and sum the style's frames by them."""
    options: MusaicOptions = problem.options
    content = torch.expm1(problem.content).T
    templates = torch.expm1(problem.targets["frames"]).T
    templates = templates / templates.sum(dim=0).clamp_min(_TINY)
    generator = torch.Generator().manual_seed(problem.seed)
    shape = (templates.shape[1], content.shape[1])
    activations = torch.rand(shape, generator=generator).to(content.device)
    activations *= content.sum(dim=0) / len(activations)
    losses: list[float] = []
    for iteration in range(problem.iterations):
        keep = 1.0 - (iteration + 1) / problem.iterations
        activations = restrict_repetition(activations, options.repetition, keep)
        activations = restrict_polyphony(activations, options.polyphony, keep)
        activations = support_continuity(activations, options.continuity)
        model = templates @ activations
        activations = activations * (templates.T @ (content / model.clamp_min(_TINY)))
        losses.append(divergence(content, model))
        if problem.callback(iteration + 1, losses[-1]):
            break
    x = torch.log1p(templates @ activations).T.contiguous()
    x[: problem.n_fixed] = problem.start[: problem.n_fixed]
    return Minimum(x=x, losses=tuple(losses), evaluations=len(losses))


METHOD = Method(
    summary="the content rebuilt from frames of the style, by non-negative factorisation",
    front_end="STFT magnitude",
    features="the style's frames as templates",
    statistics="none: activations under three constraints",
    optimiser="multiplicative updates, 60 by default",
    needs="nothing",
    source="Driedger et al. 2015",
    options=MusaicOptions,
    iterations={"draft": 20, "standard": 60, "best": 60},
    context_ms=lambda options: 1.0,
    prepare=keep_runs,
    match=match,
    check=check_spectra,
)
