"""Presets as files: one `.astfx`, or TOML with safetensors beside it. No pickle anywhere."""

from __future__ import annotations

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
_METADATA_KEY = "astfx-preset"
_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    OSError,
    ArithmeticError,
    AttributeError,
    RecursionError,
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
            "tensors_sha256": packing.digest(preset.tensors),
        }
    )
    return text


def save(preset: Preset, target: Path) -> None:
    """Write one ``.astfx`` file, or a ``.toml`` file with a ``.safetensors`` beside it.

    Raises
    ------
    PresetError
        If the suffix is another.
    AudioFileError
        If it cannot be written; nothing half-written is left.
    """
    from safetensors.torch import save

    held = {key: tensor.contiguous() for key, tensor in preset.tensors.items()}
    text = description_toml(preset)
    if target.suffix == SUFFIX:
        with written_aside(target) as part:
            part.write_bytes(save(held, metadata={_METADATA_KEY: text}))
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
    files = [source, source.with_suffix(".safetensors")] if paired else [source]
    for file in files:
        if not file.is_file():
            raise PresetNotFoundError(f"preset file '{file}' does not exist")
        if file.stat().st_size > MAX_FILE_BYTES:
            raise PresetError(
                f"preset file '{file}' has {file.stat().st_size} bytes, more than the "
                f"{MAX_FILE_BYTES} that a preset may have"
            )
    try:
        held, text = _read_tensors(files[-1])
        if paired:
            text = source.read_text("utf-8")
        if text is None:
            raise ValueError("it has no preset description")
        return _from_parts(tomllib.loads(text), held)
    except (PresetError, InvalidSettingError) as error:
        raise PresetError(f"preset file '{source}': {error}") from None
    except (
        ValueError,
        TypeError,
        KeyError,
        OSError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        raise PresetError(f"preset file '{source}' is damaged or no preset ({error})") from None


def _from_parts(description: Mapping[str, Any], tensors: dict[str, Tensor]) -> Preset:
    version = description["format_version"]
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise PresetError(
            f"it has format_version={version!r}, newer than the version {FORMAT_VERSION} that "
            "this astfx reads: update astfx"
        )
    grid = Grid(**{key: int(value) for key, value in description["frames"].items()})
    if not 8_000 <= grid.sample_rate <= 192_000 or grid.n_fft > 2 * packing.MAX_BINS:
        raise ValueError(f"frames of {grid} are out of range")
    packing.check_tensors(tensors, grid)
    if packing.digest(tensors) != description["tensors_sha256"]:
        raise ValueError("its tensors are not those that were saved")
    return Preset(
        tensors=tensors,
        grid=grid,
        tags=tuple(description["tags"]),
        **{key: description[key] for key in ("name", "author", "licence", "description", "family")},
        settings=description["settings"],
        provenance=description["provenance"],
    )


def _read_tensors(path: Path) -> tuple[dict[str, Tensor], str | None]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            text = (file.metadata() or {}).get(_METADATA_KEY)
            return {key: file.get_tensor(key) for key in file.keys()}, text  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from None
