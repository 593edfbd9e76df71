"""Published weights: their names and shapes, and that no code in a file is run."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from astfx.errors import InvalidSettingError, WeightsError
from astfx.networks import soundnet, vgg, weights
from astfx.networks.classifiers import NetSettings, VoiceNet
from astfx.networks.weight_files import read_tensors
from astfx.runtime import tensor_files


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("ASTFX_WEIGHTS", str(folder))
    return folder


@pytest.fixture(scope="module")
def vgg_state() -> dict[str, torch.Tensor]:
    state = vgg.random_state(1)
    return {**state, "classifier.0.weight": torch.zeros(2, 2)}  # the rest of the published file


def test_vgg_has_the_published_convolutions() -> None:
    """Configuration E: 16 convolutions, 20 024 384 parameters, at torchvision's indices."""
    shapes = vgg.expected_shapes()
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 20_024_384
    indices = [int(name.split(".")[1]) for name in shapes if name.endswith("weight")]
    assert indices == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert vgg.LAYERS[0] == "conv1_1"
    assert vgg.LAYERS[-1] == "conv5_4"


def test_vgg_layers_are_those_of_a_plain_sequential(vgg_state: dict[str, torch.Tensor]) -> None:
    modules: list[torch.nn.Module] = []
    channels = 3
    for width, count in ((64, 2), (128, 2), (256, 4)):
        for _ in range(count):
            modules += [torch.nn.Conv2d(channels, width, 3, padding=1), torch.nn.ReLU()]
            channels = width
        modules.append(torch.nn.MaxPool2d(2))
    reference = torch.nn.Sequential(*modules)
    reference.load_state_dict(
        {
            name.removeprefix("features."): tensor
            for name, tensor in vgg_state.items()
            if name.startswith("features.") and int(name.split(".")[1]) < len(modules)
        }
    )
    picture = torch.rand(32, 48, generator=torch.Generator().manual_seed(0))
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    image = (picture.expand(3, -1, -1) - mean[:, None, None]) / deviation[:, None, None]
    with torch.no_grad():
        expected = reference[:-1](image[None])[0].flatten(1)
    network = vgg.Vgg19(vgg_state, "conv3_4", "max", torch.device("cpu"))
    found = network(picture)
    assert list(found)[-1] == "conv3_4"
    torch.testing.assert_close(found["conv3_4"], expected, rtol=1e-4, atol=1e-4)


def test_soundnet_layers_have_the_published_lengths() -> None:
    """Strides of 2, kernels and pooling as in the paper's table 1."""
    network = soundnet.SoundNet(soundnet.random_state(0), "conv8_2", torch.device("cpu"))
    n = 22050 * 20
    found = network(0.1 * torch.randn(n, generator=torch.Generator().manual_seed(0)))
    lengths: dict[str, int] = {}
    length = n
    for name, (_, _, kernel, padding, pooling) in soundnet.PLAN.items():
        if name == "conv8_2":
            lengths[name] = lengths["conv8"]
            continue
        length = (length + 2 * padding - kernel) // 2 + 1
        lengths[name] = length
        length //= pooling
    assert {name: maps.shape[1] for name, maps in found.items()} == lengths
    widths = [maps.shape[0] for maps in found.values()]
    assert widths == [16, 32, 64, 128, 256, 512, 1024, 1000, 401]


def test_soundnet_takes_clips_of_any_length() -> None:
    network = soundnet.SoundNet(soundnet.random_state(0), "conv8_2", torch.device("cpu"))
    assert all(maps.shape[1] >= 1 for maps in network(torch.ones(50)).values())


def as_published(state: dict[str, torch.Tensor]) -> dict[str, dict[str, np.ndarray]]:
    """Convert tensors to the form of sound8.npy: by layer, height x width x in x out."""
    names = {ours: theirs for theirs, ours in soundnet._NPY_NAMES.items()}
    result: dict[str, dict[str, np.ndarray]] = {}
    for key, tensor in state.items():
        layer, _, part = key.partition(".")
        array = tensor.numpy()
        if part == "weight":
            array = array.transpose(2, 1, 0)[:, None]
        result.setdefault(layer, {})[names[part]] = np.ascontiguousarray(array)
    return result


def test_soundnets_dictionary_of_arrays_is_read(tmp_path: Path, store: Path) -> None:
    state = soundnet.random_state(2)
    path = tmp_path / "sound8.npy"
    whole = np.array(as_published(state), dtype=object)
    with path.open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        pickle.dump(whole, file, protocol=2)  # as NumPy did when it was written
    assert weights.describe("soundnet").startswith("soundnet runs on seeded random weights")
    target = weights.add("soundnet", path)
    assert target == store / "soundnet.safetensors"
    assert weights.describe("soundnet") == ""
    loaded = weights.load_published("soundnet", "auto", 0)
    assert set(loaded) == set(state)
    for name, tensor in state.items():
        torch.testing.assert_close(loaded[name], tensor)


