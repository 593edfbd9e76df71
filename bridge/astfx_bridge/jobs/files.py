"""The files that jobs read and write: still where they may be, and still the same."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs.store import REFUSED, Job
from astfx_bridge.jobs.styles import SUFFIX
from astfx_bridge.roots import Roots


class JobFiles:
    """Looks again at the files of jobs that were accepted.

    Parameters
    ----------
    roots : Roots
    blobs, presets, clips : Path
        The folders of the clips of jobs, of the presets made here, and of the kept style clips.
    """

    def __init__(self, roots: Roots, blobs: Path, presets: Path, clips: Path) -> None:
        self._roots, self._blobs, self._presets = roots, blobs, presets
        self._held = (blobs, presets, clips)

    def looked_at(self, job: Job) -> Job:
        """A job that is about to be begun, with its files as they are now.

        Raises
        ------
        RefusedError
            If one has become a link that leads out of the roots, or the job cannot be rendered.
        """
        spec = dict(job.spec)
        if spec.get("kind") == REFUSED:
            raise RefusedError(spec["reason"])
        for role in ("content", "style"):
            if role in spec and Path(spec[role]).parent not in self._held:
                spec[role] = str(self._roots.resolved(spec[role], role))
        self.check_output(Path(spec["output"]))
        return replace(job, spec={**spec, "stamps": self._stamps(spec)})

    def check_output(self, output: Path) -> None:
        """Check that an output is still where it may be written.

        Raises
        ------
        RefusedError
            If a symbolic link has taken it out of the roots.
        """
        if output.parent not in self._held and not self._roots.still_writable(output):
            raise RefusedError(f"output '{output}' has been moved out of the server's roots")

    def is_outdated(self, job: Job) -> bool:
        """Whether a file that a job has read is another one by now."""
        then = job.spec.get("stamps")
        if then is None:
            return False
        return any(then.get(role) != stamp for role, stamp in self._stamps(job.spec).items())

    def _stamps(self, spec: Mapping[str, Any]) -> dict[str, list[int]]:
        """The size and the time of each file that a job reads and that the server does not hold."""
        paths = {role: Path(spec[role]) for role in ("content", "style") if role in spec}
        if "preset" in spec:
            paths["preset"] = self._presets / f"{spec['preset']}{SUFFIX}"
        found = {}
        for role, path in paths.items():
            with suppress(OSError):
                if path.parent != self._blobs:
                    stat = path.stat()
                    found[role] = [stat.st_size, stat.st_mtime_ns]
        return found
