"""Weights of networks: where they are, loading, checking and adding them.

A network's weights are looked for in the folder of added weights (``astfx weights add``),
then among those that come with astfx. If there are none, the network runs on seeded random
weights, and renders say so.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from astfx.errors import InvalidSettingError, WeightsError
from astfx.networks import classifiers, soundnet, vgg
from astfx.networks.classifiers import NETWORKS, AudioNet, NetSettings, VoiceNet
from astfx.networks.weight_files import read_tensors
from astfx.runtime import tensor_files
from astfx.runtime.folders import user_data_folder

CHOICES = ("auto", "random")
SHIPPED = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A network with published weights.

    Attributes
    ----------
    what : str
        Description of the published file.
    shapes : callable
        () -> names and shapes of the tensors.
    rename : callable
        Published tensors -> the same under those names.
    random_state : callable
        Seed -> random weights.
    """

    what: str
    shapes: Callable[[], dict[str, tuple[int, ...]]]
    rename: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
    random_state: Callable[[int], dict[str, Tensor]]


PUBLISHED: dict[str, Published] = {
    "vgg19": Published(
        what="torchvision's VGG-19 state dict (.pth or .safetensors)",
        shapes=vgg.expected_shapes,
        rename=lambda state: state,
        random_state=vgg.random_state,
    ),
    "soundnet": Published(
        what="SoundNet's eight layers (sound8.npy, or the same tensors as .safetensors)",
        shapes=soundnet.expected_shapes,
        rename=soundnet.from_published,
        random_state=soundnet.random_state,
    ),
}
NAMES = (*PUBLISHED, *NETWORKS)


def folder() -> Path:
    """Folder of added weights: the one that ASTFX_WEIGHTS names, else in the user's data folder."""
    chosen = os.environ.get("ASTFX_WEIGHTS")
    return Path(chosen) if chosen else user_data_folder() / "weights"


def find(name: str, choice: str = "auto") -> Path | None:
    """Find a network's weights; None means random weights.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    choice : str
        "auto", "random", or a path.

    Raises
    ------
    WeightsError
        If `choice` is a path that does not exist.
    """
    if choice == "random":
        return None
    if choice != "auto":
        path = Path(choice)
        if not path.is_file():
            raise WeightsError(f"weights file '{path}' does not exist")
        return path
    for place in (folder(), SHIPPED):
        path = place / f"{name}.safetensors"
        if path.is_file():
            return path
    return None


def check(
    name: str, state: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """Check the tensors that a network needs, and return them as float32.

    Raises
    ------
    WeightsError
        If one is missing, has another shape, or is not finite.
    """
    for key, shape in shapes.items():
        if key not in state:
            raise WeightsError(f"weights for {name} lack the tensor {key!r}")
        if tuple(state[key].shape) != shape:
            raise WeightsError(
                f"weights for {name}: tensor {key!r} has shape {tuple(state[key].shape)}, "
                f"not {shape}"
            )
        if not bool(torch.isfinite(state[key]).all()):
            raise WeightsError(f"weights for {name}: tensor {key!r} is not finite")
    return {key: state[key].float().contiguous() for key in shapes}


def load_published(name: str, choice: str, seed: int) -> dict[str, Tensor]:
    """Load the weights of a published network, or random ones if there are none."""
    path = find(name, choice)
    if path is None:
        return PUBLISHED[name].random_state(seed)
    return _published(name, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _published(name: str, path: Path, changed: int) -> dict[str, Tensor]:
    row = PUBLISHED[name]
    return check(name, row.rename(read_tensors(path)[0]), row.shapes())


def load_classifier(
    name: str, choice: str, fallback: NetSettings, seed: int
) -> AudioNet | VoiceNet:
    """Return a trained classifier, or one with seeded random weights, ready for evaluation.

    Raises
    ------
    WeightsError
        If the file was not written by `astfx train`, or is for another network.
    """
    path = find(name, choice)
    if path is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return NETWORKS[name](fallback).eval().requires_grad_(False)
    tensors, metadata = read_tensors(path)
    net = classifier_of(name, tensors, metadata, path)
    return net.eval().requires_grad_(False)


def classifier_of(
    name: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], path: Path
) -> AudioNet | VoiceNet:
    """Build a classifier from a checkpoint's tensors and metadata."""
    try:
        values = json.loads(metadata["astfx-network"])["settings"]
        settings = NetSettings(**{**values, "classes": tuple(values["classes"])})
        if settings.network != name:
            raise WeightsError(f"weights file '{path}' is for {settings.network!r}, not {name!r}")
        net = NETWORKS[name](settings)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"weights file '{path}' was not written by `astfx train`") from None
    shapes = {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()}
    net.load_state_dict(check(name, tensors, shapes))
    return net


def add(name: str, file: str | os.PathLike[str]) -> Path:
    """Check published or trained weights and copy them to where methods look for them.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    file : path

    Returns
    -------
    Path
        The safetensors file that was written.

    Raises
    ------
    InvalidSettingError
        For an unknown name.
    WeightsError
        If the file does not exist or does not contain that network's weights.
    """
    if name not in NAMES:
        raise InvalidSettingError(f"weights name {name!r} must be one of {', '.join(NAMES)}")
    path = Path(file)
    if not path.is_file():
        raise WeightsError(f"weights file '{path}' does not exist")
    state, metadata = read_tensors(path)
    if name in PUBLISHED:
        row = PUBLISHED[name]
        kept = check(name, row.rename(state), row.shapes())
    else:
        kept = dict(classifier_of(name, state, metadata, path).state_dict())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    metadata = {**metadata, "astfx-source": f"{path.name} (sha256 {digest})"}
    target = folder() / f"{name}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    tensor_files.save(target, kept, metadata)
    return target


def describe(name: str, choice: str = "auto") -> str:
    """Note that a network runs on random weights; "" if it has published or trained ones."""
    if find(name, choice) is not None:
        return ""
    what = PUBLISHED[name].what if name in PUBLISHED else "weights from `astfx train`"
    return f"{name} runs on seeded random weights: `astfx weights add {name} FILE` installs {what}"


LAYERS = {
    "vgg19": vgg.LAYERS,
    "soundnet": soundnet.LAYERS,
    "audio-cnn": classifiers.LAYERS,
    "voice-cnn": classifiers.LAYERS,
}
"""Names of each network's layers."""
