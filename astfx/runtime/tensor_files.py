"""Reading and writing safetensors files, for styles, presets and weights; never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from astfx.runtime.files import written_aside


def to_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Serialise tensors as a safetensors file; equal arguments give equal bytes.

    Parameters
    ----------
    tensors : mapping of str to Tensor
    metadata : mapping of str to str, optional
        Written in the given order.
    """
    from safetensors.torch import save

    on_cpu = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    data: bytes = save(on_cpu, metadata=None if metadata is None else dict(metadata))
    if metadata is None:
        return data
    # safetensors writes metadata in an arbitrary order, so the header is written again.
    end = 8 + int.from_bytes(data[:8], "little")
    header = {**json.loads(data[8:end]), "__metadata__": dict(metadata)}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def from_bytes(data: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and metadata from the bytes of a safetensors file.

    Raises
    ------
    ValueError
        If the bytes are damaged or not a safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as load_tensors

    try:
        tensors: dict[str, Tensor] = load_tensors(data)
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return tensors, header.get("__metadata__") or {}


def save(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a safetensors file atomically.

    Raises
    ------
    AudioFileError
        If it cannot be written.
    """
    with written_aside(path) as part:
        part.write_bytes(to_bytes(tensors, metadata))


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and metadata from a safetensors file.

    Raises
    ------
    ValueError, OSError
        If it is damaged, or cannot be read.
    """
    return from_bytes(path.read_bytes())
