"""The folder of the server's records: taken for one server alone, and watched while it runs."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from filelock import FileLock, Timeout

from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.jobs.pool import wait_for_orphans
from astfx_bridge.jobs.store import JobStore


class StateFolder:
    """The state folder of a server, with its lock and its records.

    Parameters
    ----------
    path : Path

    Raises
    ------
    BridgeError
        If it cannot be made, another server uses it, or its records cannot be read.

    Attributes
    ----------
    store : JobStore
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._make()
        except OSError as error:
            raise BridgeError(f"state folder '{path}' cannot be used ({error.strerror})") from None
        self._take()
        try:
            wait_for_orphans(path)
            self.store = JobStore(path / "jobs.sqlite")
        except sqlite3.Error as error:
            self._lock.release()
            raise BridgeError(f"the records in '{path}' cannot be read ({error})") from None
        except BridgeError:
            self._lock.release()
            raise

    def _make(self) -> None:
        for folder in ("blobs", "presets", "styles"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        os.chmod(self.path, 0o700)

    def _take(self) -> None:
        self._lock = FileLock(self.path / "server.lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise BridgeError(f"another server uses the state folder '{self.path}'") from None

    def check(self) -> str:
        """Make sure that the records are where the next server will look for them.

        If they were removed, they are written again.

        Returns
        -------
        str
            What was done, empty if nothing had to be.

        Raises
        ------
        RefusedError
            If other records are there now, or the records cannot be written again.
        """
        if self.store.is_replaced:
            raise RefusedError(
                f"the state folder '{self.path}' was replaced while the server ran: start the "
                "server again, no job is accepted before"
            )
        if not self.store.is_missing:
            return ""
        try:
            self._make()
            self._lock.release()
            self._take()
            self.store.write_again()
        except (OSError, sqlite3.Error, BridgeError) as error:
            raise RefusedError(
                f"the records in '{self.path}' were removed while the server ran, and cannot be "
                f"written again ({error}): no job is accepted before"
            ) from None
        return (
            f"the records in '{self.path}' were removed while the server ran: they are written "
            "again, but clips and presets that were kept there are lost"
        )

    def close(self) -> None:
        """Close the records, and leave the folder to other servers."""
        self.store.close()
        self._lock.release()
