"""Half-written files: named after their job, so that whatever is left can be found and removed."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from astfx_bridge.jobs import Job


def mark(job_id: str) -> str:
    """What the names of a job's half-written files hold."""
    return f"astfx-{sha256(job_id.encode()).hexdigest()[:16]}"


def scratch_path(output: Path, job_id: str) -> Path:
    """Where a job writes until it is whole: beside its output, so that a rename is enough."""
    return output.with_name(f".{mark(job_id)}{output.suffix}")


def clean(job: Job) -> None:
    """Remove what a job that does not run left behind; its output stays."""
    folder = Path(job.spec["output"]).parent
    with suppress(OSError):
        for left in folder.glob(f".*{mark(job.id)}*"):
            left.unlink(missing_ok=True)


def remove_held(job: Job, blobs: Path) -> None:
    """Remove the clips that the server holds for a job."""
    for name in ("content", "output"):
        path = Path(job.spec.get(name, ""))
        if path.parent == blobs:
            with suppress(OSError):
                path.unlink(missing_ok=True)
