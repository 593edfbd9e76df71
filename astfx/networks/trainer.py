"""The training loop of the classifiers: network, optimiser, best weights, checkpoints.

As in Gafar 2023 (document 003 of `astfx.recipes`), the loss is cross entropy, and the
optimiser is Adam with a learning rate that shrinks every epoch, a weight decay of 1e-6 and
batches of 32.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from astfx.errors import CancelledError, DatasetError, InvalidSettingError
from astfx.networks.classifiers import NETWORKS, AudioNet, NetSettings, VoiceNet
from astfx.networks.datasets import Clip, Dataset, Split, common_rate, read_clip
from astfx.networks.weight_files import read_tensors
from astfx.runtime import tensor_files
from astfx.runtime.device import resolve_device

Network = AudioNet | VoiceNet
_VOICE_HOP_SECONDS = 0.0032
_STATISTICS_CLIPS = 1000
_CACHE_SAMPLES = 250_000_000  # a gigabyte of float32


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Settings of a training run.

    Attributes
    ----------
    epochs : int, 1 to 10000
        Maximum number of epochs.
    patience : int, 1 to 1000
        Training stops after this many epochs without a lower validation loss.
    batch_size : int, 1 to 4096
    learning_rate : float, 1e-6 to 1
    decay : float, 0.1 to 1
        Factor on the learning rate after each epoch.
    seconds : float, 0.1 to 60
        Length of the excerpts to train on; shorter clips are padded.
    sample_rate : int or None, hertz
        None is 22050 for "audio-cnn", and the most common rate of the clips for "voice-cnn".
    held_out : float, 0.02 to 0.5
        Share of clips for testing (see `astfx.networks.datasets.split`).
    seed : int
    device : {"auto", "cpu", "cuda"}
    """

    epochs: int = 40
    patience: int = 8
    batch_size: int = 32
    learning_rate: float = 0.003
    decay: float = 0.9
    seconds: float = 3.0
    sample_rate: int | None = None
    held_out: float = 0.1
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 1, 10_000),
            ("patience", 1, 1000),
            ("batch_size", 1, 4096),
            ("learning_rate", 1e-6, 1.0),
            ("decay", 0.1, 1.0),
            ("seconds", 0.1, 60.0),
            ("held_out", 0.02, 0.5),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidSettingError(f"{name}={value} must lie between {low:g} and {high:g}")
        if self.sample_rate is not None and not 8000 <= self.sample_rate <= 192000:
            raise InvalidSettingError(
                f"sample_rate={self.sample_rate} must lie between 8000 and 192000 (Hz)"
            )


