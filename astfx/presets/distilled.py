"""Networks that `astfx distill` trained on presets, in a folder beside the user's presets."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

from astfx.errors import AudioFileError
from astfx.plan import RenderPlan
from astfx.presets.folders import user_folder
from astfx.presets.parts import PresetParts
from astfx.styles.targets import StyleTargets


def path_of(preset: PresetParts, plan: RenderPlan) -> Path:
    """Return the path of a preset's network.

    The file name contains everything that the network depends on. The network of another preset of
    the same name, of another sample rate or of another size therefore has another file.
    """
    digest = hashlib.sha256()
    for key in ("frames", "run_lengths"):
        digest.update(preset.tensors[key].cpu().numpy().tobytes())
    values = asdict(plan.options)
    size = [str(values[key]) for key in plan.method.prepared_options]
    grid = map(str, asdict(plan.grid).values())
    name = "-".join([preset.name, digest.hexdigest()[:12], *grid, *size])
    return user_folder() / "distilled" / f"{name}.safetensors"


def find(preset: PresetParts, plan: RenderPlan) -> StyleTargets | None:
    """Load a preset's network. Return None if there is none for this grid and size.

    Raises
    ------
    TargetFileError
        If the file is damaged.
    """
    if plan.method.distil is None:
        return None
    path = path_of(preset, plan)
    return StyleTargets.load(path) if path.is_file() else None


def keep(preset: PresetParts, targets: StyleTargets, plan: RenderPlan) -> Path:
    """Save a network that was trained on a preset, and replace an earlier one.

    Raises
    ------
    AudioFileError
        If the folder cannot be written.
    """
    path = path_of(preset, plan)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder '{path.parent}' cannot be made ({error.strerror})") from None
    targets.save(path)
    return path
