"""Networks that `astfx distill` trained on presets, kept beside the user's presets."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astfx.errors import AudioFileError
from astfx.methods import Grid, find_method
from astfx.styles.targets import StyleTargets

if TYPE_CHECKING:
    from astfx.presets.preset import Preset


def path_of(preset: Preset, grid: Grid, method: str, options: Any) -> Path:
    """Where a preset's network is kept.

    The name holds what the network depends on: another preset of the same name, another
    sample rate or another size never takes it for its own.
    """
    from astfx.presets.library import user_folder

    digest = hashlib.sha256()
    for key in ("frames", "run_lengths"):
        digest.update(preset.tensors[key].cpu().numpy().tobytes())
    values = asdict(options)
    size = [str(values[key]) for key in find_method(method).prepared_options]
    name = "-".join([preset.name, digest.hexdigest()[:12], *map(str, asdict(grid).values()), *size])
    return user_folder() / "distilled" / f"{name}.safetensors"


def find(preset: Preset, grid: Grid, method: str, options: Any) -> StyleTargets | None:
    """A preset's network, None if there is none for this grid and size.

    Raises
    ------
    TargetFileError
        If its file is damaged.
    """
    if find_method(method).distil is None:
        return None
    path = path_of(preset, grid, method, options)
    return StyleTargets.load(path) if path.is_file() else None


def keep(preset: Preset, targets: StyleTargets) -> Path:
    """Keep a network that was trained on a preset; an earlier one is replaced.

    Raises
    ------
    AudioFileError
        If the folder cannot be written.
    """
    options = find_method(targets.method).options(**targets.options)
    path = path_of(preset, targets.grid, targets.method, options)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder '{path.parent}' cannot be made ({error.strerror})") from None
    targets.save(path)
    return path
