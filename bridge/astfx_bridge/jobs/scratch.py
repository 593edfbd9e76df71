"""Half-written files. Their names are unique to a job, so that leftovers can be removed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from astfx_bridge.jobs.store import Job

_BEGINNING = "astfx-"


def held_path(folder: Path, suffix: str) -> Path:
    """A new path for a clip that the server holds."""
    return folder / f"{_BEGINNING}{secrets.token_hex(8)}{suffix}"


def scratch_path(output: Path) -> Path:
    """Where a job writes until its output is whole: beside it, so that a rename is enough."""
    return output.with_name(f".{_BEGINNING}{secrets.token_hex(8)}{output.suffix}")


def clean(jobs: Iterable[Job]) -> None:
    """Remove the half-written files of jobs that do not run. Their outputs stay."""
    marks: dict[Path, set[str]] = {}
    for job in jobs:
        scratch = Path(job.spec["scratch"])
        marks.setdefault(scratch.parent, set()).add(scratch.stem.lstrip("."))
    for folder, known in marks.items():
        with suppress(OSError):
            for left in folder.glob(f".*{_BEGINNING}*"):
                # astfx too writes to a side file first, whose name contains that of the file.
                name = left.name.lstrip(".").split(".")[0]
                if name in known:
                    left.unlink(missing_ok=True)


def remove_held(job: Job, blobs: Path) -> None:
    """Remove the clips that the server holds for a job."""
    for name in ("content", "style", "output"):
        path = Path(job.spec.get(name, ""))
        if path.parent == blobs:
            with suppress(OSError):
                path.unlink(missing_ok=True)
