"""Copies the files for hosts (patches, classes and scripts) to where hosts find them."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from astfx_bridge.errors import BridgeError


def client_data() -> Path:
    """The folder of the clients: in the installed package, or beside it in a checkout."""
    installed = Path(str(files("astfx_bridge"))) / "client_data"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[1] / "clients"


def install_clients(folder: Path) -> list[str]:
    """Copy all clients, and return the names of their folders.

    Raises
    ------
    BridgeError
        If the folder cannot be written.
    """
    source = client_data()
    names = sorted(path.name for path in source.iterdir() if path.is_dir() and path.name[0] != "_")
    try:
        for name in names:
            shutil.copytree(
                source / name,
                folder / name,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
    except OSError as error:
        raise BridgeError(
            f"the clients cannot be copied to '{folder}' ({error.strerror or error})"
        ) from None
    return names
