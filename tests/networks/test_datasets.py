from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from astfx.errors import DatasetError
from astfx.networks.datasets import common_rate, find_clips, read_clip, split

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a short clip under the temporary folder."""

    def write_clip(name: str, level: float = 0.1, sample_rate: int = 8000) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(len(name))
        soundfile.write(path, level * rng.standard_normal(sample_rate // 4), sample_rate)
        return path

    return write_clip


def test_a_folder_per_class(write: Write, tmp_path: Path) -> None:
    for name in ("rain/a.wav", "rain/sub/b.flac", "wind/a.wav", "wind/b.wav", "wind/notes.txt"):
        if name.endswith("txt"):
            (tmp_path / name).write_text("no audio")
        else:
            write(name)
    found = find_clips(tmp_path, "audio-cnn")
    assert found.layout == "a folder per class"
    assert found.labels == ("rain", "wind")
    assert len(found.clips) == 4
    assert all(clip.is_test is None for clip in found.clips)


def test_spoken_digits_by_speaker_and_by_digit(write: Write, tmp_path: Path) -> None:
    for digit in range(2):
        for speaker in ("ann", "Bob"):
            for index in (3, 5, 12):
                write(f"recordings/{digit}_{speaker}_{index}.wav")
    voices = find_clips(tmp_path, "voice-cnn")
    assert voices.layout == "spoken digits"
    assert voices.labels == ("Bob", "ann")
    assert find_clips(tmp_path, "audio-cnn").labels == ("0", "1")
    assert {c.path.stem.split("_")[2] for c in voices.clips if c.is_test} == {"3"}
    parts = split(voices, 0.1, 0)
    assert len(parts.test) == 4
    assert all(clip.is_test for clip in parts.test)


def test_urban_sound_by_its_table_and_tenth_fold(write: Write, tmp_path: Path) -> None:
    lines = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for fold in (1, 10):
        for label in ("dog_bark", "siren"):
            for take in range(2):
                name = f"{label}-{take}.wav"
                write(f"audio/fold{fold}/{name}")
                lines.append(f"{name},1,0,1,1,{fold},3,{label}")
    table = tmp_path / "metadata" / "UrbanSound8K.csv"
    table.parent.mkdir()
    table.write_text("\n".join(lines))
    found = find_clips(tmp_path, "audio-cnn")
    assert found.layout == "UrbanSound8K"
    assert found.labels == ("dog_bark", "siren")
    assert [clip.is_test for clip in found.clips] == ["fold10" in str(c.path) for c in found.clips]
    table.write_text("\n".join([*lines, "gone.wav,1,0,1,1,1,3,siren"]))
    with pytest.raises(DatasetError, match=r"names '.*gone\.wav', which does not exist"):
        find_clips(tmp_path, "audio-cnn")
    table.write_text("slice_file_name,fold\nx.wav,1\n")
    with pytest.raises(DatasetError, match="line 2 needs the columns slice_file_name, fold and"):
        find_clips(tmp_path, "audio-cnn")


def test_vctk_by_speaker_and_one_microphone(write: Write, tmp_path: Path) -> None:
    for speaker in ("p225", "p226"):
        for sentence in ("001", "002"):
            for mic in ("mic1", "mic2"):
                write(f"wav48_silence_trimmed/{speaker}/{speaker}_{sentence}_{mic}.flac")
    found = find_clips(tmp_path, "voice-cnn")
    assert found.layout == "VCTK"
    assert found.labels == ("p225", "p226")
    assert len(found.clips) == 4
    assert all(clip.path.stem.endswith("mic2") for clip in found.clips)


def test_a_split_is_whole_disjoint_and_repeats(write: Write, tmp_path: Path) -> None:
    for label in ("a", "b", "c"):
        for take in range(20):
            write(f"{label}/{take}.wav")
    found = find_clips(tmp_path, "audio-cnn")
    parts = split(found, 0.2, 3)
    assert parts == split(found, 0.2, 3)
    assert parts != split(found, 0.2, 4)
    paths = [clip.path for part in (parts.train, parts.validation, parts.test) for clip in part]
    assert sorted(paths) == [clip.path for clip in found.clips]
    for part, count in ((parts.test, 4), (parts.validation, 3), (parts.train, 13)):
        assert [sum(c.label == label for c in part) for label in "abc"] == [count] * 3


def test_clips_are_read_at_one_level_and_rate(write: Write, tmp_path: Path) -> None:
    for name, rate in (
        ("a/1.wav", 16000),
        ("a/2.wav", 16000),
        ("b/1.wav", 8000),
        ("b/2.wav", 16000),
    ):
        write(name, sample_rate=rate)
    found = find_clips(tmp_path, "audio-cnn")
    assert common_rate(found.clips) == 16000
    for clip in found.clips:
        samples = read_clip(clip, 16000)
        assert samples.shape == (4000,)
        assert float(np.sqrt(np.square(samples).mean())) == pytest.approx(0.1, rel=1e-4)


def test_what_cannot_be_trained_on_is_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"data set '.*/none' is not a folder"):
        find_clips(tmp_path / "none", "audio-cnn")
    with pytest.raises(DatasetError, match="has none of the known layouts: a folder per class"):
        find_clips(tmp_path, "audio-cnn")
    write("a/1.wav")
    write("a/2.wav")
    with pytest.raises(DatasetError, match="has one class only, at least 2 are needed"):
        find_clips(tmp_path, "audio-cnn")
    silent = write("b/1.wav", level=0.0)
    with pytest.raises(DatasetError, match="class 'b' has 1 clip, at least 2 are needed"):
        find_clips(tmp_path, "audio-cnn")
    write("b/2.wav")
    clip = next(c for c in find_clips(tmp_path, "audio-cnn").clips if c.path == silent)
    with pytest.raises(DatasetError, match="is silent"):
        read_clip(clip, 8000)
    silent.write_text("no audio")
    with pytest.raises(DatasetError, match="cannot be read as audio"):
        read_clip(clip, 8000)
