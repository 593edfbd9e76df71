"""Preset files: one `.astfx` file, or TOML and safetensors. Pickle is never used."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from astfx.errors import InvalidSettingError, PresetError, PresetNotFoundError
from astfx.frontends.grid import Grid
from astfx.presets import tensors as packing
from astfx.presets.folders import SUFFIX
from astfx.presets.parts import PresetParts
from astfx.presets.titles import METADATA_KEY
from astfx.runtime import tensor_files
from astfx.runtime.files import written_aside

T = TypeVar("T")

FORMAT_VERSION = 3
MAX_FILE_BYTES = 16 << 20
MAX_TEXT_BYTES = 64 << 10
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


def description_toml(preset: PresetParts) -> str:
    """Return the part of a preset that people can read and edit, as TOML."""
    import tomli_w

    text: str = tomli_w.dumps(
        {
            "format_version": FORMAT_VERSION,
            "name": preset.name,
            **({"title": preset.title} if preset.title else {}),
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
    """Return the files that `save` writes."""
    return [target.with_suffix(".safetensors"), target] if target.suffix == ".toml" else [target]


def save(preset: PresetParts, target: Path) -> None:
    """Write one ``.astfx`` file, or a ``.toml`` file with a ``.safetensors`` beside it.

    Raises
    ------
    PresetError
        If the suffix is neither, or the description is longer than 65536 bytes.
    AudioFileError
        If a file cannot be written. No half-written file is left.
    """
    if target.suffix == SUFFIX:
        with written_aside(target) as part:
            part.write_bytes(packed(preset))
    elif target.suffix == ".toml":
        text = _checked_text(preset)
        with written_aside(target.with_suffix(".safetensors")) as part:
            part.write_bytes(tensor_files.to_bytes(preset.tensors))
        with written_aside(target) as part:
            part.write_bytes(text.encode())
    else:
        raise PresetError(f"preset file '{target}' must end in {SUFFIX} or .toml")


def packed(preset: PresetParts) -> bytes:
    """Return the bytes of an ``.astfx`` file.

    Raises
    ------
    PresetError
        If the description is longer than 65536 bytes.
    """
    text = _checked_text(preset)
    return tensor_files.to_bytes(preset.tensors, {METADATA_KEY: text, _HASH_KEY: _text_hash(text)})


def _checked_text(preset: PresetParts) -> str:
    text = description_toml(preset)
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise PresetError(
            f"preset {preset.name!r} has a description of {len(text.encode())} bytes, more than "
            f"the {MAX_TEXT_BYTES} that a preset may have"
        )
    return text


def load(source: Path, make: Callable[..., T]) -> T:
    """Read a preset that `save` wrote.

    Parameters
    ----------
    source : Path
    make : callable
        Builds the preset from its parts, which are passed as keyword arguments.

    Raises
    ------
    PresetNotFoundError
        If there is no such file.
    PresetError
        If the file is damaged, not a preset, too large, or from a newer version.
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
    with _refusing(f"preset file '{source}'"):
        if not paired:
            return make(**_unpacked(source.read_bytes()))
        held, _ = tensor_files.from_bytes(source.with_suffix(".safetensors").read_bytes())
        return make(**_from_parts(source.read_text("utf-8"), held))


def unpacked(data: bytes, role: str, make: Callable[..., T]) -> T:
    """Read a preset from bytes that `packed` returned.

    Parameters
    ----------
    data : bytes
    role : str
        What error messages call the preset.
    make : callable
        As in `load`.

    Raises
    ------
    PresetError
        If the data are damaged, not a preset, too large, or from a newer version.
    """
    with _refusing(role):
        if len(data) > MAX_FILE_BYTES:
            raise ValueError(f"it has more than {MAX_FILE_BYTES} bytes")
        return make(**_unpacked(data))


@contextmanager
def _refusing(role: str) -> Iterator[None]:
    """Raise any error that a bad file can cause as a PresetError that names the file's role."""
    try:
        yield
    except (PresetError, InvalidSettingError) as error:
        raise PresetError(f"{role}: {error}") from None
    except _DAMAGE as error:
        raise PresetError(f"{role} is damaged or not a preset ({error})") from None


def _unpacked(data: bytes) -> dict[str, Any]:
    held, metadata = tensor_files.from_bytes(data)
    if METADATA_KEY not in metadata:
        raise ValueError("it has no preset description")
    text = metadata[METADATA_KEY]
    if metadata.get(_HASH_KEY) != _text_hash(text):
        raise ValueError("its description is not the one that was saved")
    return _from_parts(text, held)


def _from_parts(text: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"its description is longer than {MAX_TEXT_BYTES} bytes")
    description = tomllib.loads(text)
    version = description["format_version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"format_version={version!r} must be a whole number of at least 1")
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
    return dict(
        tensors=tensors,
        grid=grid,
        tags=_words(description["tags"]),
        title=description.get("title", ""),
        **{key: description[key] for key in ("name", "author", "licence", "description", "family")},
        settings=description["settings"],
        provenance=description["provenance"],
    )


def _words(tags: object) -> tuple[str, ...]:
    if not isinstance(tags, list):
        raise ValueError(f"tags={tags!r} must be a list")
    return tuple(tags)


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