class Evil:
    """An object that would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("suffix", [".npy", ".pth"])
def test_code_in_a_file_is_not_run(tmp_path: Path, suffix: str) -> None:
    path, trace = tmp_path / f"evil{suffix}", tmp_path / "ran"
    if suffix == ".npy":
        np.save(path, np.array({"conv1": Evil(trace)}, dtype=object), allow_pickle=True)
    else:
        torch.save({"features.0.weight": Evil(trace)}, path)
    with pytest.raises(
        WeightsError, match="cannot be read: it contains something other than tensors"
    ):
        weights.add("vgg19", path)
    assert not trace.exists()


def test_vgg_is_added_from_torch_and_from_safetensors(
    tmp_path: Path, vgg_state: dict[str, torch.Tensor]
) -> None:
    torch.save(vgg_state, tmp_path / "vgg19.pth")
    kept = weights.add("vgg19", tmp_path / "vgg19.pth")
    tensors, metadata = read_tensors(kept)
    assert set(tensors) == set(vgg.expected_shapes())
    assert metadata["astfx-source"].startswith("vgg19.pth (sha256 ")
    loaded = weights.load_published("vgg19", "auto", 0)
    assert torch.equal(loaded["features.34.weight"], vgg_state["features.34.weight"])
    save_file(vgg_state, tmp_path / "again.safetensors")
    weights.add("vgg19", tmp_path / "again.safetensors")
    chosen = weights.load_published("vgg19", str(tmp_path / "again.safetensors"), 0)
    assert torch.equal(chosen["features.0.bias"], vgg_state["features.0.bias"])


def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, vgg_state: dict[str, torch.Tensor], store: Path
) -> None:
    path = tmp_path / "w.pth"

    def refused(name: str, content: Any) -> str:
        torch.save(content, path)
        with pytest.raises(WeightsError) as caught:
            weights.add(name, path)
        assert not store.exists()
        return str(caught.value)

    missing = {key: value for key, value in vgg_state.items() if key != "features.5.bias"}
    assert refused("vgg19", missing) == "weights for vgg19 lack the tensor 'features.5.bias'"
    bent = {**vgg_state, "features.0.weight": torch.zeros(64, 3, 5, 5)}
    assert refused("vgg19", bent) == (
        "weights for vgg19: tensor 'features.0.weight' has shape (64, 3, 5, 5), not (64, 3, 3, 3)"
    )
    bad = {**vgg_state, "features.0.bias": torch.full((64,), torch.nan)}
    assert refused("vgg19", bad) == "weights for vgg19: tensor 'features.0.bias' is not finite"
    assert "must be a dictionary of tensors" in refused("vgg19", [1, 2])
    assert refused("voice-cnn", vgg_state).endswith("was not written by `astfx train`")


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    with pytest.raises(WeightsError, match=f"weights file '{path}' does not exist"):
        weights.add("vgg19", path)
    for suffix in (".pth", ".npy", ".safetensors"):
        path = tmp_path / f"w{suffix}"
        path.write_bytes(b"nothing of the kind")
        with pytest.raises(WeightsError, match=f"weights file '{path}' cannot be read"):
            weights.add("vgg19", path)
    with pytest.raises(InvalidSettingError, match="weights name 'x' must be one of vgg19, sound"):
        weights.add("x", path)
    with pytest.raises(WeightsError, match=r"weights file 'none\.pth' does not exist"):
        weights.find("vgg19", "none.pth")


def test_random_weights_repeat_and_are_used_when_asked() -> None:
    for name in weights.PUBLISHED:
        first, again = (weights.load_published(name, "random", 7) for _ in range(2))
        other = weights.load_published(name, "random", 8)
        key = next(iter(first))
        assert torch.equal(first[key], again[key])
        assert not torch.equal(first[key], other[key])


def test_a_trained_classifier_comes_back_as_it_was(tmp_path: Path, store: Path) -> None:
    settings = NetSettings(
        network="voice-cnn", classes=("a", "b"), sample_rate=8000, n_fft=512, hop_length=32
    )
    net = VoiceNet(settings).eval()
    path = tmp_path / "v.safetensors"
    metadata = {"astfx-network": json.dumps({"settings": settings.to_dict()})}
    tensor_files.save(path, net.state_dict(), metadata)
    loaded = weights.load_classifier("voice-cnn", str(path), settings, 0)
    picture = net.picture(0.1 * torch.randn(2, 8000))
    with torch.no_grad():
        torch.testing.assert_close(loaded(picture), net(picture))
    assert loaded.settings == settings
    with pytest.raises(WeightsError, match="is for 'voice-cnn', not 'audio-cnn'"):
        weights.add("audio-cnn", path)
    assert weights.add("voice-cnn", path) == store / "voice-cnn.safetensors"