@dataclass(kw_only=True)
class History:
    """Losses and accuracies after each epoch.

    Attributes
    ----------
    train_loss, validation_loss, validation_accuracy : list of float
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)


def net_settings(network: str, dataset: Dataset, settings: TrainSettings) -> NetSettings:
    """Input format and classes of a network for a data set."""
    if network == "audio-cnn":
        rate = settings.sample_rate or 22050
        n_fft, hop = 2048, 512
    else:
        rate = settings.sample_rate or common_rate(dataset.clips)
        n_fft = 512
        # 128 samples at 48 kHz, as in Gafar 2023, and about as long at other rates.
        hop = min(2 ** round(np.log2(_VOICE_HOP_SECONDS * rate)), n_fft // 4)
    return NetSettings(
        network=network, classes=dataset.labels, sample_rate=rate, n_fft=n_fft, hop_length=int(hop)
    )


class Trainer:
    """State of one training run: network, optimiser, and the best weights so far."""

    def __init__(
        self, network: str, dataset: Dataset, parts: Split, settings: TrainSettings
    ) -> None:
        self.device = resolve_device(settings.device)
        self._settings, self._parts = settings, parts
        input_settings = net_settings(network, dataset, settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.net: Network = NETWORKS[network](input_settings).to(self.device)
        self._index = {label: i for i, label in enumerate(input_settings.classes)}
        self._cache: dict[Path, Tensor] = {}
        self._cached = 0
        self.optimiser = torch.optim.Adam(
            self.net.parameters(), lr=settings.learning_rate, weight_decay=1e-6
        )
        self.epoch, self.stale = 0, 0
        self.history = History()
        self.best = self._copy()
        self._standardise()

    def _copy(self) -> dict[str, Tensor]:
        return {key: value.detach().clone() for key, value in self.net.state_dict().items()}

    def _excerpt(self, clip: Clip, rng: np.random.Generator | None) -> Tensor:
        """Excerpt of a clip: at random with `rng`, else from its middle; short clips are padded."""
        if clip.path in self._cache:
            samples = self._cache[clip.path]
        else:
            samples = torch.from_numpy(read_clip(clip, self.net.settings.sample_rate))
            if self._cached + len(samples) <= _CACHE_SAMPLES:
                self._cache[clip.path] = samples
                self._cached += len(samples)
        wanted = round(self._settings.seconds * self.net.settings.sample_rate)
        spare = len(samples) - wanted
        if spare > 0:
            first = spare // 2 if rng is None else int(rng.integers(spare + 1))
            return samples[first : first + wanted]
        before = 0 if rng is None else int(rng.integers(1 - spare))
        return functional.pad(samples, (before, -spare - before))

    def _batches(
        self, clips: Sequence[Clip], rng: np.random.Generator | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        order = np.arange(len(clips)) if rng is None else rng.permutation(len(clips))
        size = self._settings.batch_size
        for first in range(0, len(order), size):
            chosen = [clips[i] for i in order[first : first + size]]
            waveforms = torch.stack([self._excerpt(clip, rng) for clip in chosen])
            labels = torch.tensor([self._index[clip.label] for clip in chosen])
            with torch.no_grad():
                picture = self.net.picture(waveforms.to(self.device))
            yield picture, labels.to(self.device)

    def _standardise(self) -> None:
        """Set mean and deviation of the network's input (for each bin in a `VoiceNet`)."""
        is_voice = isinstance(self.net, VoiceNet)
        dims = (0, 3) if is_voice else None
        clips = self._parts.train[:: max(1, len(self._parts.train) // _STATISTICS_CLIPS)]
        count, total, squares = 0, torch.zeros(()), torch.zeros(())
        for picture, _ in self._batches(clips, None):
            wide = picture.double().cpu()
            count += wide.shape[0] * wide.shape[3] if is_voice else wide.numel()
            total = total + (wide.sum(dim=dims) if dims else wide.sum())
            squares = squares + (wide.square().sum(dim=dims) if dims else wide.square().sum())
        mean = total / count
        deviation = (squares / count - mean.square()).clamp_min(0.0).sqrt()
        deviation = torch.where(deviation > 1e-8, deviation, 1.0)
        self.net.load_state_dict(
            {**self.net.state_dict(), "mean": mean.float(), "deviation": deviation.float()}
        )
        self.best = self._copy()

    def run(self, part: Path, progress: Callable[[float], object] | None) -> None:
        """Train until the validation loss stops falling; write a checkpoint after each epoch."""
        settings = self._settings
        while self.epoch < settings.epochs and self.stale < settings.patience:
            rng = np.random.default_rng([settings.seed, self.epoch])
            torch.manual_seed(settings.seed * 10_007 + self.epoch)
            for group in self.optimiser.param_groups:
                group["lr"] = settings.learning_rate * settings.decay**self.epoch
            self.net.train()
            losses = []
            count = -(-len(self._parts.train) // settings.batch_size)
            keep_on = True
            for number, (picture, labels) in enumerate(self._batches(self._parts.train, rng)):
                self.optimiser.zero_grad()
                loss = functional.cross_entropy(self.net(picture), labels)
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimiser.step()
                losses.append(loss.item() * len(labels))
                if progress is not None:
                    done = (self.epoch + (number + 1) / count) / settings.epochs
                    keep_on = progress(min(done, 1.0)) is not False and keep_on
            validation_loss, accuracy = self._measure(self._parts.validation)
            history = self.history
            history.train_loss.append(sum(losses) / len(self._parts.train))
            if not history.validation_loss or validation_loss < min(history.validation_loss):
                self.best, self.stale = self._copy(), 0
            else:
                self.stale += 1
            history.validation_loss.append(validation_loss)
            history.validation_accuracy.append(accuracy)
            self.epoch += 1
            self.store(part)
            if not keep_on:
                raise CancelledError(f"interrupted after {self.epoch} epochs: --resume continues")
        if progress is not None:
            progress(1.0)

    def _measure(self, clips: Sequence[Clip]) -> tuple[float, float]:
        """Mean loss, and accuracy from 0 to 1."""
        self.net.eval()
        loss, right = 0.0, 0
        with torch.no_grad():
            for picture, labels in self._batches(clips, None):
                scores = self.net(picture)
                loss += float(functional.cross_entropy(scores, labels, reduction="sum"))
                right += int((scores.argmax(dim=1) == labels).sum())
        return loss / len(clips), right / len(clips)

    def accuracy(self, clips: Sequence[Clip]) -> float:
        """Accuracy of the best weights."""
        self.net.load_state_dict(self.best)
        return self._measure(clips)[1]

    def _fingerprint(self) -> dict[str, Any]:
        # When to stop may be changed on resuming.
        kept = replace(self._settings, epochs=1, patience=1)
        return {**asdict(kept), **self.net.settings.to_dict()}

    def store(self, path: Path) -> None:
        """Write a checkpoint to resume from."""
        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in self.best.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{key}": value for key, value in state.items()}
        progress = {
            "epoch": self.epoch,
            "stale": self.stale,
            "history": asdict(self.history),
            "fingerprint": self._fingerprint(),
        }
        tensor_files.save(path, tensors, {"astfx-training": json.dumps(progress)})

    def load(self, path: Path) -> None:
        """Resume from a checkpoint.

        Raises
        ------
        DatasetError
            If there is none, or it belongs to another training run.
        """
        if not path.is_file():
            raise DatasetError(
                f"there is no checkpoint '{path}' to resume from: only a training that was "
                "interrupted leaves one"
            )
        tensors, metadata = read_tensors(path)
        progress = json.loads(metadata.get("astfx-training", "{}"))
        mine, other = self._fingerprint(), progress.get("fingerprint", {})
        differing = [key for key, value in mine.items() if other.get(key) != value]
        if differing:
            raise DatasetError(
                f"checkpoint '{path}' belongs to another training run: "
                f"{', '.join(differing)} differ"
            )

        def part(prefix: str) -> dict[str, Tensor]:
            return {
                key.removeprefix(prefix): value
                for key, value in tensors.items()
                if key.startswith(prefix)
            }

        self.net.load_state_dict(part("net."))
        self.best = {key: value.to(self.device) for key, value in part("best.").items()}
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in part("adam.").items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = value
        current = self.optimiser.state_dict()
        self.optimiser.load_state_dict({**current, "state": state})
        self.epoch, self.stale = progress["epoch"], progress["stale"]
        self.history = History(**progress["history"])
