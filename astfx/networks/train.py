"""Train a classifier on a folder of labelled clips, and write its weights.

Early stopping uses validation clips of its own. The reported accuracy is that of test clips,
which neither training nor early stopping has seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from astfx.errors import DatasetError, InvalidSettingError, WeightsError
from astfx.networks.classifiers import NETWORKS
from astfx.networks.datasets import find_clips, split
from astfx.networks.trainer import History, Trainer, TrainSettings
from astfx.runtime import tensor_files

__all__ = ["TrainSettings", "Trained", "train"]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Result of a training run.

    Attributes
    ----------
    accuracy : float, 0 to 1
        Accuracy on the test clips.
    classes : tuple of str
    clips : tuple of int
        Numbers of training, validation and test clips.
    epochs : int
    history : History
    layout : str
        Folder layout of the data set.
    """

    accuracy: float
    classes: tuple[str, ...]
    clips: tuple[int, int, int]
    epochs: int
    history: History
    layout: str

    def summary(self) -> str:
        """Describe the result in one line."""
        return (
            f"{len(self.classes)} classes, {self.clips[0]} clips, {self.epochs} epochs: "
            f"{100 * self.accuracy:.1f} % of {self.clips[2]} held-out clips are right"
        )


def train(
    network: str,
    folder: Path,
    output: Path,
    settings: TrainSettings | None = None,
    *,
    provenance: str = "",
    resume: bool = False,
    progress: Callable[[float], object] | None = None,
) -> Trained:
    """Train a classifier on a folder of labelled clips and write its weights.

    Parameters
    ----------
    network : {"audio-cnn", "voice-cnn"}
    folder : Path
        In one of the layouts of `astfx.networks.datasets`.
    output : Path
        A .safetensors file. Until training ends, ``OUTPUT.part.safetensors`` beside it is the
        checkpoint to resume from.
    settings : TrainSettings, optional
    provenance : str
        Where the data came from, and its licence; stored in the file.
    resume : bool
        Continue after the last finished epoch.
    progress : callable, optional
        Called with the share done, 0 to 1; False stops at the end of the epoch.

    Raises
    ------
    InvalidSettingError, DatasetError, DeviceError
    WeightsError
        If the folder of `output` does not exist.
    CancelledError
        If `progress` returned False; the checkpoint stays.
    """
    if network not in NETWORKS:
        raise InvalidSettingError(f"network={network!r} must be one of {', '.join(NETWORKS)}")
    if output.suffix != ".safetensors":
        raise InvalidSettingError(f"weights file '{output}' must end in .safetensors")
    if not output.absolute().parent.is_dir():
        raise WeightsError(f"weights file '{output}': its folder does not exist")
    chosen = settings or TrainSettings()
    dataset = find_clips(folder, network)
    parts = split(dataset, chosen.held_out, chosen.seed)
    if not (parts.train and parts.validation and parts.test):
        raise DatasetError(f"data set '{folder}' has too few clips to train, validate and test")
    trainer = Trainer(network, dataset, parts, chosen)
    part = output.with_suffix(".part.safetensors")
    if resume:
        trainer.load(part)
    with torch.random.fork_rng(devices=[]):
        trainer.run(part, progress)
    accuracy = trainer.accuracy(parts.test)
    description = {
        "settings": trainer.net.settings.to_dict(),
        "held_out_accuracy": accuracy,
        "clips": [len(parts.train), len(parts.validation), len(parts.test)],
        "epochs": trainer.epoch,
        "layout": dataset.layout,
        "provenance": provenance,
    }
    tensor_files.save(
        output, trainer.best, {"astfx-network": json.dumps(description, sort_keys=True)}
    )
    part.unlink(missing_ok=True)
    return Trained(
        accuracy=accuracy,
        classes=trainer.net.settings.classes,
        clips=(len(parts.train), len(parts.validation), len(parts.test)),
        epochs=trainer.epoch,
        history=trainer.history,
        layout=dataset.layout,
    )
