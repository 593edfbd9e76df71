"""Styles that clients name: the path of a sound under the roots, or the name of a preset."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import astfx
from astfx_bridge.errors import RefusedError
from astfx_bridge.roots import Roots

SUFFIX = ".astfx"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\Z")


def preset_names(folder: Path) -> list[str]:
    """The names of all presets: those made here, in `folder`, then those of astfx."""
    from astfx import presets

    made = sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))
    return made + [name for name in presets.names() if name not in made]


def kept(folder: Path) -> dict[str, Path]:
    """The style clips that clients have sent to be kept, by their names."""
    return {path.stem: path for path in sorted(folder.glob("*")) if _NAME.match(path.stem)}


def checked_name(name: str, role: str) -> str:
    """The name of a new preset or style, if it is a valid one.

    Raises
    ------
    RefusedError
        If it is too long, or holds anything but lower-case letters, digits and inner hyphens.
    """
    if not _NAME.match(name):
        raise RefusedError(
            f"{role} name {name[:80]!r} must be 1 to 64 lower-case letters and digits, "
            "with hyphens inside only"
        )
    return name


def resolve(text: str, roots: Roots, folder: Path, clips: Path) -> dict[str, str]:
    """The part of a job's spec that holds the path of the style or the name of the preset.

    Parameters
    ----------
    text : str
        What the client calls the style.
    roots : Roots
    folder, clips : Path
        The folders of the presets made here, and of the style clips that are kept.

    Raises
    ------
    RefusedError
        If it is neither a readable file under the roots nor a preset nor a kept clip.
    """
    if not text:
        raise RefusedError("there is no style: add `style PATH`, or send /astfx/set style PATH")
    try:
        return {"style": str(roots.readable(text, "style"))}
    except RefusedError:
        if text in preset_names(folder):
            return {"preset": text}
        if text in (found := kept(clips)):
            return {"style": str(found[text])}
        if "/" not in text and "." not in text:
            raise RefusedError(
                f"style '{text}' is neither a file under the roots nor a preset nor a kept clip"
            ) from None
        raise


def is_preset(data: bytes) -> bool:
    """Whether bytes are a preset's file, and not a sound. Only the worker reads all of it."""
    return data[8:9] == b"{"  # after the length of its header, which is JSON


def load(job: dict[str, Any]) -> Any:
    """The style of a job as `astfx.transfer_file` takes it. Called in the worker."""
    return _preset(job["preset"], Path(job["presets"])) if "preset" in job else job["style"]


def _preset(name: str, folder: Path) -> Any:
    from astfx import presets

    made = folder / f"{name}{SUFFIX}"
    return astfx.Preset.load(made) if made.exists() else presets.find(name)


def rename_preset(content: str, name: str, path: str) -> None:
    """Write a preset again under another name, which its file holds. Called in the worker."""
    replace(astfx.Preset.load(content), name=name).save(path)


def export_preset(name: str, folder: str, path: str) -> None:
    """Write any preset as one file. Called in the worker."""
    _preset(name, Path(folder)).save(path)


def make_preset(content: str, name: str, path: str) -> None:
    """Make a preset from a sound and write it. Called in the worker."""
    astfx.Preset.from_audio(content, name=name).save(path)


def blend_presets(weights: dict[str, float], name: str, path: str) -> None:
    """Blend presets into a new one and write it. Called in the worker."""
    parts = {
        _preset(parent, Path(path).parent): weight
        for parent, weight in weights.items()
        if weight > 0.0
    }
    astfx.Preset.blend(parts, name=name).save(path)
