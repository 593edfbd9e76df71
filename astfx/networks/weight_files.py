"""Reading files of tensors without running code from them.

safetensors files contain nothing but tensors. torch's own files and NumPy's dictionaries are
pickles, which are read with torch's allow-list.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from astfx.errors import WeightsError
from astfx.runtime import tensor_files

_NPY_MAGIC = b"\x93NUMPY"


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a file, and its metadata if any, without running code from it.

    Raises
    ------
    WeightsError
        If it cannot be read as weights.
    """
    try:
        if path.suffix == ".safetensors":
            return tensor_files.load(path)
        loaded = _read_npy(path) if path.suffix == ".npy" else _load_safely(path)
    except (OSError, ValueError, RuntimeError, EOFError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "empty"
        raise WeightsError(f"weights file '{path}' cannot be read ({reason})") from None
    except Exception as error:  # torch raises pickle's own errors, which are not imported here
        raise WeightsError(
            f"weights file '{path}' cannot be read: it contains something other than "
            f"tensors ({type(error).__name__})"
        ) from None
    return _flat(loaded), {}


def _load_safely(source: Path | io.BytesIO) -> Any:
    return torch.load(source, map_location="cpu", weights_only=True)


def _read_npy(path: Path) -> Any:
    """Read a .npy file: an array, or a dictionary of arrays such as sound8.npy.

    NumPy would unpickle a dictionary, and run any code in it. Here its pickle is wrapped as a
    torch file instead, which torch reads with an allow-list of array types.
    """
    data = path.read_bytes()
    if not data.startswith(_NPY_MAGIC):
        raise ValueError("not a NumPy file")
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    reader = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    _, _, dtype = reader(stream)
    if not dtype.hasobject:
        return {"array": torch.from_numpy(np.load(io.BytesIO(data), allow_pickle=False))}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("weights/data.pkl", data[stream.tell() :])
        archive.writestr("weights/version", "3\n")
    buffer.seek(0)
    rebuild = np.zeros(1).__reduce__()[0]
    allowed: list[Any] = [
        (rebuild, "numpy.core.multiarray._reconstruct"),
        (rebuild, "numpy._core.multiarray._reconstruct"),
        np.ndarray,
        np.dtype,
        type(np.dtype("float32")),
        type(np.dtype("float64")),
        type(np.dtype("object")),
    ]
    with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning about the pickle's age
        loaded = torch.load(buffer, map_location="cpu", weights_only=True, encoding="latin1")
    return loaded.item() if isinstance(loaded, np.ndarray) else loaded


def _flat(loaded: Any, prefix: str = "") -> dict[str, Tensor]:
    """Flatten nested dictionaries of tensors, with their names joined by slashes."""
    if not isinstance(loaded, Mapping):
        raise WeightsError("weights must be a dictionary of tensors")
    found: dict[str, Tensor] = {}
    for key, value in loaded.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{prefix}{key}/"))
        elif isinstance(value, np.ndarray):
            found[f"{prefix}{key}"] = torch.from_numpy(np.array(value))
        elif isinstance(value, Tensor):
            found[f"{prefix}{key}"] = value
    return found
