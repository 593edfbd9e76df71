"""The files that clients may name: those under the roots, with symbolic links resolved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from astfx_bridge.errors import BridgeError, RefusedError

_LONGEST_PATH_BYTES, _LONGEST_NAME_BYTES = 4095, 255


class Roots:
    """The folders that clients may read from and write to.

    Parameters
    ----------
    folders : sequence of Path
        Relative names are looked up in the first one.
    private : Path
        The folder of the server's records. It is out of reach even if it lies under a root.

    Raises
    ------
    BridgeError
        If a folder does not exist.
    """

    def __init__(self, folders: Sequence[Path], private: Path) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise BridgeError(f"root '{folder}' is not a folder that exists")
        self.folders = tuple(folder.resolve() for folder in folders)
        self._private = private.resolve()

    def resolved(self, name: str, role: str) -> Path:
        """A path under the roots, with all symbolic links resolved. Nothing need be there.

        Raises
        ------
        RefusedError
            If it lies outside, or no file can have that name.
        """
        if not name or "\0" in name or len(os.fsencode(name)) > _LONGEST_PATH_BYTES:
            raise RefusedError(f"{role} {name[:80]!r} is not a valid path")
        if any(len(os.fsencode(part)) > _LONGEST_NAME_BYTES for part in name.split("/")):
            raise RefusedError(
                f"{role} {name[:80]!r} is not a valid path: it holds a name of more than "
                f"{_LONGEST_NAME_BYTES} bytes"
            )
        try:
            path = Path(os.path.realpath(self.folders[0] / name))
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            pass
        except (OSError, ValueError):
            raise RefusedError(f"{role} {name[:80]!r} is not a valid path") from None
        within = any(path.is_relative_to(folder) for folder in self.folders)
        if not within or path.is_relative_to(self._private):
            # The same answer whether or not it exists, so that nothing outside is revealed.
            raise RefusedError(f"{role} '{name}' lies outside the server's roots")
        return path

    def readable(self, name: str, role: str) -> Path:
        """A regular file to read.

        Raises
        ------
        RefusedError
            If it lies outside, does not exist or is no regular file.
        """
        path = self.resolved(name, role)
        if path.is_dir():
            raise RefusedError(f"{role} '{name}' is a folder: name a file")
        if not path.exists():
            raise RefusedError(f"{role} '{name}' does not exist")
        if not path.is_file():
            raise RefusedError(f"{role} '{name}' is not a regular file")
        return path

    def folder(self, name: str, role: str) -> Path:
        """A folder to read.

        Raises
        ------
        RefusedError
            If it lies outside, does not exist or is no folder.
        """
        path = self.resolved(name, role)
        if not path.is_dir():
            raise RefusedError(f"{role} '{name}' is not a folder that exists")
        return path

    def names_in(self, name: str, role: str) -> list[str]:
        """The names of what a folder holds that clients may use, sorted; folders end in a slash.

        Hidden files, links out of the roots, and names that are not UTF-8 are left out.

        Raises
        ------
        RefusedError
            If it lies outside, does not exist, is no folder or cannot be read.
        """
        folder = self.folder(name, role)
        found = []
        try:
            for entry in os.scandir(folder):
                with suppress(UnicodeEncodeError, RefusedError):
                    entry.name.encode()
                    path = self.resolved(str(folder / entry.name), role)
                    if not entry.name.startswith(".") and (path.is_dir() or path.is_file()):
                        found.append(f"{entry.name}/" if path.is_dir() else entry.name)
        except OSError as error:
            raise RefusedError(f"{role} '{name}' cannot be read ({error.strerror})") from None
        return sorted(found)

    def writable(self, name: str, role: str = "output") -> Path:
        """A file to write, in a folder that exists.

        Raises
        ------
        RefusedError
            If it lies outside, is a folder, or its folder does not exist or cannot be written.
        """
        path = self.resolved(name, role)
        if path.name.startswith("."):
            raise RefusedError(f"{role} '{name}' must not begin with a dot")
        if path.exists() and not path.is_file():
            raise RefusedError(f"{role} '{name}' exists and is not a regular file")
        if not path.parent.is_dir():
            raise RefusedError(f"{role} '{name}': its folder does not exist")
        if not os.access(path.parent, os.W_OK):
            raise RefusedError(f"{role} '{name}': its folder cannot be written to")
        return path

    def new_folder(self, name: str, role: str = "output") -> Path:
        """A folder to write to. It need not exist, but the folder above it must.

        Raises
        ------
        RefusedError
            If it lies outside or is a file, or the folder above it does not exist.
        """
        path = self.resolved(name, role)
        if path.exists() and not path.is_dir():
            raise RefusedError(f"{role} '{name}' exists and is not a folder")
        if not path.parent.is_dir():
            raise RefusedError(f"{role} '{name}': the folder above it does not exist")
        return path

    def still_writable(self, path: Path) -> bool:
        """Whether a path that was checked is still free of symbolic links."""
        return Path(os.path.realpath(path.parent)) == path.parent and not path.is_symlink()
