"""Versions of the software that takes part in a render."""

from __future__ import annotations

import platform
from importlib import metadata

__version__ = metadata.version("astfx")

PACKAGES = ("astfx", "torch", "numpy", "scipy", "numba", "soundfile", "soxr", "pedalboard")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
