"""Which mistakes a run makes."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.operators import Mutant, mutated, possible

CORE = (
    *("audio", "dsp", "effect", "engine", "features", "frontends", "methods", "metrics"),
    *("optim", "phase", "presets", "streaming", "styles"),
)


@dataclass(frozen=True)
class Chosen:
    """A mutant of a file, and that file's whole text with it."""

    file: str
    mutant: Mutant
    text: str

    @property
    def place(self) -> str:
        """Where it is and what it does."""
        before, after = self.mutant.old.strip(), self.mutant.new.strip()
        return f"{self.file}:{self.mutant.line} ({self.mutant.kind})\n    {before}\n -> {after}"


def core_files(root: Path) -> list[str]:
    """The files that mistakes are made in, where none are named."""
    folders = [*(root / "astfx" / name for name in CORE), root / "bridge" / "astfx_bridge"]
    return sorted(
        path.relative_to(root).as_posix()
        for folder in folders
        for path in folder.rglob("*.py")
        if not path.name.startswith("__")
    )


def choose(sources: Mapping[str, str], count: int, seed: int) -> list[Chosen]:
    """Choose mutants, at most one a line, over all files in proportion to their lines.

    A smaller count chooses some of the mutants of a larger one, and each file's own depend on
    nothing but its text, its share and the seed.
    """
    lines: dict[str, dict[int, list[Mutant]]] = {}
    for file, source in sources.items():
        of_line: defaultdict[int, list[Mutant]] = defaultdict(list)
        for mutant in possible(source):
            of_line[mutant.line].append(mutant)
        lines[file] = of_line
    total = sum(map(len, lines.values()))
    count = min(count, total)
    exact = {file: count * len(found) / max(total, 1) for file, found in lines.items()}
    shares = {file: int(share) for file, share in exact.items()}
    by_rest = sorted(exact, key=lambda file: (shares[file] - exact[file], file))
    for file in by_rest[: count - sum(shares.values())]:
        shares[file] += 1
    return [
        chosen
        for file in sorted(sources)
        for chosen in _of_file(file, sources[file], lines[file], shares[file], seed)
    ]


def _of_file(
    file: str, source: str, lines: Mapping[int, list[Mutant]], count: int, seed: int
) -> list[Chosen]:
    rng = random.Random(f"{seed} {file}")
    found: list[Chosen] = []
    order = sorted(lines)
    rng.shuffle(order)
    for line in order:
        if len(found) == count:
            break
        kinds = sorted({mutant.kind for mutant in lines[line]})
        rng.shuffle(kinds)
        of_kind = [m for kind in kinds for m in lines[line] if m.kind == kind]
        first = [m for m in of_kind if m.kind == kinds[0]]
        for mutant in (rng.choice(first), *of_kind):
            text = mutated(source, mutant)
            if text is not None:
                found.append(Chosen(file, mutant, text))
                break
    return sorted(found, key=lambda chosen: chosen.mutant.line)
