"""Make small mistakes in the core, one at a time, and see whether a test notices.

    python3 dev.py mutate [FILE ...] [--count N] [--seed N]

docs/design/testing.md says how to read what this prints.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.mutation.choosing import Chosen, choose, core_files
from tests.mutation.reach import Reach
from tests.mutation.trees import WATCHED, Tree, copied
from tests.mutation.trials import Outcome, Results, Trial, digest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "design" / "testing.md"
CACHE = ROOT / ".mutation"
COUNT, SEED = 120, 0
LEAST_SHARE = 0.9
AT_A_TIME = 2
_BEGIN, _END = "<!-- begin mutation -->\n", "<!-- end mutation -->"


def read_texts(root: Path) -> dict[str, str]:
    """The Python files whose lines are watched, and the tests, but not this tool itself."""
    own = Path(__file__).parent.relative_to(ROOT)
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for folder in (*WATCHED, "tests")
        for path in sorted((root / folder).rglob("*.py"))
        if not path.is_relative_to(root / own)
    }


def known_reach(tree: Tree, texts: Mapping[str, str]) -> Reach:
    """Which tests reach which lines: what earlier runs found, and files of tests changed since."""
    path = CACHE / "reach.json"
    tests = {file: digest({file: text}) for file, text in texts.items() if is_test(file)}
    base = digest({file: text for file, text in texts.items() if file not in tests})
    reach, known = Reach({}, {}, []), {}
    if path.exists():
        held = json.loads(path.read_text())
        if held["base"] == base:
            reach, known = Reach.from_json(held["reach"]), held["tests"]
    changed = [file for file in tests if known.get(file) != tests[file]]
    reach = reach.without({file for file in known if known[file] != tests.get(file)})
    if changed:
        print(f"finding out which lines the tests of {len(changed)} files reach", flush=True)
        began = time.monotonic()
        reach = reach.joined(tree.record(texts, AT_A_TIME, changed if known else []))
        if not reach.seconds:
            sys.exit(f"no test passed:\n{tree.output.read_text()}")
        path.write_text(json.dumps({"base": base, "tests": tests, "reach": reach.to_json()}))
        shutil.copytree(tree.numba, CACHE / "numba", dirs_exist_ok=True)
        print(f"{len(reach.seconds)} tests, {(time.monotonic() - began) / 60:.1f} minutes")
    return reach


def is_test(file: str) -> bool:
    """Whether a file holds tests, and not what several such files use."""
    return file.startswith("tests/") and Path(file).name.startswith("test_")


def table(outcomes: Mapping[Chosen, Outcome]) -> str:
    """How many mistakes were noticed, for each folder and together."""
    made: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for chosen, outcome in outcomes.items():
        for folder in (f"`{Path(chosen.file).parent.as_posix()}`", "together"):
            made[folder] += 1
            noticed[folder] += bool(outcome.killed_by)
    rows = ["| where | mistakes | noticed | share |", "|---|---|---|---|"]
    for folder in sorted(made, key=lambda name: (name == "together", name)):
        share = 100 * noticed[folder] / made[folder]
        rows.append(f"| {folder} | {made[folder]} | {noticed[folder]} | {share:.0f} % |")
    return "\n".join(rows) + "\n"


def write_table(page: Path, text: str) -> None:
    """Put the table between its marks in a page."""
    before, _, rest = page.read_text().partition(_BEGIN)
    _, mark, after = rest.partition(_END)
    if not mark:
        sys.exit(f"{page.name} has no marks {_BEGIN.strip()} and {_END}")
    page.write_text(f"{before}{_BEGIN}{text}{_END}{after}")


def main() -> int:
    """Run, report, and give the exit code: 1 where too few mistakes were noticed."""
    parser = argparse.ArgumentParser(prog="dev.py mutate", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="only these files")
    parser.add_argument("--count", type=int, default=COUNT, help=f"mistakes to make ({COUNT})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"which ones ({SEED})")
    options = parser.parse_args()
    files = [path.resolve().relative_to(ROOT).as_posix() for path in options.files]
    texts = read_texts(ROOT)
    if unknown := [file for file in files if file not in texts]:
        parser.error(f"{unknown[0]} is no Python file of {' or '.join(WATCHED)}")
    sources = {file: texts[file] for file in files or core_files(ROOT)}
    mutants = choose(sources, options.count, options.seed)
    CACHE.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # what runs is ended too
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        trees = [copied(ROOT, Path(folder) / str(index)) for index in range(AT_A_TIME)]
        reach = known_reach(trees[0], texts)
        for test in reach.broken:
            print(f"left out, because it fails without any mistake: {test}")
        for tree in trees:
            shutil.copytree(CACHE / "numba", tree.numba, dirs_exist_ok=True)
        trial = Trial(trees, reach, texts, Results(CACHE / "results.json", texts))
        try:
            outcomes = trial.run(mutants)
        except KeyboardInterrupt:
            sys.exit("stopped; the next run goes on from here")
        survivors = [chosen for chosen, outcome in outcomes.items() if not outcome.killed_by]
        for chosen in survivors:
            tried, more = trial.tests(chosen)
            also = f", and by {more} that were not tried" if more else ""
            print(f"\n{chosen.place}\n    reached by {len(tried)} tests{also}")
    share = 1 - len(survivors) / max(len(outcomes), 1)
    print(f"\n{table(outcomes)}\n{len(survivors)} of {len(outcomes)} mistakes were not noticed")
    if not files and (options.count, options.seed) == (COUNT, SEED):
        write_table(PAGE, table(outcomes))
    return 0 if share >= LEAST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
