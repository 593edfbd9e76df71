"""Copies of the checkout in which tests run, so that it is never changed itself."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dev import EVERYDAY
from tests.mutation.plugin import CHOSEN
from tests.mutation.reach import Reach, read_reach
from tests.mutation.recording import FOLDER, SOURCES

WATCHED = ("astfx", "bridge/astfx_bridge")
_LEAST_SECONDS, _TIMES = 60.0, 10.0  # a test may take so long, and so many times as long as usual
_COLLECT_SECONDS = 300.0
_FIRST_STAMP = 1_000_000_000
_COMPILES = re.compile(r"numba|compiled")


@dataclass
class Tree:
    """A copy of the checkout, with a cache of machine code of its own.

    Attributes
    ----------
    folder : Path
        Holds the copy in `tree`, numba's cache and temporary files.
    shared : Path
        The measuring audio, where there is any.
    """

    folder: Path
    shared: Path
    _process: subprocess.Popen[bytes] | None = None
    _stamps: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_STAMP, 10))

    @property
    def root(self) -> Path:
        """The copy itself."""
        return self.folder / "tree"

    @property
    def numba(self) -> Path:
        """Machine code."""
        return self.folder / "numba"

    @property
    def output(self) -> Path:
        """What the last program printed."""
        return self.folder / "output.txt"

    def stop(self) -> None:
        """End what runs."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def python(
        self, arguments: Sequence[str], extra: Mapping[str, str], limit_seconds: float | None = None
    ) -> int:
        """Run Python in the copy, and end whatever it leaves running; give its exit code."""
        places = [extra.get("PYTHONPATH", ""), str(self.root), str(self.root / "bridge")]
        temporary = self.folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        environment = {
            "ASTFX_SHARED": str(self.shared),
            **{name: v for name, v in os.environ.items() if not name.startswith("ASTFX_MUTATION_")},
            "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_CACHE_DIR": str(self.numba),
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(temporary),
            **extra,
            "PYTHONPATH": os.pathsep.join(place for place in places if place),
        }
        with self.output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                return self._process.wait(limit_seconds)
            except subprocess.TimeoutExpired:
                return -signal.SIGKILL
            finally:
                self.stop()

    def record(
        self, sources: Mapping[str, str], processes: int, files: Sequence[str] = ()
    ) -> Reach:
        """Run all everyday tests, or those of some files; find out which lines each reaches."""
        folder = self.folder / "recorded"
        hook = folder / "hook"
        hook.mkdir(parents=True)
        (hook / "sitecustomize.py").write_text(
            "from tests.mutation import recording\nrecording.record()\n"
        )
        patterns = [str(self.root / watched / "*") for watched in WATCHED]
        self.python(
            [*_pytest(), "-n", str(processes), "--dist", "loadfile", "-m", EVERYDAY, *files],
            {
                "PYTHONPATH": str(hook),
                "COVERAGE_CORE": "ctrace",  # the only one that knows contexts on every Python
                FOLDER: str(folder),
                SOURCES: os.pathsep.join(patterns),
            },
        )
        reach = read_reach(folder, self.root, sources)
        shutil.rmtree(folder)
        return reach

    @contextmanager
    def mutated(self, file: str, text: str) -> Iterator[None]:
        """Change one file for a while, so that nothing compiled before is taken for it."""
        path = self.root / file
        original, stamp = path.read_text(), next(self._stamps)
        # Machine code holds the constants of the modules that it was made from, and is used
        # again while its own file is as old as it was: so all such files become newer.
        touched = [p for p in self.root.rglob("*.py") if _COMPILES.search(p.read_text())]
        try:
            path.write_text(text)
            for changed in (path, *touched):
                os.utime(changed, (stamp, stamp))
            yield
        finally:
            path.write_text(original)

    def first_to_fail(self, tests: Sequence[str], seconds: Mapping[str, float]) -> str:
        """The first of some tests that fails, takes far too long or ends the process, or ""."""
        if not tests:
            return ""
        chosen = self.folder / "chosen.json"
        limits = {test: _LEAST_SECONDS + _TIMES * seconds[test] for test in tests}
        chosen.write_text(json.dumps(limits))
        now = chosen.with_suffix(".now")
        now.write_text("the start of the tests")
        files = list(dict.fromkeys(test.split("::")[0] for test in tests))
        code = self.python(
            [*_pytest(), "-x", *files],
            {CHOSEN: str(chosen)},
            limit_seconds=_COLLECT_SECONDS + sum(limits.values()),
        )
        return now.read_text() if code else ""


def _pytest() -> list[str]:
    plugins = ["-p", "no:cacheprovider", "-p", "tests.mutation.plugin", "--hypothesis-seed=0"]
    return ["-m", "pytest", "-q", *plugins]


def copied(root: Path, folder: Path) -> Tree:
    """Copy what git knows, or would, of a checkout."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    for name in listing.stdout.decode().split("\0"):
        path = root / name
        if name and path.is_file() and not path.is_symlink():
            target = folder / "tree" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    return Tree(folder, root.parent / "shared")
