"""`spectrum-ensemble`: Gatys' losses, and two losses of energy envelopes.

This is the method of P. Verma and J. O. Smith, "Neural style transfer for audio spectrograms"
(2018), which documents 000 and 002 (`astfx.recipes`) cite. It compares a classifier's layers over
a log spectrogram. To Gatys' two losses it adds the distance of the energy envelopes along
frequency (weight gamma) and along time (weight delta). No document states the weights, nor whether
the target envelopes are those of the style or of the content. Here, the style's envelope along
frequency and the content's along time serve both style and content best; the page of the methods
in docs has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from astfx.errors import InvalidSettingError
from astfx.methods.audio_cnn import AudioCnnOptions, layers_of_frames
from astfx.methods.base import Method, Problem
from astfx.methods.layers import layer_loss
from astfx.methods.optimising import check_range, check_spectra, keep_runs, kept_runs, set_stage
from astfx.networks import weights
from astfx.optim.autograd import objective_of
from astfx.optim.lbfgs import Minimum

ROLES = ("content", "style")


@dataclass(frozen=True, kw_only=True)
class SpectrumEnsembleOptions(AudioCnnOptions):
    """Options of the `spectrum-ensemble` method, besides those of `audio-cnn`.

    `content_weight` and `style_weight` are the paper's alpha and beta.

    Attributes
    ----------
    gamma, delta : float, 0 to 1e6
        Weights of the energy envelopes along frequency and along time.
    frequency_envelope, time_envelope : {"content", "style"}
        Sound whose envelope is the target. The style's envelope along time is resampled to the
        content's length.
    """

    gamma: float = 0.01
    delta: float = 0.001
    frequency_envelope: str = "style"
    time_envelope: str = "content"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0.0, 1e6, "gamma", "delta")
        for name in ("frequency_envelope", "time_envelope"):
            if getattr(self, name) not in ROLES:
                raise InvalidSettingError(
                    f"{name}={getattr(self, name)!r} must be one of {', '.join(ROLES)}"
                )


def envelope(frames: Tensor, along: str) -> Tensor:
    """Return the root mean square of log-magnitude frames at each "frequency" or each "time".

    (frames, bins) -> (bins,) or (frames,).
    """
    return frames.square().mean(dim=0 if along == "frequency" else 1).add(1e-9).sqrt()


def stretched(curve: Tensor, length: int) -> Tensor:
    """Resample a curve to a length by linear interpolation, (n,) -> (length,)."""
    return functional.interpolate(
        curve[None, None], size=length, mode="linear", align_corners=True
    )[0, 0]


def match(problem: Problem) -> Minimum:
    """Find the frames that minimise the sum of the four losses."""
    options: SpectrumEnsembleOptions = problem.options
    extract = layers_of_frames(options.weights, problem.grid, problem.seed, problem.start)
    stage = set_stage(problem, options, kept_runs(problem.targets))
    base = layer_loss(stage, extract, options)
    sources = {"content": stage.content, "style": torch.cat(stage.style)}
    spectrum = envelope(sources[options.frequency_envelope], "frequency")
    course = stretched(envelope(sources[options.time_envelope], "time"), len(stage.start))

    def loss(x: Tensor) -> Tensor:
        total = base(x)
        for weight, along, target in (
            (options.gamma, "frequency", spectrum),
            (options.delta, "time", course),
        ):
            if weight > 0.0:
                error = (envelope(x, along) - target).square().sum()
                total = total + weight * error / target.square().sum()
        return total

    return stage.solve(objective_of(loss))


METHOD = Method(
    summary="a classifier's layers, and energy envelopes along time and frequency",
    front_end="log spectrogram of 128 bands",
    features="four convolutions, trained on labelled sounds",
    statistics="Gram matrices and two energy envelopes, alpha to delta",
    optimiser="L-BFGS or Adam",
    needs="seconds; weights come with astfx, `astfx train audio-cnn` makes others",
    source="Verma & Smith 2018 (documents 000, 002)",
    options=SpectrumEnsembleOptions,
    iterations={"draft": 20, "standard": 100, "best": 300},
    context_ms=lambda options: 1.0,
    prepare=keep_runs,
    match=match,
    check=check_spectra,
    note=lambda options: weights.describe("audio-cnn", options.weights),
)
