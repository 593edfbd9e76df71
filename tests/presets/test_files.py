from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import astfx
from astfx.audio import Waveform
from astfx.errors import AudioFileError, PresetError, PresetNotFoundError
from astfx.features.modulation_bands import N_MODULATIONS
from astfx.features.texture_layout import STANDARD_LAYOUT
from astfx.plan import RenderPlan
from astfx.presets import Preset, tensors
from astfx.presets.files import MAX_FILE_BYTES, MAX_TEXT_BYTES, description_toml
from astfx.settings import Settings
from astfx.styles.analysis import envelope_statistics, round_targets

Change = Callable[[str], str]
SEED, MUTATIONS = 20, 400


@pytest.fixture
def pair(drops: Preset, tmp_path: Path) -> tuple[Path, Path]:
    """A saved preset: its TOML and its tensors."""
    drops.save(tmp_path / "drops.toml")
    return tmp_path / "drops.toml", tmp_path / "drops.safetensors"


@pytest.fixture(scope="module")
def whole(drops: Preset, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a small preset's .astfx file."""
    path = tmp_path_factory.mktemp("whole") / "drops.astfx"
    drops.save(path)
    return path.read_bytes()


def test_the_same_preset_is_the_same_bytes(drops: Preset, whole: bytes, tmp_path: Path) -> None:
    for name in "abcd":  # safetensors by itself orders its metadata at random
        drops.save(tmp_path / f"{name}.astfx")
        assert (tmp_path / f"{name}.astfx").read_bytes() == whole


def with_header(data: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """Return a safetensors file with a changed header and the same tensors."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    text = json.dumps(change(header) or header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("format_version = 3", "format_version = 4"),
         "format_version=4, newer than the version 3 that this astfx reads: update astfx"),
        (lambda t: t.replace("format_version = 3", "format_version = -1"),
         "format_version=-1 must be a whole number of at least 1"),
        (lambda t: t.replace("format_version = 3", 'format_version = "1"'),
         "format_version='1' must be a whole number of at least 1"),
        (lambda t: t.replace('name = "drops"', 'name = "../drops"'),
         "preset name '../drops' must be 1 to 64 lower-case"),
        (lambda t: t.replace('name = "drops"', 'name = "/etc/passwd"'), "must be 1 to 64"),
        (lambda t: t.replace('name = "drops"', "name = 3"), "preset name 3 must be 1 to 64"),
        (lambda t: t.replace("strength = 0.9", "strength = 9.0"), "strength=9.0 must lie between"),
        (lambda t: t.replace("strength = 0.9", "loudness = 0.9"), "has no setting 'loudness'"),
        (lambda t: t.replace("sample_rate = 44100\nn_fft", "sample_rate = 48000\nn_fft"),
         "its tensors are not those that were saved"),
        (lambda t: t.replace("n_fft = 4096", "n_fft = 1000000"), "are out of range"),
        (lambda t: t.replace("n_fft = 4096", "n_fft = 2048"), "'frames' has shape"),
        (lambda t: t.replace("hop_length = 1024", "hop_length = 0"), "sizes of at least 1"),
        (lambda t: t.replace('tensors_sha256 = "', 'tensors_sha256 = "0'), "not those that were"),
        (lambda t: t.replace("author", "auther"), r"is damaged or not a preset \('author'\)"),
        (lambda t: t.replace('author = "Ada"', "author = [1]"), "must be text of up to 4000"),
        (lambda t: t.replace("format_version", "format_version = ="), "is damaged or not a preset"),
        (lambda t: t + "\nx = " + "[" * 30_000, "is damaged or not a preset"),
        (lambda t: t + "\n#" + "x" * MAX_TEXT_BYTES, "bytes, more than the 65536"),
        (lambda t: "", "is damaged or not a preset"),
    ],
)  # fmt: skip
def test_a_wrong_description_is_refused(
    change: Change, message: str, pair: tuple[Path, Path]
) -> None:
    text = pair[0].read_text()
    assert change(text) != text
    pair[0].write_text(change(text))
    with pytest.raises(PresetError, match=message) as caught:
        Preset.load(pair[0])
    assert str(pair[0]) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": None}, "tensor 'frames' is missing"),
        ({"frames": torch.zeros(10, 2049)}, "tensor 'frames' has a wrong type or shape"),
        ({"frames": torch.zeros(10, 7, dtype=torch.uint8)}, r"has shape \(10, 7\)"),
        ({"frames": torch.zeros(5000, 2049, dtype=torch.uint8)}, r"has shape \(5000, 2049\)"),
        ({"run_lengths": torch.tensor([5])}, "'run_lengths' does not add up to the frames"),
        ({"run_lengths": torch.tensor([2**62, 2**62, 2**62, 2**62])}, "does not add up"),
        ({"run_lengths": torch.tensor([-1, 165])}, "does not add up to the frames"),
        ({"run_weights": torch.tensor([2.0])}, "have a weight from 0 to 1 for each run"),
        ({"run_weights": torch.tensor([float("nan")])}, "have a weight from 0 to 1 for each run"),
        ({"run_weights": torch.tensor([0.5])}, "adds up to 0.5, not 1"),
        ({"live.mean": torch.full((64,), float("inf"))}, "holds numbers that are not finite"),
        ({"live.mean": torch.zeros(3)}, "'live.covariance' has shape"),
        ({"live.covariance": torch.arange(4096.0).reshape(64, 64)}, "is not symmetric"),
        ({"envelopes.modulations": torch.ones(38, 11)}, r"has shape \(38, 11\), not \(38, 17\)"),
        ({"8000.texture.0": torch.zeros(7)}, "has shape"),
        ({"8000.texture.0": None}, "is missing"),
        ({"notes": torch.zeros(3)}, "tensor 'notes' is unknown"),
    ],
)
def test_tensors_that_no_preset_holds_are_refused(
    changes: dict[str, torch.Tensor | None], message: str, drops: Preset, tmp_path: Path
) -> None:
    """They are refused even if the hash fits them."""
    held = {**drops.tensors, **changes}
    made = replace(drops, tensors={key: value for key, value in held.items() if value is not None})
    made.save(tmp_path / "x.astfx")
    with pytest.raises(PresetError, match=message):
        Preset.load(tmp_path / "x.astfx")


def test_exchanged_tensors_are_refused(pair: tuple[Path, Path], strings: Preset) -> None:
    strings.save(pair[0].with_name("strings.toml"))
    pair[1].write_bytes(pair[0].with_name("strings.safetensors").read_bytes())
    with pytest.raises(PresetError, match="its tensors are not those that were saved"):
        Preset.load(pair[0])


def test_tensors_exchanged_within_a_file_are_refused(whole: bytes, tmp_path: Path) -> None:
    def swap(header: dict[str, object]) -> None:
        one, other = "8000.texture.0", "11025.texture.0"
        header[one], header[other] = header[other], header[one]

    path = tmp_path / "x.astfx"
    path.write_bytes(with_header(whole, swap))
    with pytest.raises(PresetError, match="its tensors are not those that were saved"):
        Preset.load(path)


def test_a_description_changed_in_an_astfx_file_is_refused(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.astfx"
    assert b"strength = 0.9" in whole
    path.write_bytes(whole.replace(b"strength = 0.9", b"strength = 0.8"))
    with pytest.raises(PresetError, match="its description is not the one that was saved"):
        Preset.load(path)


def test_the_text_of_a_pair_may_be_edited(pair: tuple[Path, Path]) -> None:
    pair[0].write_text(pair[0].read_text().replace('author = "Ada"', 'author = "Grace"'))
    assert Preset.load(pair[0]).author == "Grace"


def test_foreign_files_are_refused(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    foreign = tmp_path / "foreign.astfx"
    save_file({"weights": torch.zeros(3)}, foreign)
    with pytest.raises(PresetError, match="it has no preset description"):
        Preset.load(foreign)
    save_file(load_file(pair[1]), foreign, metadata={"astfx-style": "{}"})
    with pytest.raises(PresetError, match="it has no preset description"):
        Preset.load(foreign)
    foreign.write_bytes(b"RIFF....WAVEfmt ")
    with pytest.raises(PresetError, match="is damaged or not a preset"):
        Preset.load(foreign)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    huge = tmp_path / "huge.astfx"
    with huge.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(PresetError, match="has 16777217 bytes, more than the 16777216 that"):
        Preset.load(huge)


def test_a_missing_half_and_a_wrong_suffix_are_refused(
    pair: tuple[Path, Path], drops: Preset
) -> None:
    with pytest.raises(PresetError, match=r"must end in \.astfx or \.toml"):
        drops.save(pair[0].with_suffix(".json"))
    with pytest.raises(AudioFileError, match="cannot be written"):
        drops.save(pair[0].parent / "nowhere" / "drops.astfx")
    long = replace(drops, provenance={"notes": "x" * MAX_TEXT_BYTES})
    with pytest.raises(PresetError, match="more than the 65536 that a preset may have"):
        long.save(pair[0].with_name("long.astfx"))
    pair[1].unlink()
    with pytest.raises(PresetNotFoundError, match=r"'.*drops.safetensors' does not exist"):
        Preset.load(pair[0])


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the data with one of several kinds of damage."""
    header = 8 + int(struct.unpack("<Q", data[:8])[0])
    kind = int(rng.integers(6))
    if kind == 0:
        return data[: int(rng.integers(len(data)))]
    if kind == 1:
        return struct.pack("<Q", int(rng.integers(2**63))) + data[8:]
    if kind == 2:
        start = int(rng.integers(len(data)))
        return data[:start] + data[start + int(rng.integers(1, 64)) :]
    changed = bytearray(data)
    # Most of a file is frames, so half of the changes are made in its header.
    end = header if kind < 5 else len(data)
    for place in rng.integers(0, end, int(rng.integers(1, 5))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def test_damaged_files_are_refused_or_load_as_they_were(
    whole: bytes, drops: Preset, tmp_path: Path
) -> None:
    rng = np.random.default_rng(SEED)
    path = tmp_path / "damaged.astfx"
    refused = 0
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(whole, rng))
        try:
            loaded = Preset.load(path)
        except PresetError:
            refused += 1
            continue
        assert description_toml(loaded) == description_toml(drops)
        assert tensors.digest(loaded.tensors, loaded.grid) == tensors.digest(
            drops.tensors, drops.grid
        )
    assert refused > 0.9 * MUTATIONS


def test_damaged_descriptions_are_refused_or_hold_the_same_style(
    pair: tuple[Path, Path], drops: Preset
) -> None:
    rng = np.random.default_rng(SEED)
    text = pair[0].read_bytes()
    wanted = drops.targets(RenderPlan.of(Settings(), 22_050)).tensors["frames"]
    refused = 0
    for _ in range(MUTATIONS):
        changed = bytearray(text)
        for place in rng.integers(0, len(text), int(rng.integers(1, 4))):
            changed[place] ^= 1 << int(rng.integers(8))
        pair[0].write_bytes(bytes(changed)[: int(rng.integers(len(text) // 2, 2 * len(text)))])
        try:
            loaded = Preset.load(pair[0])
        except PresetError:
            refused += 1
            continue
        assert torch.equal(
            loaded.targets(RenderPlan.of(Settings(), 22_050)).tensors["frames"], wanted
        )
    assert 0.3 * MUTATIONS < refused < MUTATIONS


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{" * 5000,
        b'{"a":' * 5000,
        b'{"__metadata__":{"astfx-preset":3}}',
        b'{"frames":{"dtype":"U8","shape":[99999999,99999999],"data_offsets":[0,1]}}',
        b'{"frames":{"dtype":"U8","shape":[0,2049],"data_offsets":[0,0]}}',
    ],
)
def test_crafted_headers_are_refused(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "crafted.astfx"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(PresetError):
        Preset.load(path)


def test_a_preset_of_the_first_version_still_works(rain: Waveform) -> None:
    """It has statistics in one filter bank only, and the rounds use these."""
    preset = Preset.load(Path(__file__).parent / "data" / "version-1.astfx")
    targets = preset.targets(RenderPlan.of(Settings(), 44_100))
    assert [layout for layout, _ in round_targets(targets.tensors)] == [STANDARD_LAYOUT]
    output = astfx.transfer(rain[:, :30_000], preset, 22_050)
    assert np.isfinite(output).all()
    assert np.abs(output).max() > 0.0


def with_octaves(preset: Preset) -> Preset:
    """A preset as it was before its modulations were kept in bands of half an octave."""
    bands = len(preset.tensors["envelopes.mean"])
    return replace(
        preset, tensors={**preset.tensors, "envelopes.modulations": torch.full((bands, 10), 0.01)}
    )


def test_a_preset_with_modulations_in_octaves_still_works(
    drops: Preset, rain: Waveform, tmp_path: Path
) -> None:
    with_octaves(drops).save(tmp_path / "old.astfx")
    old = Preset.load(tmp_path / "old.astfx")
    found = envelope_statistics(old.targets(RenderPlan.of(Settings(), 44_100)).tensors)
    assert found is not None
    assert found.modulations.shape[1] == N_MODULATIONS
    effect = astfx.StyleTransfer(old, engine="stream")
    output = effect(rain[:, :30_000], 22_050)
    assert np.isfinite(output).all()
    assert np.abs(output).max() > 0.0


def test_a_preset_with_modulations_in_octaves_is_blended_with_a_newer_one(drops: Preset) -> None:
    both = Preset.blend({with_octaves(drops): 0.5, drops: 0.5}, name="both")
    assert both.tensors["envelopes.modulations"].shape[1] == N_MODULATIONS


def test_a_preset_of_the_first_version_is_not_blended_with_a_newer_one(drops: Preset) -> None:
    old = Preset.load(Path(__file__).parent / "data" / "version-1.astfx")
    with pytest.raises(PresetError, match="made by an earlier version of astfx: make these again"):
        Preset.blend({old: 0.5, drops: 0.5}, name="both")
