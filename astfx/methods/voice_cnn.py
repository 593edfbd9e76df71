"""`voice-cnn`: Gatys' method over a classifier of speakers (document 003 of `astfx.recipes`).

The network has four convolutions over the real and imaginary parts of an STFT and is trained to
tell speakers apart (`astfx train voice-cnn`). The optimisation starts from silence of the
content's length followed by the style ("frameshift"), and the part that grows in the silence is
the output. The document optimises the complex STFT itself. Here the waveform is optimised, so that
the STFT is that of a real signal at every step. No phase has to be found in either case.
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
from astfx.networks.classifiers import LAYERS, NetSettings, VoiceNet
from astfx.networks.soundnet import resample_smoothly
from astfx.optim.lbfgs import Minimum

RANDOM = NetSettings(
    network="voice-cnn", classes=("none",), sample_rate=48000, n_fft=512, hop_length=128
)
"""Settings of the network if it has random weights: the STFT of document 003."""


@dataclass(frozen=True, kw_only=True)
class VoiceCnnOptions(LayerOptions):
    """Options of the `voice-cnn` method, besides those of `LayerOptions`.

    Attributes
    ----------
    weights : str
        "auto" (those that `astfx weights add` added, else those that come with astfx), "random",
        or the path of a checkpoint.
    """

    start: str = "frameshift"
    learning_rate: float = 0.001
    content_weight: float = 1.0
    style_weight: float = 1000.0
    content_layers: tuple[str, ...] = ("conv3", "conv4")
    style_layers: tuple[str, ...] = ("conv1", "conv2")
    normalisation: str = "mean"
    weights: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_layers(LAYERS)


def match(problem: Problem) -> Minimum:
    """Find the waveform with the style's Gram matrices and the content's feature maps."""
    options: VoiceCnnOptions = problem.options
    device = problem.start.device
    network = weights.load_classifier("voice-cnn", options.weights, RANDOM, problem.seed)
    network = network.to(device)
    assert isinstance(network, VoiceNet)
    ratio = network.settings.sample_rate / problem.grid.sample_rate

    def extract(x: Tensor) -> Mapping[str, Tensor]:
        heard = resample_smoothly(x, max(1, round(len(x) * ratio)))
        maps = network.layers(network.picture(heard[None]))
        return {name: maps[name][0].flatten(1) for name in LAYERS}

    stage = set_stage(problem, options, kept_runs(problem.targets))
    return stage.solve(
        layer_objective(stage, extract, options), lower_bound=-math.inf, first_step=0.05
    )


METHOD = Method(
    summary="Gatys' method over a classifier of speakers, with the weights of astfx or your own",
    front_end="complex STFT, real and imaginary parts, standardised for each bin",
    features="four convolutions, trained on labelled voices",
    statistics="Gram matrices of conv1-2, maps of conv3-4, 1000 : 1",
    optimiser="L-BFGS or Adam on the waveform, from the style behind the content",
    needs="a minute; weights come with astfx, `astfx train voice-cnn` makes others",
    source="document 003",
    options=VoiceCnnOptions,
    iterations={"draft": 30, "standard": 200, "best": 1000},
    context_ms=lambda options: 1.0,
    prepare=keep_runs,
    match=match,
    check=check_waveforms,
    domain="waveform",
    note=lambda options: weights.describe("voice-cnn", options.weights),
)
