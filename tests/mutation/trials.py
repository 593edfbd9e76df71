"""Mistakes made one after the other, and what is known of them from earlier runs."""

from __future__ import annotations

import hashlib
import json
import queue
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.mutation.choosing import Chosen
from tests.mutation.reach import Reach
from tests.mutation.trees import Tree

_MOST_SHARE = 0.2  # of the time of all tests, for one mutant


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the test that noticed it, or "" if none did."""

    killed_by: str
    seconds: float


class Results:
    """Outcomes that earlier runs found, in a file outside git, as long as they hold.

    They hold while the core is the same; and a mutant that a test noticed stays noticed while
    that test's file is the same, one that no test noticed while all tests are.
    """

    def __init__(self, path: Path, texts: Mapping[str, str]) -> None:
        self._path, self._texts = path, texts
        self._core = digest({f: t for f, t in texts.items() if not f.startswith("tests/")})
        self._tests = digest({f: t for f, t in texts.items() if f.startswith("tests/")})
        self._held: dict[str, dict[str, Any]] = {}
        if path.exists():
            self._held = json.loads(path.read_text())

    def _key(self, chosen: Chosen) -> str:
        return digest({"core": self._core, "file": chosen.file, "text": chosen.text})

    def _evidence(self, outcome: Outcome) -> str:
        file = outcome.killed_by.split("::")[0]
        return digest({file: self._texts[file]}) if file in self._texts else self._tests

    def get(self, chosen: Chosen) -> Outcome | None:
        """What is known of a mutant."""
        row = self._held.get(self._key(chosen))
        if row is None:
            return None
        outcome = Outcome(row["killed_by"], row["seconds"])
        return outcome if row["evidence"] == self._evidence(outcome) else None

    def put(self, chosen: Chosen, outcome: Outcome) -> None:
        """Keep what became of a mutant."""
        row = {**asdict(outcome), "evidence": self._evidence(outcome)}
        self._held[self._key(chosen)] = row
        self._path.write_text(json.dumps(self._held))


def digest(texts: Mapping[str, str]) -> str:
    """One short text that changes with any of some texts."""
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()


class Trial:
    """Try mutants, some at a time, each with the tests that may notice it."""

    def __init__(
        self, trees: Sequence[Tree], reach: Reach, texts: Mapping[str, str], results: Results
    ) -> None:
        self._reach, self._texts, self._results = reach, texts, results
        self._trees = trees
        self._free: queue.SimpleQueue[Tree] = queue.SimpleQueue()
        for tree in trees:
            self._free.put(tree)

    def tests(self, chosen: Chosen) -> tuple[list[str], int]:
        """Tests to try a mutant with, in order, and how many more there are that may notice it.

        Not all of those that reach a line that every render runs: the likeliest to notice.
        """
        found = self._reach.in_order(self._reach.tests(chosen.file, chosen.mutant, self._texts))
        most = _MOST_SHARE * sum(self._reach.seconds.values())
        after = accumulate(self._reach.seconds[test] for test in found)
        tried = [test for test, seconds in zip(found, after, strict=True) if seconds <= most]
        return tried or found, len(found) - len(tried or found)

    def outcome(self, chosen: Chosen) -> Outcome:
        """Try one mutant."""
        began = time.monotonic()
        tree = self._free.get()
        try:
            with tree.mutated(chosen.file, chosen.text):
                killed_by = tree.first_to_fail(self.tests(chosen)[0], self._reach.seconds)
        finally:
            self._free.put(tree)
        return Outcome(killed_by, time.monotonic() - began)

    def run(self, mutants: Sequence[Chosen]) -> dict[Chosen, Outcome]:
        """Try all that are not known yet; tell how it goes."""
        known = {chosen: self._results.get(chosen) for chosen in mutants}
        found = {chosen: outcome for chosen, outcome in known.items() if outcome is not None}
        if found:
            print(f"{len(found)} of {len(mutants)} are known from earlier runs")
        try:
            while new := [chosen for chosen in mutants if chosen not in found]:
                found |= self._tried(new)
                # A test that fails for another reason, once or after the tests before it, has
                # noticed nothing.
                for test in self._failing_anyway({o.killed_by for o in found.values()}):
                    print(f"left out, because it fails without a mistake too: {test}")
                    self._reach = self._reach.without({test})
                    found = {
                        c: outcome for c, outcome in found.items() if outcome.killed_by != test
                    }
        except BaseException:
            for tree in self._trees:
                tree.stop()
            raise
        for chosen, outcome in found.items():
            self._results.put(chosen, outcome)
        return {chosen: found[chosen] for chosen in mutants}

    def _tried(self, mutants: Sequence[Chosen]) -> dict[Chosen, Outcome]:
        began, found = time.monotonic(), {}
        with ThreadPoolExecutor(len(self._trees)) as executor:
            waiting = {executor.submit(self.outcome, chosen): chosen for chosen in mutants}
            try:
                for future in as_completed(waiting):
                    chosen, outcome = waiting[future], future.result()
                    found[chosen] = outcome
                    self._results.put(chosen, outcome)
                    left = (time.monotonic() - began) / len(found) * (len(mutants) - len(found))
                    print(
                        f"[{len(found)}/{len(mutants)}, about {left / 60:.0f} minutes left]"
                        f" {chosen.file}:{chosen.mutant.line}"
                        f" noticed by {outcome.killed_by or 'NOTHING'} ({outcome.seconds:.0f} s)",
                        flush=True,
                    )
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                for tree in self._trees:
                    tree.stop()
                raise
        return found

    def _failing_anyway(self, tests: Iterable[str]) -> Iterator[str]:
        """Which of some tests fail where there is no mistake."""
        left = set(tests) & self._reach.seconds.keys()
        while test := self._trees[0].first_to_fail(self._reach.in_order(left), self._reach.seconds):
            yield test
            left.discard(test)
