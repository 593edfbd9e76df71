"""`soundnet`: Gatys' method over SoundNet's layers, on the raw waveform.

This is the "SoundNet" system of Grinstein et al. 2018 (document 004 of `astfx.recipes`). The
network is that of Y. Aytar, C. Vondrick and A. Torralba, "SoundNet: learning sound
representations from unlabeled video", NIPS 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from astfx.methods.base import Method, Problem
from astfx.methods.layers import LayerOptions, layer_objective
from astfx.methods.optimising import check_waveforms, keep_runs, kept_runs, set_stage
from astfx.networks import weights
from astfx.networks.soundnet import LAYERS, SAMPLE_RATE_HZ, SoundNet, resample_smoothly
from astfx.optim.lbfgs import Minimum


@dataclass(frozen=True, kw_only=True)
class SoundnetOptions(LayerOptions):
    """Options of the `soundnet` method, besides those of `LayerOptions`.

    Attributes
    ----------
    weights : str
        "auto" (those that `astfx weights add` added, else random ones), "random", or the path of
        the published file.
    """

    learning_rate: float = 0.001
    content_layers: tuple[str, ...] = ("conv4",)
    style_layers: tuple[str, ...] = ("conv1", "conv2", "conv3", "conv4", "conv5")
    weights: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_layers(LAYERS)


def match(problem: Problem) -> Minimum:
    """Find the waveform whose feature maps have the style's Gram matrices."""
    options: SoundnetOptions = problem.options
    content_layers = options.content_layers if options.content_weight > 0.0 else ()
    last = max((*options.style_layers, *content_layers), key=LAYERS.index)
    state = weights.load_published("soundnet", options.weights, problem.seed)
    network = SoundNet(state, last, problem.start.device)
    ratio = SAMPLE_RATE_HZ / problem.grid.sample_rate

    def extract(x: Tensor) -> Mapping[str, Tensor]:
        return network(resample_smoothly(x, max(1, round(len(x) * ratio))))

    stage = set_stage(problem, options, kept_runs(problem.targets))
    return stage.solve(
        layer_objective(stage, extract, options), lower_bound=-math.inf, first_step=0.05
    )


METHOD = Method(
    summary="Gatys' method over a network of raw waveforms",
    front_end="waveform at 22.05 kHz",
    features="SoundNet, eight layers",
    statistics="Gram matrices of conv1 to conv5",
    optimiser="L-BFGS or Adam on the waveform",
    needs="seconds; published weights, else random ones",
    source="Aytar et al. 2016 (document 004)",
    options=SoundnetOptions,
    iterations={"draft": 30, "standard": 100, "best": 300},
    context_ms=lambda options: 1.0,
    prepare=keep_runs,
    match=match,
    check=check_waveforms,
    domain="waveform",
    note=lambda options: weights.describe("soundnet", options.weights),
)
