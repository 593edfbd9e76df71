"""VGG-19's convolutions in plain torch, with torchvision's names.

K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
recognition", ICLR 2015. The layers are named as in Gatys et al. 2016, conv1_1 to conv5_4, and
taken after their ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

POOLINGS = ("max", "average")
_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
_IMAGE_MEAN = (0.485, 0.456, 0.406)
_IMAGE_DEVIATION = (0.229, 0.224, 0.225)


def _plan() -> dict[str, tuple[int, int, int]]:
    """Map each layer to its index in torchvision's `features`, channels in and channels out."""
    plan, index, channels = {}, 0, 3
    for block, (width, count) in enumerate(_BLOCKS, start=1):
        for number in range(1, count + 1):
            plan[f"conv{block}_{number}"] = (index, channels, width)
            index, channels = index + 2, width  # a ReLU follows each convolution
        index += 1  # a pooling layer follows each block
    return plan


PLAN = _plan()
LAYERS = tuple(PLAN)


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published state dict's convolutions."""
    shapes: dict[str, tuple[int, ...]] = {}
    for index, before, after in PLAN.values():
        shapes[f"features.{index}.weight"] = (after, before, 3, 3)
        shapes[f"features.{index}.bias"] = (after,)
    return shapes


def random_state(seed: int) -> dict[str, Tensor]:
    """He-initialised weights (He et al. 2015), the same on every machine."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in expected_shapes().items():
        if name.endswith("bias"):
            state[name] = torch.zeros(shape)
        else:
            deviation = (2.0 / (shape[1] * 9)) ** 0.5
            state[name] = torch.randn(shape, generator=generator) * deviation
    return state


class Vgg19:
    """VGG-19: feature maps of a picture.

    Parameters
    ----------
    state : mapping of str to Tensor
        Named and shaped as in `expected_shapes`.
    last : str
        The last layer to compute.
    pooling : {"max", "average"}
        Gatys et al. prefer the average.
    device : torch.device
    """

    def __init__(
        self, state: Mapping[str, Tensor], last: str, pooling: str, device: torch.device
    ) -> None:
        self._state = {name: tensor.to(device) for name, tensor in state.items()}
        self._last = last
        self._pool = functional.max_pool2d if pooling == "max" else functional.avg_pool2d
        self._mean = torch.tensor(_IMAGE_MEAN, device=device)[:, None, None]
        self._deviation = torch.tensor(_IMAGE_DEVIATION, device=device)[:, None, None]

    def __call__(self, picture: Tensor) -> dict[str, Tensor]:
        """Feature maps, (rows, columns) from 0 to 1 -> each (channels, positions)."""
        # The one channel is repeated to the three that the network was trained on.
        x = ((picture[None] - self._mean) / self._deviation)[None]
        found: dict[str, Tensor] = {}
        for name, (index, _, _) in PLAN.items():
            if name.endswith("_1") and found:
                x = self._pool(x, 2, ceil_mode=True)
            weight, bias = (self._state[f"features.{index}.{part}"] for part in ("weight", "bias"))
            x = functional.relu(functional.conv2d(x, weight, bias, padding=1))
            found[name] = x[0].flatten(1)
            if name == self._last:
                break
        return found
