"""SoundNet's eight layers in plain torch.

Y. Aytar, C. Vondrick and A. Torralba, "SoundNet: learning sound representations from
unlabeled video", NIPS 2016: convolutions over the raw waveform at 22.05 kHz, trained to agree
with two image networks that see the pictures of the same videos. The layers are conv1 to
conv7 after their ReLU, and conv8 (objects) and conv8_2 (scenes) without a ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

SAMPLE_RATE_HZ = 22050
# name: channels in, channels out, kernel, padding, pooling after it; all have a stride of 2.
PLAN: dict[str, tuple[int, int, int, int, int]] = {
    "conv1": (1, 16, 64, 32, 8),
    "conv2": (16, 32, 32, 16, 8),
    "conv3": (32, 64, 16, 8, 1),
    "conv4": (64, 128, 8, 4, 1),
    "conv5": (128, 256, 4, 2, 4),
    "conv6": (256, 512, 4, 2, 1),
    "conv7": (512, 1024, 4, 2, 1),
    "conv8": (1024, 1000, 8, 0, 1),
    "conv8_2": (1024, 401, 8, 0, 1),
}
LAYERS = tuple(PLAN)
_FULL_SCALE = 256.0  # the network was trained on samples from -256 to 256
_EPSILON = 1e-5
# From the names in sound8.npy, a dictionary by layer, to the names used here.
_NPY_NAMES = {
    "weights": "weight", "biases": "bias", "mean": "norm.mean", "var": "norm.var",
    "gamma": "norm.weight", "beta": "norm.bias",
}  # fmt: skip


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published weights, as `from_published` names them."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (before, after, kernel, _, _) in PLAN.items():
        shapes[f"{name}.weight"] = (after, before, kernel)
        shapes[f"{name}.bias"] = (after,)
        if not name.startswith("conv8"):
            for part in ("weight", "bias", "mean", "var"):
                shapes[f"{name}.norm.{part}"] = (after,)
    return shapes


def from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and reshape the tensors of sound8.npy ("conv1/weights": height, width, in, out)."""
    result = {}
    for key, tensor in state.items():
        layer, _, part = key.partition("/")
        if part not in _NPY_NAMES:
            result[key] = tensor
            continue
        if part == "weights" and tensor.ndim == 4:
            tensor = tensor[:, 0].permute(2, 1, 0)
        result[f"{layer}.{_NPY_NAMES[part]}"] = tensor.float().contiguous()
    return result


def random_state(seed: int) -> dict[str, Tensor]:
    """He-initialised weights and neutral normalisation, the same on every machine."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in expected_shapes().items():
        if name.endswith(("norm.weight", "norm.var")):
            state[name] = torch.ones(shape)
        elif len(shape) == 1:
            state[name] = torch.zeros(shape)
        else:
            deviation = (2.0 / (shape[1] * shape[2])) ** 0.5
            state[name] = torch.randn(shape, generator=generator) * deviation
    # Random weights come without statistics to normalise by, so scale the input to about one.
    state["conv1.weight"] /= 0.1 * _FULL_SCALE
    return state


class SoundNet:
    """SoundNet: feature maps of a waveform.

    Parameters
    ----------
    state : mapping of str to Tensor
        Named and shaped as in `expected_shapes`.
    last : str
        The last layer to compute.
    device : torch.device
    """

    def __init__(self, state: Mapping[str, Tensor], last: str, device: torch.device) -> None:
        self._state = {name: tensor.to(device) for name, tensor in state.items()}
        self._last = last

    def __call__(self, waveform: Tensor) -> dict[str, Tensor]:
        """Feature maps, (samples,) at 22.05 kHz -> each (channels, positions)."""
        x = fork = waveform[None, None] * _FULL_SCALE
        found: dict[str, Tensor] = {}
        for name, (_, _, kernel, padding, pooling) in PLAN.items():
            # Both eighth layers follow the seventh. A clip shorter than a kernel is padded.
            fork = x if name == "conv8" else fork
            source = fork if name == "conv8_2" else x
            short = kernel - source.shape[-1] - 2 * padding
            if short > 0:
                source = functional.pad(source, (0, short))
            bias = self._state[f"{name}.bias"]
            x = functional.conv1d(source, self._state[f"{name}.weight"], bias, 2, padding)
            if f"{name}.norm.mean" in self._state:
                mean, variance, weight, offset = (
                    self._state[f"{name}.norm.{part}"] for part in ("mean", "var", "weight", "bias")
                )
                x = functional.batch_norm(x, mean, variance, weight, offset, eps=_EPSILON)
                x = functional.relu(x)
            found[name] = x[0]
            if name == self._last:
                break
            if pooling > 1 and x.shape[-1] >= pooling:
                x = functional.max_pool1d(x, pooling)
        return found


def resample_smoothly(waveform: Tensor, n_samples: int) -> Tensor:
    """Resample a clip to another length through its spectrum, differentiably."""
    if n_samples == len(waveform):
        return waveform
    spectrum = torch.fft.rfft(waveform)
    bins = n_samples // 2 + 1
    if bins < len(spectrum):
        spectrum = spectrum[:bins]
    resampled: Tensor = torch.fft.irfft(spectrum, n=n_samples) * (n_samples / len(waveform))
    return resampled
