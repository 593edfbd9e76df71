"""Styles that clients name: a path under the roots, or a preset.

All that the bridge knows of presets is in this file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import astfx
from astfx_bridge.errors import RefusedError
from astfx_bridge.roots import Roots

SUFFIX = ".astfx"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\Z")


def have_presets() -> bool:
    """Whether this astfx has presets."""
    return hasattr(astfx, "Preset")


def need_presets() -> None:
    """Refuse what needs presets where there are none.

    Raises
    ------
    RefusedError
    """
    if not have_presets():
        raise RefusedError("this astfx has no presets")


def names(folder: Path) -> list[str]:
    """The names of all presets: those made here, then astfx's own."""
    need_presets()
    from astfx import presets

    made = sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))
    return made + [name for name in presets.names() if name not in made]


def new_name(name: str) -> str:
    """Check the name of a preset to be made.

    Raises
    ------
    RefusedError
    """
    need_presets()
    if not _NAME.match(name):
        raise RefusedError(
            f"preset name {name[:80]!r} must be 1 to 64 lower-case letters and digits, "
            "with hyphens inside only"
        )
    return name


def resolve(text: str, roots: Roots, folder: Path) -> dict[str, str]:
    """What a job needs to know of a style: its path or its preset's name.

    Raises
    ------
    RefusedError
        If it is neither a readable file under the roots nor a preset.
    """
    if not text:
        raise RefusedError("no style: add `style PATH`, or set one with /astfx/set style PATH")
    try:
        return {"style": str(roots.readable(text, "style"))}
    except RefusedError:
        if have_presets() and text in names(folder):
            return {"preset": text}
        if "/" not in text and "." not in text:
            raise RefusedError(
                f"style '{text}' is neither a file under the roots nor a preset"
            ) from None
        raise


def load(job: dict[str, Any]) -> Any:
    """The style of a job, as `astfx.transfer_file` takes it. In the worker."""
    return _find(job["preset"], Path(job["presets"])) if "preset" in job else job["style"]


def _find(name: str, folder: Path) -> Any:
    from astfx import presets

    made = folder / f"{name}{SUFFIX}"
    return astfx.Preset.load(made) if made.exists() else presets.find(name)


def make(content: str, name: str, path: str) -> None:
    """Make a preset from a sound and write it. In the worker."""
    astfx.Preset.from_audio(content, name=name).save(path)


def blend(weights: dict[str, float], name: str, path: str) -> None:
    """Make a preset from others and write it. In the worker."""
    parts = {
        _find(parent, Path(path).parent): weight
        for parent, weight in weights.items()
        if weight > 0.0
    }
    astfx.Preset.blend(parts, name=name).save(path)
