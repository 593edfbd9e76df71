"""The user's folders, also for users who have no home, such as those of services."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def user_data_folder() -> Path:
    """The folder for the user's data.

    Where the user has no home, it is one of the system's folder for temporary files.
    """
    import platformdirs

    try:
        return Path(platformdirs.user_data_dir("astfx"))
    except RuntimeError:
        return _temporary("data")


def user_cache_folder() -> Path:
    """The folder for what can be made again; as `user_data_folder` where there is no home."""
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("astfx"))
    except RuntimeError:
        return _temporary("cache")


def has_home() -> bool:
    """Whether the user has a home folder."""
    try:
        Path.home()
    except RuntimeError:
        return False
    return True


def _temporary(kind: str) -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"astfx-{user}" / kind
