"""`feed-forward`: a small network for each style, trained once, then a single forward pass.

This is the approach of Johnson, Alahi & Fei-Fei 2016 ("Perceptual losses for real-time style
transfer") and Ulyanov et al. 2016 ("Texture networks"), on log-magnitude frames. The network
learns from synthetic phrases to do what minimising the `gram` loss does. To prepare a style is to
train its network (`astfx distill`). A render is one forward pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from astfx.features.arc_cosine import ArcCosineLoss, make_references
from astfx.frontends.grid import Grid
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft
from astfx.methods import gram
from astfx.methods.base import Method, Problem, check_tensor
from astfx.methods.optimising import check_range
from astfx.methods.training_phrases import phrase
from astfx.optim.lbfgs import Minimum, minimise

KERNEL = 3
DILATIONS = (1, 2, 4)
_PHRASE_SECONDS = 4.0
_PREFIX = "net."
_LESSONS_SHARE = 0.4  # of the training time, to compute the lessons (content, wanted output)
_MOST_GAIN = 20.0


@dataclass(frozen=True, kw_only=True)
class FeedForwardOptions:
    """Options of the `feed-forward` method, all of which describe the training.

    A render with a network that is already trained only uses `hidden`, which must be that of the
    network.

    Attributes
    ----------
    hidden : int, 16 to 1024
        Number of channels between the first layer and the last.
    steps : int, 1 to 100000
        Training steps of Adam, with one phrase each.
    learning_rate : float, 1e-6 to 1
        Initial learning rate of Adam. It falls to zero along a cosine.
    phrases : int, 1 to 10000
        Number of synthetic phrases to learn from.
    teacher_iterations : int, 1 to 1000
        L-BFGS iterations that compute the wanted output of each phrase.
    imitation : float, 0 to 1000
        Weight of the squared distance from the wanted output, relative to the square of that
        output. The style loss has weight 1.
    headroom : float, 1 to 1000
        No bin of the output exceeds this times its largest log magnitude in the style.
    """

    hidden: int = 192
    steps: int = 1500
    learning_rate: float = 0.002
    phrases: int = 250
    teacher_iterations: int = 12
    imitation: float = 5.0
    headroom: float = 1.1

    def __post_init__(self) -> None:
        check_range(self, 16, 1024, "hidden")
        check_range(self, 1, 100_000, "steps")
        check_range(self, 1e-6, 1.0, "learning_rate")
        check_range(self, 1, 10_000, "phrases")
        check_range(self, 1, 1000, "teacher_iterations")
        check_range(self, 0.0, 1000.0, "imitation")
        check_range(self, 1.0, 1000.0, "headroom")


class StyleNetwork(nn.Module):
    """Dilated convolutions over time, with the bins as channels, from frames to frames.

    Their output is added to the content with the style's mean and standard deviation in every bin
    (the `adain` method). An untrained network returns that alone.

    Parameters
    ----------
    n_bins, hidden : int
    """

    def __init__(self, n_bins: int, hidden: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(n_bins, hidden, 1)
        self.blocks = nn.ModuleList(
            nn.Conv1d(hidden, hidden, KERNEL, padding=dilation, dilation=dilation)
            for dilation in DILATIONS
        )
        self.leave = nn.Conv1d(hidden, n_bins, 1)
        self.mean = nn.Parameter(torch.zeros(n_bins, 1))
        self.deviation = nn.Parameter(torch.ones(n_bins, 1))
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, frames: Tensor) -> Tensor:
        """Stylise log-magnitude frames, (frames, bins) -> (frames, bins), never negative."""
        x = frames.T
        spread = x.std(dim=1, keepdim=True, correction=0)
        standard = (x - x.mean(dim=1, keepdim=True)) / torch.maximum(
            spread, self.deviation.detach().abs() / _MOST_GAIN + 1e-3
        )
        h = functional.gelu(self.enter(standard[None]))
        for block in self.blocks:
            # Instance normalisation (Ulyanov) removes each clip's own level of every channel.
            h = h + functional.gelu(functional.instance_norm(block(h)))
        out: Tensor = (standard * self.deviation + self.mean + self.leave(h)[0]).T
        return functional.relu(out)


def _phrase_frames(grid: Grid, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Return the log-magnitude frames of one synthetic phrase, (frames, bins)."""
    n_samples = round(_PHRASE_SECONDS * grid.sample_rate)
    samples = torch.from_numpy(phrase(rng, n_samples, grid.sample_rate)).to(device)
    stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=device)
    return LogMagnitude(rms=0.1, n_fft=grid.n_fft).features(stft.forward(samples))


