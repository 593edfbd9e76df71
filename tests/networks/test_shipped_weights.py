"""The weights that come with astfx have the accuracy and the origin that they state."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
import torch

from astfx.networks import weights
from astfx.networks.classifiers import NetSettings
from astfx.networks.datasets import find_clips, read_clip
from astfx.networks.weight_files import read_tensors
from tests.conftest import SHARED

LEAST_ACCURACY = 0.925  # that of Gafar 2023, document 003
ANY = NetSettings(network="x", classes=("x",), sample_rate=8000, n_fft=512, hop_length=32)


@pytest.fixture(autouse=True)
def no_added_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASTFX_WEIGHTS", str(tmp_path / "none"))


@pytest.mark.parametrize(("name", "classes"), [("voice-cnn", 6), ("audio-cnn", 40)])
def test_they_load_and_tell_where_they_came_from(name: str, classes: int) -> None:
    path = weights.find(name)
    assert path is not None
    about = json.loads(read_tensors(path)[1]["astfx-network"])
    assert len(about["settings"]["classes"]) == classes
    assert about["held_out_accuracy"] >= LEAST_ACCURACY
    assert about["provenance"]
    assert weights.describe(name) == ""
    net = weights.load_classifier(name, "auto", ANY, 0)
    assert not net.training
    assert path.stat().st_size < 1e6


@pytest.mark.slow
def test_voices_are_told_apart_as_said(tmp_path: Path) -> None:
    """On the data set's own test recordings, which training never saw."""
    archive = SHARED / "data" / "fsdd" / "recordings.tar"
    if not archive.is_file():
        pytest.skip(f"needs the spoken digits in {archive} (set ASTFX_SHARED)")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    net = weights.load_classifier("voice-cnn", "auto", ANY, 0)
    clips = [clip for clip in find_clips(tmp_path, "voice-cnn").clips if clip.is_test]
    assert len(clips) == 300
    wanted = round(1.05 * net.settings.sample_rate)
    right = 0
    for clip in clips:
        samples = torch.from_numpy(read_clip(clip, net.settings.sample_rate))
        first = max(0, (len(samples) - wanted) // 2)
        part = samples[first : first + wanted]
        part = torch.nn.functional.pad(part, (0, wanted - len(part)))
        with torch.no_grad():
            best = int(net(net.picture(part[None])).argmax())
        right += net.settings.classes[best] == clip.label
    path = weights.find("voice-cnn")
    assert path is not None
    said = json.loads(read_tensors(path)[1]["astfx-network"])["held_out_accuracy"]
    assert right / 300 == pytest.approx(said, abs=0.01)
    assert right / 300 >= LEAST_ACCURACY
