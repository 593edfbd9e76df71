"""Packages that only some parts of astfx need, which come as extras of the installation."""

from __future__ import annotations

from importlib import util
from typing import NamedTuple

from astfx.errors import MissingDependencyError


class OptionalPackage(NamedTuple):
    """What an optional package is for, and the extra that brings it."""

    purpose: str
    extra: str

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        return f'pip install "astfx[{self.extra}]"'


OPTIONAL: dict[str, OptionalPackage] = {
    "matplotlib": OptionalPackage("pictures, and `astfx compare`", "plots"),
    "librosa": OptionalPackage(
        "`astfx score`, `astfx compare` and the setting keep_pitch", "metrics"
    ),
    "sklearn": OptionalPackage("`astfx score` and `astfx compare`", "metrics"),
    "sounddevice": OptionalPackage(
        "`astfx presets play` without a file, and `astfx live` with PortAudio", "play"
    ),
    "jack": OptionalPackage("`astfx live` with JACK", "live"),
    "pystoi": OptionalPackage("speech intelligibility in `astfx.metrics`", "metrics"),
    "mir_eval": OptionalPackage("the F1 score of onsets in `astfx.metrics`", "metrics"),
}
"""Every optional package by its name in `import`."""


def is_installed(package: str) -> bool:
    """Whether a package can be imported."""
    return util.find_spec(package) is not None


def require(package: str, user: str) -> None:
    """Check that an optional package is there.

    Parameters
    ----------
    package : str
        A name in `OPTIONAL`.
    user : str
        What needs it, as the subject of the message.

    Raises
    ------
    MissingDependencyError
        If it is not installed. The message says how to install it.
    """
    if not is_installed(package):
        raise MissingDependencyError(
            f"{user} needs {package}, which is not installed: {OPTIONAL[package].remedy}"
        )
