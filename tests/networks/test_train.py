"""Training learns what can be learnt, stops, resumes, and reports honestly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from astfx.errors import CancelledError, DatasetError, InvalidSettingError
from astfx.networks import weights
from astfx.networks.classifiers import AudioNet, NetSettings, VoiceNet
from astfx.networks.datasets import find_clips
from astfx.networks.train import TrainSettings, train
from astfx.networks.trainer import net_settings
from astfx.networks.weight_files import read_tensors

RATE = 8000
QUICK: dict[str, Any] = {
    "epochs": 6, "batch_size": 8, "seconds": 0.4, "sample_rate": RATE, "held_out": 0.25,
    "learning_rate": 0.005, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that differ in pitch: harmonic tones about 200 Hz and about 900 Hz."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    time = np.arange(RATE // 2) / RATE
    for label, pitch_hz in (("low", 200.0), ("high", 900.0)):
        (folder / label).mkdir()
        for take in range(16):
            pitch = pitch_hz * rng.uniform(0.9, 1.1)
            wave = sum(
                np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6)) / k for k in (1, 2, 3)
            )
            wave = 0.1 * wave + 0.01 * rng.standard_normal(time.size)
            soundfile.write(folder / label / f"{take}.wav", wave, RATE)
    return folder


def history_of(path: Path) -> Any:
    return json.loads(read_tensors(path)[1]["astfx-network"])


@pytest.mark.parametrize("network", ["audio-cnn", "voice-cnn"])
def test_what_is_easy_is_learnt(network: str, tones: Path, tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    seen: list[float] = []
    settings = TrainSettings(**{**QUICK, "epochs": 25, "patience": 25})
    result = train(network, tones, output, settings, provenance="tones", progress=seen.append)
    assert result.accuracy == 1.0
    assert result.clips == (18, 6, 8)
    assert result.history.train_loss[-1] < result.history.train_loss[0]
    assert "2 classes, 18 clips" in result.summary()
    assert "100.0 % of 8 held-out clips are right" in result.summary()
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]
    about = history_of(output)
    assert about["provenance"] == "tones"
    assert about["held_out_accuracy"] == 1.0
    net = weights.load_classifier(network, str(output), net_settings_of(network), 0)
    assert net.settings.classes == ("high", "low")
    samples, _ = soundfile.read(tones / "high" / "0.wav", dtype="float32", frames=3200)
    picture = net.picture(torch.from_numpy(samples * 0.1 / np.std(samples))[None])
    assert int(net(picture).argmax()) == 0


def net_settings_of(network: str) -> NetSettings:
    return NetSettings(network=network, classes=("x",), sample_rate=RATE, n_fft=512, hop_length=128)


def test_labels_at_random_are_not_learnt(tmp_path: Path) -> None:
    """The accuracy is that of clips never trained on, so noise scores about chance."""
    rng = np.random.default_rng(1)
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for take in range(24):
            soundfile.write(
                tmp_path / "data" / label / f"{take}.wav", 0.1 * rng.standard_normal(3200), RATE
            )
    settings = TrainSettings(**{**QUICK, "held_out": 0.5})
    result = train("audio-cnn", tmp_path / "data", tmp_path / "w.safetensors", settings)
    assert 0.15 < result.accuracy < 0.85


def test_the_same_seed_gives_the_same_weights_also_after_a_stop(
    tones: Path, tmp_path: Path
) -> None:
    settings = TrainSettings(**{**QUICK, "epochs": 3})
    whole, parts = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    train("voice-cnn", tones, whole, settings)

    def stop_in_the_second(share: float) -> bool:
        return share < 0.4

    with pytest.raises(CancelledError, match="interrupted after 2 epochs: --resume continues"):
        train("voice-cnn", tones, parts, settings, progress=stop_in_the_second)
    assert not parts.exists()
    assert (tmp_path / "b.part.safetensors").exists()
    train("voice-cnn", tones, parts, settings, resume=True)
    assert not (tmp_path / "b.part.safetensors").exists()
    first, second = (read_tensors(path)[0] for path in (whole, parts))
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_training_stops_early_and_keeps_the_best(tones: Path, tmp_path: Path) -> None:
    settings = TrainSettings(**{**QUICK, "epochs": 50, "patience": 2})
    result = train("audio-cnn", tones, tmp_path / "w.safetensors", settings)
    losses = result.history.validation_loss
    assert result.epochs == len(losses) < 50
    assert int(np.argmin(losses)) == len(losses) - 3


def test_pictures_are_standardised(tones: Path, tmp_path: Path) -> None:
    train("voice-cnn", tones, tmp_path / "w.safetensors", TrainSettings(**{**QUICK, "epochs": 1}))
    tensors, _ = read_tensors(tmp_path / "w.safetensors")
    assert tensors["mean"].shape == tensors["deviation"].shape == (2, 257)
    loudest = int(tensors["deviation"].mean(dim=0).argmax())
    assert 150 < loudest * RATE / 512 < 250 or 800 < loudest * RATE / 512 < 1000
    assert float(tensors["mean"].abs().max()) < float(tensors["deviation"].max())


def test_networks_listen_as_their_documents_say(tones: Path) -> None:
    data = find_clips(tones, "voice-cnn")
    at_48k = net_settings("voice-cnn", data, TrainSettings(sample_rate=48000))
    assert (at_48k.n_fft, at_48k.hop_length) == (512, 128)
    at_8k = net_settings("voice-cnn", data, TrainSettings())
    assert (at_8k.sample_rate, at_8k.n_fft, at_8k.hop_length) == (RATE, 512, 32)
    sounds = net_settings("audio-cnn", data, TrainSettings())
    assert (sounds.sample_rate, sounds.n_fft) == (22050, 2048)


def test_voice_net_is_document_003s() -> None:
    """Layers, kernels, strides and sizes are those that Gafar 2023 prints for 108 speakers."""
    settings = NetSettings(
        network="voice-cnn", classes=tuple(map(str, range(108))), sample_rate=48000, n_fft=512,
        hop_length=128,
    )  # fmt: skip
    net = VoiceNet(settings)
    shapes = {name: tuple(tensor.shape) for name, tensor in net.named_parameters()}
    assert shapes["conv1.weight"] == (8, 2, 5, 5)
    assert shapes["conv2.weight"] == (16, 8, 3, 3)
    assert shapes["conv4.weight"] == (64, 32, 3, 3)
    assert shapes["fc1.weight"] == (256, 256)
    assert shapes["fc2.weight"] == (108, 256)
    assert net.eval()(net.picture(torch.zeros(1, 4800))).shape == (1, 108)


def test_audio_net_takes_short_and_long_clips() -> None:
    net = AudioNet(net_settings_of("audio-cnn")).eval()
    for n_samples in (100, 4000, 40000):
        assert net(net.picture(torch.zeros(2, n_samples))).shape == (2, 1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"epochs": 0}, "epochs=0 must lie between 1 and 10000"),
    ({"patience": 0}, "patience=0 must lie between 1 and 1000"),
    ({"batch_size": 0}, "batch_size=0 must lie between 1 and 4096"),
    ({"learning_rate": 2.0}, "learning_rate=2.0 must lie between 1e-06 and 1"),
    ({"decay": 0.0}, "decay=0.0 must lie between 0.1 and 1"),
    ({"seconds": 0.0}, "seconds=0.0 must lie between 0.1 and 60"),
    ({"held_out": 0.6}, "held_out=0.6 must lie between 0.02 and 0.5"),
    ({"sample_rate": 100}, "sample_rate=100 must lie between 8000 and 192000 (Hz)"),
]


@pytest.mark.parametrize(("values", "message"), BAD)
def test_settings_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        TrainSettings(**values)
    assert str(caught.value) == message


def test_what_cannot_be_begun_is_refused(tones: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match="network='x' must be one of audio-cnn, voice"):
        train("x", tones, tmp_path / "w.safetensors")
    with pytest.raises(InvalidSettingError, match=r"must end in \.safetensors"):
        train("audio-cnn", tones, tmp_path / "w.pth")
    with pytest.raises(DatasetError, match=r"there is no checkpoint '.*w\.part\.safetensors'"):
        train("audio-cnn", tones, tmp_path / "w.safetensors", resume=True)
    settings = TrainSettings(**{**QUICK, "epochs": 2})
    with pytest.raises(CancelledError):
        train("audio-cnn", tones, tmp_path / "w.safetensors", settings, progress=lambda x: False)
    other = TrainSettings(**{**QUICK, "epochs": 2, "seconds": 0.3})
    with pytest.raises(DatasetError, match="belongs to another training run: seconds differ"):
        train("audio-cnn", tones, tmp_path / "w.safetensors", other, resume=True)
