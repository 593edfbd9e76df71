"""The record of jobs, in SQLite. It is written before anything is acknowledged."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
ENDED = (DONE, FAILED, CANCELLED)
MAX_STARTS = 10
REFUSED = "refused"  # the kind of a job that cannot be rendered: it fails when its turn comes
BLOB_COMMANDS = ("/astfx/render/blob", "/astfx/preset/fetch")  # their results are blobs
PREVIEW_COMMAND = "/astfx/preview"

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
create index if not exists jobs_by_priority
    on jobs (ifnull(json_extract(spec, '$.settings.priority'), 0) desc, number)
    where state = 'queued';
create index if not exists jobs_by_awaited on jobs (json_extract(spec, '$.after'))
    where state = 'queued';
create index if not exists jobs_by_output on jobs (json_extract(spec, '$.output'))
    where state in ('running', 'queued');
"""
# As the index jobs_by_priority has it.
_BY_PRIORITY = "ifnull(json_extract(spec, '$.settings.priority'), 0) desc, number"
# Whether no job that has not ended makes the content of this one.
_HAS_CONTENT = (
    "not exists (select 1 from jobs as other where other.id = json_extract(jobs.spec, '$.after') "
    "and other.state in ('queued', 'running'))"
)
# What later versions added to the table. `pragma user_version` says how many versions it has.
_ADDED = (
    (),
    (
        "client text not null default ''",
        "accepted_at real not null default 0",
        "started_at real not null default 0",
        "ended_at real not null default 0",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job.

    Attributes
    ----------
    id : str
    command : str
        The address of the request.
    request : str
        A hash of the whole request. It tells a repeated request from a different one with the
        same id.
    spec : dict
        What the worker is told to do: kind, content, style, settings, output, scratch.
    parent : str
        The id of the stem folder's request, or of the job that this one previews.
    state : str
    detail : str
        The output of a job that is done, or the reason why it failed.
    sample_rate : int, hertz
    frames : int
        The length of the output.
    starts : int
        How many times it was started.
    reply_host, reply_port : str, int
        The UDP client that awaits it, also after a restart. Port 0 means none.
    client : str
        Who asked for it, such as "UDP 127.0.0.1:50123".
    accepted_at, started_at, ended_at : float, seconds since 1970
        When it was accepted, begun the last time, and ended. 0 means not yet.
    number : int
        Counts the jobs in the order of acceptance.
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
    client: str = ""
    accepted_at: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0
    number: int = 0

    @property
    def ended(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in ENDED


_COLUMNS = (
    *("id", "parent", "command", "request", "spec", "state", "detail", "sample_rate", "frames"),
    *("starts", "reply_host", "reply_port", "client", "accepted_at", "started_at", "ended_at"),
)


class JobStore:
    """The record of all jobs. It holds one connection, for one thread.

    While another program holds the file, every method raises `sqlite3.OperationalError` at once,
    unless `wait_at_most` allows it to wait. The event loop, whose thread this is, must never wait.

    Parameters
    ----------
    path : Path
        The SQLite file. It is created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()

    def _open(self) -> None:
        self._database = sqlite3.connect(self.path, isolation_level=None)
        try:
            self._database.row_factory = sqlite3.Row
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = full")
            self._database.executescript(_SCHEMA)
            self._add_columns()
            self.wait_at_most(0.0)
        except sqlite3.Error:
            self._database.close()
            raise
        self._identity = _identity(self.path)

    def _add_columns(self) -> None:
        """Bring the table of an earlier version up to date, all or none."""
        version = int(self._database.execute("pragma user_version").fetchone()[0])
        if version < len(_ADDED):
            with self._transaction():
                for column in itertools.chain(*_ADDED[max(version, 1) :]):
                    self._database.execute(f"alter table jobs add column {column}")
                self._database.execute(f"pragma user_version = {len(_ADDED)}")

    def wait_at_most(self, seconds: float) -> None:
        """Set how long every method waits while another program holds the file."""
        self._database.execute(f"pragma busy_timeout = {round(1000 * seconds)}")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @property
    def is_missing(self) -> bool:
        """Whether the file has been removed since it was opened. Its records can be read still."""
        return _identity(self.path) is None

    @property
    def is_replaced(self) -> bool:
        """Whether another file is where this one was."""
        return _identity(self.path) not in (None, self._identity)

    def write_again(self) -> None:
        """Write the records of a file that has been removed to a new one in its place."""
        part = self.path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(part)) as copy:
            self._database.backup(copy)
        self._database.close()
        os.replace(part, self.path)
        self._open()

    def accept(self, jobs: Sequence[Job], replaced: Iterable[str] = ()) -> None:
        """Put jobs on record, all or none, in place of the records with the ids in `replaced`."""
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
        """The job with an id."""
        found = self._select("where id = ?", job_id)
        return found[0] if found else None

    def children(self, parent: str) -> list[Job]:
        """The jobs of a stem folder, or the preview of a job."""
        return self._select("where parent = ? order by number", parent)

    def all(self) -> list[Job]:
        """Every job on record."""
        return self._select("order by number")

    def pending(self, limit: int = -1) -> list[Job]:
        """The running jobs, then the queued ones by priority, and in the order of acceptance."""
        return self._select(
            f"where state in ('{RUNNING}', '{QUEUED}') order by state desc, {_BY_PRIORITY} limit ?",
            limit,
        )

    def followers(self, job_id: str) -> list[Job]:
        """The queued jobs that render the output of a job."""
        return self._select(
            f"where state = '{QUEUED}' and json_extract(spec, '$.after') = ? order by number",
            job_id,
        )

    def latest_ended(self, limit: int) -> list[Job]:
        """The ended jobs that were accepted last, the newest first."""
        return self._select(f"where state in {ENDED} order by number desc limit ?", limit)

    def next_queued(self, *, preview: bool) -> Job | None:
        """The queued job that is to run next. Previews are a queue of their own.

        It is the oldest one of the highest priority, of those whose content is there.
        """
        sign = "=" if preview else "<>"
        found = self._select(
            "indexed by jobs_by_priority "
            f"where state = '{QUEUED}' and command {sign} ? and {_HAS_CONTENT} "
            f"order by {_BY_PRIORITY} limit 1",
            PREVIEW_COMMAND,
        )
        return found[0] if found else None

    def has_content(self, job: Job) -> bool:
        """Whether no job that has not ended makes the content of a job."""
        return bool(self._select(f"where id = ? and {_HAS_CONTENT}", job.id))

    def count_unfinished(self) -> int:
        """The number of jobs that have not ended."""
        row = self._database.execute(
            f"select count(*) from jobs where state in ('{RUNNING}', '{QUEUED}')"
        ).fetchone()
        return int(row[0])

    def counts(self) -> dict[str, int]:
        """The number of jobs in each state."""
        rows = self._database.execute("select state, count(*) from jobs group by state")
        return dict(rows)

    def start(self, job: Job) -> Job:
        """Record that a job runs, and with which spec.

        This survives the end of the process, but is not synchronised to disk, which would delay the
        job. After a loss of power, the job may be on record as queued, and runs again all the same.
        """
        spec, now = json.dumps(job.spec), time.time()
        self._database.execute("pragma synchronous = normal")
        try:
            self._update(job.id, state=RUNNING, starts=job.starts + 1, started_at=now, spec=spec)
        finally:
            self._database.execute("pragma synchronous = full")
        return replace(job, state=RUNNING, starts=job.starts + 1, started_at=now)

    def end(self, job: Job, state: str, detail: str, sample_rate: int = 0, frames: int = 0) -> Job:
        """Record how a job ended. It ended now, unless it says when."""
        how: dict[str, Any] = {
            "state": state,
            "detail": detail,
            "sample_rate": sample_rate,
            "frames": frames,
            "ended_at": job.ended_at or time.time(),
        }
        self._update(job.id, **how)
        return replace(job, **how)

    def amend(self, job: Job, spec: dict[str, Any]) -> Job:
        """Change the spec of a queued job."""
        self._update(job.id, spec=json.dumps(spec))
        return replace(job, spec=spec)

    def redirect(self, job: Job, host: str, port: int) -> None:
        """Record another UDP client that awaits a job."""
        if (job.reply_host, job.reply_port) != (host, port):
            self._update(job.id, reply_host=host, reply_port=port)

    def requeue(self) -> list[Job]:
        """Queue again the jobs that were running when the server ended, and return them."""
        interrupted = self._select(f"where state = '{RUNNING}' order by number")
        self._database.execute(
            f"update jobs set state = '{QUEUED}', started_at = 0 where state = '{RUNNING}'"
        )
        return interrupted

    def forget(self, job_id: str) -> None:
        """Drop a record."""
        self._database.execute("delete from jobs where id = ?", (job_id,))

    def superfluous(self, kept: int) -> list[Job]:
        """The ended jobs that are older than the newest `kept`."""
        return self._select(f"where state in {ENDED} order by number desc limit -1 offset ?", kept)

    def blobs(self) -> list[Job]:
        """The jobs whose result is a blob that the server holds, newest first."""
        return self._select(
            f"where state = '{DONE}' and command in {BLOB_COMMANDS} order by number desc"
        )

    def last_number(self) -> int:
        """The highest number that any job was given so far."""
        row = self._database.execute(
            "select seq from sqlite_sequence where name = 'jobs'"
        ).fetchone()
        return int(row[0]) if row else 0

    def writer_of(self, output: str) -> str | None:
        """The id of the job that writes to a path and has not ended, or None."""
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
        try:
            if kind is None:
                self._database.execute("commit")
        finally:
            # SQLite has ended it already after some errors, such as a full disk.
            if self._database.in_transaction:
                self._database.execute("rollback")


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from any other, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_busy(error: Exception) -> bool:
    """Whether a database error says that another program holds the file just now."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