def distil(
    runs: Sequence[Tensor],
    options: FeedForwardOptions,
    grid: Grid,
    seed: int,
    progress: Callable[[float], object] | None = None,
) -> dict[str, Tensor]:
    """Train a network on a style.

    Parameters
    ----------
    runs : sequence of (frames, bins)
        Runs of the style: frames without a gap.
    progress : callable, optional
        Called with the share that is done, 0 to 1.

    Returns
    -------
    dict of str to Tensor
        The network's weights, and the upper bound of each bin ("ceiling").
    """
    widths = gram.kernel_widths(gram.GramOptions(), grid)
    long_enough = [run for run in runs if len(run) >= max(widths)]
    references = make_references([(long_enough, -1.0)], widths, bias=gram.GramOptions().bias)
    style_loss = ArcCosineLoss(references, widths, 1.0)
    frames = torch.cat(list(runs))
    ceiling = frames.amax(dim=0) * options.headroom
    lessons = _lessons(style_loss, ceiling, options, grid, seed, progress)
    rng = np.random.default_rng([seed, 1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = StyleNetwork(frames.shape[1], options.hidden).to(frames.device)
    with torch.no_grad():
        network.mean.copy_(frames.mean(dim=0)[:, None])
        network.deviation.copy_(frames.std(dim=0)[:, None])
    optimiser = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    with torch.enable_grad():
        for step in range(options.steps):
            share = step / options.steps
            for group in optimiser.param_groups:
                group["lr"] = options.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share))
            content, wanted = lessons[int(rng.integers(len(lessons)))]
            output = torch.minimum(network(content), ceiling)
            _, gradient = style_loss(output.detach().contiguous())
            imitation = (output - wanted).square().mean() / wanted.square().mean()
            optimiser.zero_grad()
            loss = options.imitation * imitation + (output * gradient).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if progress is not None:
                progress(_LESSONS_SHARE + (1.0 - _LESSONS_SHARE) * (step + 1) / options.steps)
    state = {f"{_PREFIX}{key}": value.detach() for key, value in network.state_dict().items()}
    return {**state, "ceiling": ceiling}


def _lessons(
    style_loss: ArcCosineLoss,
    ceiling: Tensor,
    options: FeedForwardOptions,
    grid: Grid,
    seed: int,
    progress: Callable[[float], object] | None,
) -> list[tuple[Tensor, Tensor]]:
    """Return synthetic phrases, each with the frames that minimise the loss from there."""
    rng = np.random.default_rng([seed, 0])
    found = []
    for number in range(options.phrases):
        content = _phrase_frames(grid, rng, ceiling.device)
        result = minimise(
            style_loss, content, iterations=options.teacher_iterations, upper_bound=ceiling
        )
        found.append((content, result.x))
        if progress is not None:
            progress(_LESSONS_SHARE * (number + 1) / options.phrases)
    return found


def prepare(
    runs: Sequence[Tensor], options: FeedForwardOptions, grid: Grid, seed: int
) -> dict[str, Tensor]:
    """Train a network on the style, which takes minutes."""
    return distil(runs, options, grid, seed)


def _empty_network(n_bins: int, options: FeedForwardOptions) -> StyleNetwork:
    """Return a network on the meta device: initial weights would take as long as the pass."""
    with torch.device("meta"):
        return StyleNetwork(n_bins, options.hidden)


def check(tensors: Mapping[str, Tensor], options: FeedForwardOptions, grid: Grid) -> None:
    """Refuse loaded tensors that `prepare` cannot have made."""
    n_bins = grid.n_fft // 2 + 1
    check_tensor(tensors, "ceiling", (n_bins,))
    for name, value in _empty_network(n_bins, options).state_dict().items():
        if check_tensor(tensors, f"{_PREFIX}{name}", tuple(value.shape)).dtype != torch.float32:
            raise ValueError(f"tensor {_PREFIX + name!r} must be float32")


def match(problem: Problem) -> Minimum:
    """Pass the content's frames through the network."""
    options: FeedForwardOptions = problem.options
    network = _empty_network(problem.content.shape[1], options)
    network.load_state_dict(
        {
            name.removeprefix(_PREFIX): tensor
            for name, tensor in problem.targets.items()
            if name.startswith(_PREFIX)
        },
        assign=True,
    )
    with torch.no_grad():
        x = torch.minimum(network(problem.content), problem.targets["ceiling"]).contiguous()
    x[: problem.n_fixed] = problem.start[: problem.n_fixed]
    return Minimum(x=x, losses=(), evaluations=0)


def _reach_ms(options: FeedForwardOptions) -> float:
    # The widest kernel of the loss; the network itself sees 15 frames.
    return max(gram.GramOptions().kernel_ms)


METHOD = Method(
    summary="a network for each style, trained in minutes, then a single pass",
    front_end="log1p STFT",
    features="a small network, trained on the gram loss",
    statistics="those of gram",
    optimiser="none to render; Adam to distil",
    needs="`astfx distill PRESET` (or a sound) first: minutes, once",
    source="Johnson et al. 2016; Ulyanov et al. 2016 (document 000)",
    options=FeedForwardOptions,
    iterations={"draft": 1, "standard": 1, "best": 1},
    context_ms=_reach_ms,
    prepare=prepare,
    match=match,
    check=check,
    prepared_options=("hidden",),
    distil=distil,
    phase_iterations=3,
)
