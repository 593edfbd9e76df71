"""The log: one line for each job that ended, and for each request for one that was refused.

Python's `logging` writes it, to the logger "astfx_bridge". `astfx serve --verbose` shows it.
"""

from __future__ import annotations

import logging
from pathlib import Path

from astfx_bridge.jobs.store import FAILED, Job

LOGGER = logging.getLogger("astfx_bridge")


def ended(job: Job) -> None:
    """Log how a job ended."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info("%s", line_of(job))


def refused(client: str, command: str, job_id: object, reason: str) -> None:
    """Log that a request for a job was refused."""
    if LOGGER.isEnabledFor(logging.INFO):
        text = f"job {job_id} refused, {command} for {client}: {reason}"
        LOGGER.info("%s", printable(text))


def line_of(job: Job) -> str:
    """Who asked for a job that has ended, what it was, how long it took, and why it failed."""
    text = (
        f"job {job.id} {job.state} {duration_of(job)}, {job.command} {files_of(job)} for "
        f"{job.client or 'a client of an earlier server'}"
    )
    reason = reason_of(job)
    return f"{printable(text)}: {reason}" if reason else printable(text)


def reason_of(job: Job) -> str:
    """Why an ended job is not done, empty if it is, or was cancelled."""
    return printable(job.detail) if job.state == FAILED else ""


def files_of(job: Job) -> str:
    """The names of the content and the output of a job."""
    names = [Path(job.spec[role]).name for role in ("content", "output") if role in job.spec]
    return printable(" -> ".join(names))


def duration_of(job: Job) -> str:
    """How long an ended job waited and ran, in words."""
    if not job.started_at:
        return f"after {job.ended_at - job.accepted_at:.1f} s in the queue"
    waited, ran = job.started_at - job.accepted_at, job.ended_at - job.started_at
    return f"after {ran:.1f} s ({waited:.1f} s in the queue before)"


def printable(text: str) -> str:
    """A text on one line: control characters, which names of files may hold, are escaped."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
