"""Copies the clients (patches, classes and scripts) to where their hosts look for them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from platformdirs import user_config_path, user_data_path, user_documents_path

from astfx_bridge.errors import BridgeError

MAX_VERSIONS = ("8", "9")
IGNORED = shutil.ignore_patterns("__pycache__", ".*")


def client_data() -> Path:
    """The folder of the clients: in the installed package, or beside it in a checkout."""
    installed = Path(str(files("astfx_bridge"))) / "client_data"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[1] / "clients"


@dataclass(frozen=True, kw_only=True)
class Host:
    """A program that has a client.

    Attributes
    ----------
    title : str
    client : str
        The folder of its client.
    programs : tuple of str
        Names by which it can be started. If one is found, the host is installed.
    homes : callable
        Returns the folders in which it keeps what users add. If one exists, the host is installed.
    place : str
        Where the client belongs in such a folder.
    """

    title: str
    client: str
    programs: tuple[str, ...]
    homes: Callable[[], list[Path]]
    place: str

    def targets(self) -> list[Path]:
        """The folders that the client belongs in; none if the host is not installed."""
        homes = self.homes()
        found = [home for home in homes if home.is_dir()]
        if not found and any(shutil.which(program) for program in self.programs):
            found = homes[:1]
        return [home / self.place for home in found]


def _pd_homes() -> list[Path]:
    if sys.platform == "win32":
        return [user_data_path("Pd", appauthor=False, roaming=True)]
    if sys.platform == "darwin":
        return [Path.home() / "Library" / "Pd"]
    return [Path.home() / ".local" / "lib" / "pd" / "extra"]


def _max_homes() -> list[Path]:
    return [user_documents_path() / f"Max {version}" for version in MAX_VERSIONS]


HOSTS = (
    Host(
        title="Pure Data",
        client="pd",
        programs=("pd", "puredata"),
        homes=_pd_homes,
        place="astfx",
    ),
    Host(
        title="SuperCollider",
        client="sc",
        programs=("sclang",),
        homes=lambda: [user_data_path("SuperCollider", appauthor=False)],
        place="Extensions/AstFx",
    ),
    Host(title="Max", client="max", programs=(), homes=_max_homes, place="Packages/astfx"),
    Host(
        title="REAPER",
        client="reaper",
        programs=("reaper",),
        homes=lambda: [user_config_path("REAPER", appauthor=False, roaming=True)],
        place="Scripts/astfx",
    ),
)


def install_for_hosts() -> dict[str, list[Path]]:
    """Copy each client to where its host looks, in place of an earlier copy.

    Returns
    -------
    dict of str to list of Path
        By the title of each host, the folders that were written; none if it is not installed.

    Raises
    ------
    BridgeError
        If a folder cannot be written.
    """
    written = {}
    for host in HOSTS:
        written[host.title] = host.targets()
        for target in written[host.title]:
            _copy(client_data() / host.client, target)
    return written


def install_clients(folder: Path) -> list[str]:
    """Copy all clients into one folder, and return the names of their folders.

    Raises
    ------
    BridgeError
        If the folder cannot be written.
    """
    source = client_data()
    names = sorted(path.name for path in source.iterdir() if path.is_dir() and path.name[0] != "_")
    for name in names:
        _copy(source / name, folder / name)
    return names


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=IGNORED)
    except (OSError, shutil.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise BridgeError(f"the clients cannot be copied to '{target}' ({reason})") from None
