"""Jobs on record: SQLite, written before anything is acknowledged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
ENDED = (DONE, FAILED, CANCELLED)
MAX_STARTS = 10

_SCHEMA = """
create table if not exists jobs (
    number integer primary key autoincrement,
    id text not null unique,
    parent text not null,
    command text not null,
    request text not null,
    spec text not null,
    state text not null,
    detail text not null default '',
    sample_rate integer not null default 0,
    frames integer not null default 0,
    starts integer not null default 0,
    reply_host text not null default '',
    reply_port integer not null default 0
);
create index if not exists jobs_by_state on jobs (state, number);
create index if not exists jobs_by_parent on jobs (parent, number);
pragma user_version = 1;
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job.

    Attributes
    ----------
    id : str
    command : str
        The address that asked for it.
    request : str
        Digest of everything asked, to tell a repeated request from another one with the same id.
    spec : dict
        What the worker is told: kind, content, style, settings, output, scratch.
    parent : str
        Id of the stem folder's request, or of the job that a preview is of.
    state : str
    detail : str
        The output of a job that is done, or why it failed.
    sample_rate, frames : int
        Of the output.
    starts : int
        How often it was begun.
    reply_host, reply_port : str, int
        A UDP client to tell, also after a restart; port 0 is none.
    number : int
        Order of acceptance.
    """

    id: str
    command: str
    request: str
    spec: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    state: str = QUEUED
    detail: str = ""
    sample_rate: int = 0
    frames: int = 0
    starts: int = 0
    reply_host: str = ""
    reply_port: int = 0
    number: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED


_COLUMNS = (
    *("id", "parent", "command", "request", "spec", "state", "detail", "sample_rate", "frames"),
    *("starts", "reply_host", "reply_port"),
)


class JobStore:
    """The record of all jobs. One connection, used by one thread.

    Parameters
    ----------
    path : Path
        The SQLite file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = full")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def accept(self, jobs: Sequence[Job], replaced: Iterable[str] = ()) -> None:
        """Put jobs on record, all or none; records with the ids in `replaced` make room."""
        marks = ", ".join("?" * len(_COLUMNS))
        rows = [
            [json.dumps(job.spec) if name == "spec" else getattr(job, name) for name in _COLUMNS]
            for job in jobs
        ]
        with self._transaction():
            self._database.executemany("delete from jobs where id = ?", [(i,) for i in replaced])
            self._database.executemany(
                f"insert into jobs ({', '.join(_COLUMNS)}) values ({marks})", rows
            )

    def _transaction(self) -> _Transaction:
        return _Transaction(self._database)

    def get(self, job_id: str) -> Job | None:
        """A job by its id."""
        found = self._select("where id = ?", job_id)
        return found[0] if found else None

    def children(self, parent: str) -> list[Job]:
        """The jobs of a stem folder, or the preview of a job."""
        return self._select("where parent = ? order by number", parent)

    def all(self) -> list[Job]:
        """Every job on record."""
        return self._select("order by number")

    def release(self, job_id: str) -> None:
        """Queue a job again that could not be run."""
        self._database.execute(
            f"update jobs set state = '{QUEUED}' where id = ? and state = '{RUNNING}'", (job_id,)
        )

    def pending(self, limit: int = -1) -> list[Job]:
        """Running and queued jobs in their order."""
        return self._select(
            f"where state in ('{RUNNING}', '{QUEUED}') order by state desc, number limit ?", limit
        )

    def next_queued(self, *, preview: bool) -> Job | None:
        """The oldest queued job; previews are a queue of their own."""
        sign = "=" if preview else "<>"
        found = self._select(
            f"where state = '{QUEUED}' and command {sign} '/astfx/preview' order by number limit 1"
        )
        return found[0] if found else None

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        rows = self._database.execute("select state, count(*) from jobs group by state")
        return dict(rows)

    def start(self, job: Job) -> Job:
        """Note that a job runs."""
        self._update(job.id, state=RUNNING, starts=job.starts + 1)
        return replace(job, state=RUNNING, starts=job.starts + 1)

    def end(self, job: Job, state: str, detail: str, sample_rate: int = 0, frames: int = 0) -> Job:
        """Note how a job ended."""
        self._update(job.id, state=state, detail=detail, sample_rate=sample_rate, frames=frames)
        return replace(job, state=state, detail=detail, sample_rate=sample_rate, frames=frames)

    def amend(self, job: Job, spec: dict[str, Any]) -> Job:
        """Change what a queued job will do."""
        self._update(job.id, spec=json.dumps(spec))
        return replace(job, spec=spec)

    def redirect(self, job: Job, host: str, port: int) -> None:
        """Note another UDP client to tell."""
        if (job.reply_host, job.reply_port) != (host, port):
            self._update(job.id, reply_host=host, reply_port=port)

    def requeue(self) -> list[Job]:
        """Give back the jobs that were running when the server ended, queued again."""
        interrupted = self._select(f"where state = '{RUNNING}' order by number")
        self._database.execute(f"update jobs set state = '{QUEUED}' where state = '{RUNNING}'")
        return interrupted

    def forget(self, job_id: str) -> None:
        """Drop a record."""
        self._database.execute("delete from jobs where id = ?", (job_id,))

    def superfluous(self, kept: int) -> list[Job]:
        """Ended jobs beyond the newest `kept`."""
        return self._select(f"where state in {ENDED} order by number desc limit -1 offset ?", kept)

    def blobs(self) -> list[Job]:
        """Jobs whose result is held here, newest first."""
        return self._select(
            f"where state = '{DONE}' and command = '/astfx/render/blob' order by number desc"
        )

    def last_number(self) -> int:
        """The highest number given so far."""
        row = self._database.execute(
            "select seq from sqlite_sequence where name = 'jobs'"
        ).fetchone()
        return int(row[0]) if row else 0

    def outputs_pending(self, output: str) -> str | None:
        """Id of the job that has not ended and writes to a path."""
        row = self._database.execute(
            f"select id from jobs where state in ('{RUNNING}', '{QUEUED}') "
            "and json_extract(spec, '$.output') = ?",
            (output,),
        ).fetchone()
        return None if row is None else str(row[0])

    def _update(self, job_id: str, **columns: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self._database.execute(f"update jobs set {names} where id = ?", (*columns.values(), job_id))

    def _select(self, condition: str, *values: Any) -> list[Job]:
        rows = self._database.execute(f"select * from jobs {condition}", values)
        return [Job(**{**dict(row), "spec": json.loads(row["spec"])}) for row in rows]


class _Transaction:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("begin immediate")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._database.execute("commit" if kind is None else "rollback")
