"""Presets as files: one `.astfx`, or TOML with safetensors beside it. No pickle anywhere."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from astfx.audio import written_aside
from astfx.errors import InvalidSettingError, PresetError, PresetNotFoundError
from astfx.methods import Grid
from astfx.presets import tensors as packing
from astfx.presets.preset import Preset

FORMAT_VERSION = 1
MAX_FILE_BYTES = 16 << 20
SUFFIX = ".astfx"
MAX_TEXT_BYTES = 64 << 10
_METADATA_KEY = "astfx-preset"
_HASH_KEY = "astfx-preset-sha256"
_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    OSError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
)


def description_toml(preset: Preset) -> str:
    """The human part, as TOML."""
    import tomli_w

    text: str = tomli_w.dumps(
        {
            "format_version": FORMAT_VERSION,
            "name": preset.name,
            "author": preset.author,
            "licence": preset.licence,
            "description": preset.description,
            "family": preset.family,
            "tags": list(preset.tags),
            "settings": dict(preset.settings),
            "provenance": dict(preset.provenance),
            "frames": asdict(preset.grid),
            "tensors_sha256": packing.digest(preset.tensors, preset.grid),
        }
    )
    return text


def written_files(target: Path) -> list[Path]:
    """Files that `save` writes."""
    return [target.with_suffix(".safetensors"), target] if target.suffix == ".toml" else [target]


def save(preset: Preset, target: Path) -> None:
    """Write one ``.astfx`` file, or a ``.toml`` file with a ``.safetensors`` beside it.

    Raises
    ------
    PresetError
        If the suffix is another, or the description is longer than a file may have.
    AudioFileError
        If it cannot be written; nothing half-written is left.
    """
    from safetensors.torch import save

    held = {key: tensor.contiguous() for key, tensor in preset.tensors.items()}
    text = description_toml(preset)
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise PresetError(
            f"preset {preset.name!r} has a description of {len(text.encode())} bytes, more than "
            f"the {MAX_TEXT_BYTES} that a preset may have"
        )
    if target.suffix == SUFFIX:
        with written_aside(target) as part:
            part.write_bytes(
                save(held, metadata={_METADATA_KEY: text, _HASH_KEY: _text_hash(text)})
            )
    elif target.suffix == ".toml":
        with written_aside(target.with_suffix(".safetensors")) as part:
            part.write_bytes(save(held))
        with written_aside(target) as part:
            part.write_bytes(text.encode())
    else:
        raise PresetError(f"preset file '{target}' must end in {SUFFIX} or .toml")


def load(source: Path) -> Preset:
    """Read what `save` wrote.

    Raises
    ------
    PresetNotFoundError
        If there is no such file.
    PresetError
        If it is damaged, foreign, too large, or from a newer version.
    """
    paired = source.suffix == ".toml"
    files = {source: MAX_FILE_BYTES}
    if paired:
        files = {source: MAX_TEXT_BYTES, source.with_suffix(".safetensors"): MAX_FILE_BYTES}
    for file, most in files.items():
        if not file.is_file():
            raise PresetNotFoundError(f"preset file '{file}' does not exist")
        if file.stat().st_size > most:
            raise PresetError(
                f"preset file '{file}' has {file.stat().st_size} bytes, more than the {most} that "
                "a preset may have"
            )
    try:
        held, text = _read_tensors(list(files)[-1], checked=not paired)
        if paired:
            text = source.read_text("utf-8")
        if text is None:
            raise ValueError("it has no preset description")
        if len(text) > MAX_TEXT_BYTES:
            raise ValueError(f"its description is longer than {MAX_TEXT_BYTES} bytes")
        return _from_parts(tomllib.loads(text), held)
    except (PresetError, InvalidSettingError) as error:
        raise PresetError(f"preset file '{source}': {error}") from None
    except _DAMAGE as error:
        raise PresetError(f"preset file '{source}' is damaged or no preset ({error})") from None


def _from_parts(description: Mapping[str, Any], tensors: dict[str, Tensor]) -> Preset:
    version = description["format_version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"format_version={version!r} is no version")
    if version > FORMAT_VERSION:
        raise PresetError(
            f"it has format_version={version!r}, newer than the version {FORMAT_VERSION} that "
            "this astfx reads: update astfx"
        )
    grid = Grid(**{key: int(value) for key, value in description["frames"].items()})
    if not 8_000 <= grid.sample_rate <= 192_000 or grid.n_fft > 2 * packing.MAX_BINS:
        raise ValueError(f"frames of {grid} are out of range")
    packing.check_tensors(tensors, grid)
    if packing.digest(tensors, grid) != description["tensors_sha256"]:
        raise ValueError("its tensors are not those that were saved")
    return Preset(
        tensors=tensors,
        grid=grid,
        tags=_words(description["tags"]),
        **{key: description[key] for key in ("name", "author", "licence", "description", "family")},
        settings=description["settings"],
        provenance=description["provenance"],
    )


def _words(tags: object) -> tuple[str, ...]:
    if not isinstance(tags, list):
        raise ValueError(f"tags={tags!r} must be a list")
    return tuple(tags)


def _read_tensors(path: Path, *, checked: bool) -> tuple[dict[str, Tensor], str | None]:
    """Tensors, and the description if the file holds one; with its hash compared, if asked."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            text = metadata.get(_METADATA_KEY)
            held = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    if checked and text is not None and metadata.get(_HASH_KEY) != _text_hash(text):
        raise ValueError("its description is not the one that was saved")
    return held, text


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
