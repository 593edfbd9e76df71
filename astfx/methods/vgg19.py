"""`vgg19`: Gatys' image style transfer, with a spectrogram as the image.

This is the base model of document 001 (`astfx.recipes`), and the systems of documents 002 (a mel
spectrogram in decibels) and 004 (a linear spectrogram). See L. A. Gatys, A. S. Ecker and
M. Bethge, "Image style transfer using convolutional neural networks", CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from astfx.errors import InvalidSettingError
from astfx.frontends.filterbanks import Picture, check_front_end
from astfx.methods.base import Method, Problem
from astfx.methods.layers import LayerOptions, layer_objective
from astfx.methods.optimising import check_range, check_spectra, keep_runs, kept_runs, set_stage
from astfx.networks import weights
from astfx.networks.vgg import LAYERS, POOLINGS, Vgg19
from astfx.optim.lbfgs import Minimum


@dataclass(frozen=True, kw_only=True)
class Vgg19Options(LayerOptions):
    """Options of the `vgg19` method, besides those of `LayerOptions`.

    Attributes
    ----------
    front_end : {"mel-db", "log", "linear", "cqt"}
    bands : int, 16 to 1024
        Number of rows of the image ("cqt" has a number of its own).
    pooling : {"max", "average"}
    weights : str
        "auto" (those that `astfx weights add` added, else random ones), "random", or the path of
        a state dict.
    """

    content_weight: float = 0.01
    content_layers: tuple[str, ...] = ("conv4_2",)
    style_layers: tuple[str, ...] = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    front_end: str = "mel-db"
    bands: int = 128
    pooling: str = "max"
    weights: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_layers(LAYERS)
        check_front_end(self.front_end)
        check_range(self, 16, 1024, "bands")
        if self.pooling not in POOLINGS:
            raise InvalidSettingError(
                f"pooling={self.pooling!r} must be one of {', '.join(POOLINGS)}"
            )


def match(problem: Problem) -> Minimum:
    """Find the frames whose image has the style's Gram matrices."""
    options: Vgg19Options = problem.options
    device = problem.start.device
    front = Picture(
        front_end=options.front_end,
        n_bands=options.bands,
        sample_rate=problem.grid.sample_rate,
        n_fft=problem.grid.n_fft,
        device=device,
    )
    content_layers = options.content_layers if options.content_weight > 0.0 else ()
    last = max((*options.style_layers, *content_layers), key=LAYERS.index)
    state = weights.load_published("vgg19", options.weights, problem.seed)
    network = Vgg19(state, last, options.pooling, device)
    stage = set_stage(problem, options, kept_runs(problem.targets))
    # The network expects values from 0 to 1, and log magnitudes reach about 5.
    scale = 1.0 if options.front_end == "mel-db" else 1.0 / max(float(stage.content.max()), 1e-6)

    def extract(x: Tensor) -> Mapping[str, Tensor]:
        return network(front(x).T * scale)

    return stage.solve(layer_objective(stage, extract, options))


METHOD = Method(
    summary="Gatys' method for images, with a spectrogram as the image",
    front_end="mel spectrogram in dB as an image; or linear, log or CQT",
    features="VGG-19",
    statistics="Gram matrices of five layers, maps of conv4_2",
    optimiser="L-BFGS or Adam",
    needs="a minute or two; published weights, else random ones",
    source="Gatys et al. 2016 (documents 001, 002, 004)",
    options=Vgg19Options,
    iterations={"draft": 10, "standard": 40, "best": 200},
    context_ms=lambda options: 1.0,
    prepare=keep_runs,
    match=match,
    check=check_spectra,
    note=lambda options: weights.describe("vgg19", options.weights),
)
