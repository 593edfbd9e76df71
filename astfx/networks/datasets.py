"""Data sets of labelled clips, in any of four folder layouts.

The layouts are: a folder per class; UrbanSound8K (``metadata/UrbanSound8K.csv``,
``audio/foldN``; used by Vedak & Bhatia, document 001 of `astfx.recipes`); VCTK (``wav48/pNNN``
and similar; used by Gafar 2023, document 003); the Free Spoken Digit Dataset
(``DIGIT_SPEAKER_INDEX.wav``). Clips that a data set reserves for testing are only tested on.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astfx.audio import FileSource, Waveform, read_excerpt, resample
from astfx.errors import AstfxError, DatasetError

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
_FSDD = re.compile(r"(\d)_([A-Za-z]+)_(\d+)\.wav")
_FSDD_TEST_BELOW = 5  # the data set's own rule: indices 0 to 4 are for testing
_VCTK_FOLDERS = ("wav48_silence_trimmed", "wav48")
_URBAN_TEST_FOLD = 10
_LONGEST_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One labelled file.

    Attributes
    ----------
    path : Path
    label : str
    is_test : bool or None
        Whether the data set reserves the clip for testing; None if it does not say.
    """

    path: Path
    label: str
    is_test: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The labelled clips of a data set.

    Attributes
    ----------
    layout : str
        Name of the folder layout.
    clips : tuple of Clip
        In the order of their paths.
    """

    layout: str
    clips: tuple[Clip, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label once, sorted."""
        return tuple(sorted({clip.label for clip in self.clips}))


def find_clips(folder: Path, network: str) -> Dataset:
    """Find the labelled clips of a folder that has any of the layouts.

    Parameters
    ----------
    folder : Path
    network : {"audio-cnn", "voice-cnn"}
        Spoken digits are labelled by speaker for "voice-cnn", by digit for "audio-cnn".

    Raises
    ------
    DatasetError
        If the folder does not exist, has none of the layouts or lacks a clip that its table
        names, or if there are fewer than two classes or fewer than two clips of a class.
    """
    if not folder.is_dir():
        raise DatasetError(f"data set '{folder}' is not a folder")
    for read in (_urban_sound, _spoken_digits, _vctk, _folder_per_class):
        found = read(folder, network)
        if found is not None:
            break
    else:
        raise DatasetError(
            f"data set '{folder}' has none of the known layouts: a folder per class, "
            "UrbanSound8K, VCTK, or DIGIT_SPEAKER_INDEX.wav files"
        )
    counts = Counter(clip.label for clip in found.clips)
    if len(counts) < 2:
        raise DatasetError(f"data set '{folder}' has one class only, at least 2 are needed")
    label, least = min(counts.items(), key=lambda item: item[1])
    if least < 2:
        raise DatasetError(f"class {label!r} has {least} clip, at least 2 are needed")
    return found


def _dataset_of(layout: str, clips: Sequence[Clip]) -> Dataset | None:
    if not clips:
        return None
    return Dataset(layout=layout, clips=tuple(sorted(clips, key=lambda clip: clip.path)))


def _urban_sound(folder: Path, network: str) -> Dataset | None:
    table = folder / "metadata" / "UrbanSound8K.csv"
    if not table.is_file():
        return None
    clips = []
    with table.open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                fold, name, label = int(row["fold"]), row["slice_file_name"], row["class"]
            except (KeyError, TypeError, ValueError):
                raise DatasetError(
                    f"'{table}' line {number} needs the columns slice_file_name, fold and class"
                ) from None
            path = folder / "audio" / f"fold{fold}" / Path(name).name
            if not path.is_file():
                raise DatasetError(f"'{table}' names '{path}', which does not exist")
            clips.append(Clip(path=path, label=label, is_test=fold == _URBAN_TEST_FOLD))
    return _dataset_of("UrbanSound8K", clips)


def _spoken_digits(folder: Path, network: str) -> Dataset | None:
    for place in (folder, folder / "recordings"):
        clips = []
        for path in place.glob("*.wav"):
            match = _FSDD.fullmatch(path.name)
            if match:
                digit, speaker, index = match.groups()
                label = speaker if network == "voice-cnn" else digit
                is_test = int(index) < _FSDD_TEST_BELOW
                clips.append(Clip(path=path, label=label, is_test=is_test))
        if clips:
            return _dataset_of("spoken digits", clips)
    return None


def _audio_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES]


def _vctk(folder: Path, network: str) -> Dataset | None:
    for name in _VCTK_FOLDERS:
        if (folder / name).is_dir():
            # Two microphones recorded each sentence; one of them is enough.
            return _dataset_of(
                "VCTK",
                [
                    Clip(path=path, label=speaker.name)
                    for speaker in (folder / name).iterdir()
                    if speaker.is_dir()
                    for path in _audio_in(speaker)
                    if not path.stem.endswith("_mic1")
                ],
            )
    return None


def _folder_per_class(folder: Path, network: str) -> Dataset | None:
    return _dataset_of(
        "a folder per class",
        [
            Clip(path=path, label=part.name)
            for part in folder.iterdir()
            if part.is_dir()
            for path in _audio_in(part)
        ],
    )


@dataclass(frozen=True, kw_only=True)
class Split:
    """Clips for training, for early stopping (validation) and for testing."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]


def split(dataset: Dataset, held_out: float, seed: int) -> Split:
    """Split a data set class by class; the same seed gives the same split.

    Parameters
    ----------
    held_out : float, 0.02 to 0.5
        Share of clips for testing, unless the data set says which ones they are. The same
        share of the rest is for validation. Each part gets at least one clip of each class
        if there are enough.
    """
    rng = np.random.default_rng(seed)
    parts: dict[str, list[Clip]] = {"train": [], "validation": [], "test": []}
    for label in dataset.labels:
        clips = [clip for clip in dataset.clips if clip.label == label]
        rest = [clip for clip in clips if not clip.is_test]
        rest = [rest[i] for i in rng.permutation(len(rest))]
        if any(clip.is_test is not None for clip in clips):
            parts["test"] += [clip for clip in clips if clip.is_test]
        else:
            count = max(1, round(held_out * len(rest)))
            parts["test"] += rest[:count]
            rest = rest[count:]
        count = max(1, round(held_out * len(rest))) if len(rest) > 2 else 0
        parts["validation"] += rest[:count]
        parts["train"] += rest[count:]
    return Split(**{name: tuple(clips) for name, clips in parts.items()})


def common_rate(clips: Sequence[Clip], most: int = 48000) -> int:
    """Most common sample rate of the first hundred clips in hertz, at most `most`."""
    rates = Counter(FileSource(clip.path, "clip").sample_rate for clip in clips[:100])
    return min(rates.most_common(1)[0][0], most)


def read_clip(clip: Clip, sample_rate: int) -> Waveform:
    """Read up to a minute of a clip in mono, at an RMS of 0.1, (samples,).

    Raises
    ------
    DatasetError
        If it cannot be read, or is silent.
    """
    try:
        source = FileSource(clip.path, "clip")
        samples = read_excerpt(source, _LONGEST_SECONDS).mean(axis=0, keepdims=True)
        samples = resample(np.ascontiguousarray(samples), source.sample_rate, sample_rate)[0]
    except AstfxError as error:
        raise DatasetError(str(error)) from None
    rms = float(np.sqrt(np.square(samples).mean()))
    if not rms > 1e-7:
        raise DatasetError(f"clip '{clip.path}' is silent")
    return np.asarray(samples * np.float32(0.1 / rms))
