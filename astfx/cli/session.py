"""One run of a command: its progress bar, its last lines, and what it has written so far."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from astfx.cli import interrupts
from astfx.errors import CancelledError

if TYPE_CHECKING:
    from rich.progress import Progress

Move = Callable[[float], None]
"""Moves a progress bar to a share of the work, 0 to 1."""

_QUIET = typer.Option("--quiet", "-q", help="Show no progress and no closing lines.")


class Session:
    """What a command shows, and which files it is about to write.

    Parameters
    ----------
    quiet : bool
        Whether progress and closing lines are left out.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._before: dict[Path, tuple[int, int] | None] = {}

    def say(self, text: str, *, to_stderr: bool = False) -> None:
        """Print a line, unless the command is quiet. Standard error is for output of "-"."""
        if not self.quiet:
            print(text, file=sys.stderr if to_stderr else sys.stdout)

    def will_write(self, *paths: Path | str) -> None:
        """Announce files, so that an interruption can say which of them are there."""
        for path in paths:
            if str(path) != "-":
                self._before.setdefault(Path(path), _stamp(Path(path)))

    def interruption(self) -> str:
        """The message for a command that the user has interrupted."""
        written = [str(path) for path, old in self._before.items() if _stamp(path) != old]
        if not written:
            return "interrupted: nothing was written"
        return f"interrupted: only {', '.join(written)} {_were(len(written))} written"

    @contextmanager
    def progress(self, label: str) -> Iterator[Move]:
        """Show a bar with the time left on standard error, if that is a terminal."""
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        bar: Progress = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=self.quiet or not console.is_terminal,
        )
        with bar:
            task = bar.add_task(label, total=1.0)

            def move(share: float) -> None:
                interrupts.raise_if_lost()
                bar.update(task, completed=share)

            yield move


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced: its inode and its time. None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def in_session(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command: it gets the option `--quiet`, and a `Session` as the keyword `session`.

    An interruption by the user ends in a `CancelledError` that says what was written.
    """
    signature = inspect.signature(command, eval_str=True)
    quiet = inspect.Parameter(
        "quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, _QUIET]
    )

    @wraps(command)
    def run(*arguments: Any, quiet: bool = False, **named: Any) -> None:
        session = Session(quiet=quiet)
        try:
            command(*arguments, session=session, **named)
        except KeyboardInterrupt:
            raise CancelledError(session.interruption()) from None
        except Exception:
            if not interrupts.came():
                raise
            # The interruption has become another exception on its way.
            raise CancelledError(session.interruption()) from None

    kept = [p for p in signature.parameters.values() if p.name != "session"]
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*kept, quiet]
    )
    return run
