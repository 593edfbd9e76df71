"""`audio-cnn`: Gatys' method over a classifier of sounds (document 001 of `astfx.recipes`).

The network has four convolutions over log spectrograms and is trained to tell classes of sounds
apart (`astfx train audio-cnn`). The style loss is averaged over its layers. The weights that
come with astfx were trained on sounds that the project synthesised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from astfx.frontends.filterbanks import Picture
from astfx.frontends.grid import Grid
from astfx.methods.base import Method, Problem
from astfx.methods.layers import LayerOptions, layer_objective
from astfx.methods.optimising import check_spectra, keep_runs, kept_runs, set_stage
from astfx.networks import weights
from astfx.networks.classifiers import LAYERS, AudioNet, NetSettings
from astfx.optim.lbfgs import Minimum

RANDOM = NetSettings(
    network="audio-cnn", classes=("none",), sample_rate=22050, n_fft=2048, hop_length=512
)
"""Settings of the network if it has random weights."""


@dataclass(frozen=True, kw_only=True)
class AudioCnnOptions(LayerOptions):
    """Options of the `audio-cnn` method, besides those of `LayerOptions`.

    Attributes
    ----------
    weights : str
        "auto" (those that `astfx weights add` added, else those that come with astfx), "random",
        or the path of a checkpoint.
    """

    content_weight: float = 0.01
    content_layers: tuple[str, ...] = ("conv4",)
    style_layers: tuple[str, ...] = LAYERS
    weights: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_layers(LAYERS)


def layers_of_frames(
    choice: str, grid: Grid, seed: int, like: Tensor
) -> Callable[[Tensor], Mapping[str, Tensor]]:
    """Return a function that maps log-magnitude frames to the classifier's feature maps.

    Parameters
    ----------
    choice : str
        The `weights` option.
    like : Tensor
        A tensor on the device to use.
    """
    network = weights.load_classifier("audio-cnn", choice, RANDOM, seed).to(like.device)
    assert isinstance(network, AudioNet)
    front = Picture(
        front_end="log",
        n_bands=network.settings.n_bands,
        sample_rate=grid.sample_rate,
        n_fft=grid.n_fft,
        device=like.device,
    )

    def extract(x: Tensor) -> Mapping[str, Tensor]:
        return {name: maps[0].flatten(1) for name, maps in network.layers(front(x)[None]).items()}

    return extract


def match(problem: Problem) -> Minimum:
    """Find the frames whose feature maps have the style's Gram matrices."""
    options: AudioCnnOptions = problem.options
    extract = layers_of_frames(options.weights, problem.grid, problem.seed, problem.start)
    stage = set_stage(problem, options, kept_runs(problem.targets))
    return stage.solve(layer_objective(stage, extract, options))


METHOD = Method(
    summary="Gatys' method over a classifier of sounds, with the weights of astfx or your own",
    front_end="log spectrogram of 128 bands",
    features="four convolutions, trained on labelled sounds",
    statistics="Gram matrices, averaged over the layers",
    optimiser="L-BFGS or Adam",
    needs="seconds; weights come with astfx, `astfx train audio-cnn` makes others",
    source="document 001",
    options=AudioCnnOptions,
    iterations={"draft": 20, "standard": 100, "best": 300},
    context_ms=lambda options: 1.0,
    prepare=keep_runs,
    match=match,
    check=check_spectra,
    note=lambda options: weights.describe("audio-cnn", options.weights),
)
