"""Which tests can notice a mistake: those for which its line runs, and a few more."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import coverage

from tests.mutation.operators import Mutant

Lines = dict[str, dict[int, set[str]]]


@dataclass(frozen=True)
class Reach:
    """What a recorded run of the tests found.

    Attributes
    ----------
    seconds : dict
        What each test took; only tests that passed.
    lines : dict
        For each file, relative to the checkout, and each of its lines that ran inside a
        function: the tests for which it did.
    broken : list of str
        Tests that failed without any mistake.
    """

    seconds: dict[str, float]
    lines: Lines
    broken: list[str]

    def without(self, gone: set[str]) -> Reach:
        """The same but for some tests, or all tests of some files."""

        def kept(tests: Iterable[str]) -> set[str]:
            return {test for test in tests if not {test, test.split("::")[0]} & gone}

        lines = {
            file: {line: kept(tests) for line, tests in ran.items()}
            for file, ran in self.lines.items()
        }
        seconds = {test: self.seconds[test] for test in kept(self.seconds)}
        return Reach(seconds, lines, sorted(kept(self.broken)))

    def joined(self, other: Reach) -> Reach:
        """This and what another run found of other tests."""
        lines: Lines = {}
        for part in (self.lines, other.lines):
            for file, ran in part.items():
                for line, tests in ran.items():
                    lines.setdefault(file, {}).setdefault(line, set()).update(tests)
        broken = sorted({*self.broken, *other.broken})
        return Reach({**self.seconds, **other.seconds}, lines, broken)

    def to_json(self) -> str:
        """As text, with each test's name once."""
        names = sorted(self.seconds)
        index = {name: i for i, name in enumerate(names)}
        lines = {
            file: {
                line: [index[t] for t in sorted(tests) if t in index] for line, tests in ran.items()
            }
            for file, ran in self.lines.items()
        }
        return json.dumps({"seconds": self.seconds, "lines": lines, "broken": self.broken})

    @classmethod
    def from_json(cls, text: str) -> Reach:
        """Read what `to_json` gave."""
        held = json.loads(text)
        names = sorted(held["seconds"])
        lines = {
            file: {int(line): {names[i] for i in tests} for line, tests in ran.items()}
            for file, ran in held["lines"].items()
        }
        return cls(held["seconds"], lines, held["broken"])

    def tests(self, file: str, mutant: Mutant, sources: Mapping[str, str]) -> set[str]:
        """Every test that may notice a mutant.

        Parameters
        ----------
        file : str
        mutant : Mutant
            Of that file.
        sources : mapping
            The texts of all files that may depend on it, and of the tests.
        """
        found = set(self.lines.get(file, {}).get(mutant.line, ()))
        if mutant.body == (0, 0):
            # It runs on import: its names are used wherever they are mentioned.
            for tests in self.lines.get(file, {}).values():
                found |= tests
        if mutant.body == (0, 0) or mutant.is_decorated:
            names = "|".join(map(re.escape, mutant.owners))
            mention = re.compile(rf"\b(?:{names})\b")
            for other, source in sources.items():
                found |= self._mentioning(mention, other, source)
        return found & self.seconds.keys()

    def in_order(self, tests: Iterable[str]) -> list[str]:
        """Tests in the order in which they should be tried.

        Those of a file stay together, because they share what it sets up, the quickest first.
        Files that take little time and reach few parts of the program come first: such tests
        are about those parts.
        """
        of_file: defaultdict[str, list[str]] = defaultdict(list)
        for test in tests:
            of_file[test.split("::")[0]].append(test)
        cost = {
            file: sum(self.seconds[test] for test in held) * max(self._breadth[t] for t in held)
            for file, held in of_file.items()
        }
        return [
            test
            for file in sorted(of_file, key=lambda file: (cost[file], file))
            for test in sorted(of_file[file], key=lambda test: (self.seconds[test], test))
        ]

    @cached_property
    def _breadth(self) -> Counter[str]:
        """In how many files each test reaches lines."""
        reached = (set().union(*ran.values()) for ran in self.lines.values())
        return Counter(self.seconds.keys()) + Counter(test for tests in reached for test in tests)

    def _mentioning(self, mention: re.Pattern[str], file: str, source: str) -> set[str]:
        if not mention.search(source):
            return set()
        lines = [n for n, text in enumerate(source.splitlines(), 1) if mention.search(text)]
        if file.startswith("tests/"):
            return self._tests_at(file, source, set(lines))
        ran = self.lines.get(file, {})
        return {test for line in lines for test in ran.get(line, ())}

    def _tests_at(self, file: str, source: str, lines: set[int]) -> set[str]:
        """Tests of a file that hold some lines; all of them if some lines are in none."""
        names = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                held = lines & set(range(node.lineno, (node.end_lineno or 0) + 1))
                if held:
                    names.add(node.name)
                    lines = lines - held
        own = (test for test in self.seconds if test.startswith(f"{file}::"))
        return {test for test in own if lines or test.split("::")[-1].split("[")[0] in names}


def function_lines(source: str) -> set[int]:
    """Lines inside functions: the others run on import, whatever test that happens in."""
    return {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1)
    }


def read_reach(folder: Path, root: Path, sources: Mapping[str, str]) -> Reach:
    """Read what the processes of a recorded run left in a folder.

    Parameters
    ----------
    folder : Path
    root : Path
        The tree that ran.
    sources : mapping of str to str
        The watched files, relative to it.
    """
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("tests-*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    users: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        users[row["test"]].add(row["test"])
        for fixture in row["fixtures"]:
            users[f"fixture {fixture}"].add(row["test"])
    lines: Lines = {}
    for path in sorted(folder.glob("lines.*")):
        data = coverage.CoverageData(str(path))
        data.read()
        for file in data.measured_files():
            name = Path(file).relative_to(root).as_posix()
            inner = function_lines(sources[name]) if name in sources else set()
            ran = lines.setdefault(name, {})
            for line, contexts in data.contexts_by_lineno(file).items():
                if line in inner:
                    for context in contexts:
                        ran.setdefault(line, set()).update(users.get(context, ()))
    passed = {row["test"]: row["seconds"] for row in rows if row["passed"]}
    return Reach(passed, lines, sorted(row["test"] for row in rows if row["failed"]))
