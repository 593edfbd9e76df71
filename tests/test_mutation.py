"""The tool that makes mistakes, on small programs whose mistakes are known."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mutation import trees
from tests.mutation.__main__ import table, write_table
from tests.mutation.choosing import Chosen, choose, core_files
from tests.mutation.operators import Mutant, mutated, possible
from tests.mutation.reach import Reach
from tests.mutation.trials import Outcome, Results, Trial

ROOT = Path(__file__).parents[1]


def changed(source: str, kind: str) -> list[str]:
    """The lines that mutants of a kind have in place of the source's own."""
    return [
        mutant.new.strip()
        for mutant in possible(source)
        if mutant.kind == kind and mutated(source, mutant) is not None
    ]


@pytest.mark.parametrize(
    ("kind", "line", "expected"),
    [
        ("comparison", "a < b", ["a >= b"]),
        ("comparison", "a <= 3", ["a > 3", "a < 3"]),
        ("comparison", "len(a) > b", ["len(a) <= b", "len(a) >= b"]),
        ("comparison", "0 <= a < b", ["0 > a < b", "0 < a < b", "0 <= a >= b"]),
        ("comparison", "a is not None", ["a is None"]),
        ("comparison", "(a) in (b)", ["(a) not in (b)"]),
        ("comparison", "a == b != c", ["a != b != c", "a == b == c"]),
        ("logic", "a and b and c", ["a or b and c", "a and b or c"]),
        ("logic", "a or not b", ["a and not b"]),
        ("negation", "a or not b", ["a or (b)"]),
        ("arithmetic", "(a + b) * c", ["(a + b) / c", "(a - b) * c"]),
        ("arithmetic", "a // b % c", ["a * b % c", "a // b * c"]),
        ("arithmetic", "a ** b", ["a * b"]),
        ("arithmetic", "a += b", ["a -= b"]),
        ("arithmetic", "'a' + b", []),
        ("arithmetic", "[a] * b", []),
        ("sign", "-a", ["(a)"]),
        ("constant", "a = True", ["a = False"]),
        ("constant", "a = 0", ["a = 1"]),
        ("constant", "a = 3", ["a = 4", "a = 2"]),
        ("constant", "a = 512", ["a = 1024"]),
        ("constant", "a = 0.5", ["a = 1.0"]),
        ("constant", "a = 1e-12", ["a = 1.0"]),
        ("constant", "a = 'text', None, b'1'", []),
        ("slice", "a[b:c]", ["a[b + 1:c]", "a[b:c + 1]"]),
        ("slice", "a[1:]", []),
        ("constant", "a[1:]", ["a[2:]", "a[0:]"]),
        ("function", "min(a, b)", ["max(a, b)"]),
        ("function", "np.ceil(a.any())", ["np.floor(a.any())", "np.ceil(a.all())"]),
        ("condition", "a if b else c", ["a if (not b) else c"]),
        ("statement deleted", "a.b(c)", ["pass"]),
        ("statement deleted", "a[b] = c", ["pass"]),
        ("statement deleted", "a -= b", ["pass"]),
        ("statement deleted", "raise ValueError", ["pass"]),
    ],
)
def test_each_kind_of_mistake(kind: str, line: str, expected: list[str]) -> None:
    source = f"def f(a, b, c):\n    {line}\n    return\n"
    assert sorted(changed(source, kind)) == sorted(expected)


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ("", "return None"),
        (" -> Array", "return None"),
        (" -> bool", "return not (a)"),
        (" -> int", "return (a) + 1"),
        (" -> float", "return (a) + 1.0"),
    ],
)
def test_the_value_returned_changes_by_its_type(returns: str, expected: str) -> None:
    assert changed(f"def f(a){returns}:\n    return a\n", "return value") == [expected]


UNTOUCHED = '''
"""1 + 1 < 3"""
from __future__ import annotations
from a import b
if TYPE_CHECKING:
    import c
    x = 1 + 1
__all__ = ["f"] * 1
T = TypeVar("T", bound=Literal[1])
Alias: TypeAlias = Literal[1]
class P(Protocol):
    """2"""
    def f(self, a: int = 1) -> int: ...
class C:
    """A class."""
    a: Literal[1]
    """An attribute, 1."""
@overload
def g(a: int = 1) -> int: ...
@cache(maxsize=1)
def f(a: Literal[1], *b: Array[2]) -> Literal[1, 2]:
    """Not -1."""
    assert a > 1, "too small"
    x: Literal[1]
    for a, b in zip(a, b, strict=True):
        print(f"{a + 1:.3f}")
    cast(Literal[1], a)
    ...
    return
if __name__ == "__main__":
    f(1)
'''


def test_what_is_no_program_stays_as_it_is() -> None:
    """All that is left to change is the call in the loop and the function's other call."""
    assert [m.new.strip() for m in possible(UNTOUCHED)] == ["pass", "pass"]


def test_what_ends_a_block_anyway_is_not_deleted() -> None:
    source = (
        "def f(a):\n"
        "    for b in a:\n"
        "        if b:\n"
        "            continue\n"  # needed
        "        if a:\n"
        "            print(b)\n"
        "        else:\n"
        "            continue\n"  # not
        "    return\n"  # not
    )
    deleted = [m.line for m in possible(source) if m.kind == "statement deleted"]
    assert deleted == [4, 6]


def test_the_first_assignment_of_a_name_is_not_deleted() -> None:
    source = "def f(a):\n    b = a\n    c = a\n    c = b\n    a = c\n    return a\n"
    deleted = [m.line for m in possible(source) if m.kind == "statement deleted"]
    assert deleted == [4, 5]


def test_text_beyond_ascii_is_cut_at_the_right_place() -> None:
    assert changed("def f(ä, b):\n    print('Průša', ä + b)\n", "arithmetic") == [
        "print('Průša', ä - b)"
    ]


def test_every_mutant_is_one_other_line_and_another_program() -> None:
    source = Path(trees.__file__).read_text()
    original = ast.dump(ast.parse(source))
    mutants = possible(source)
    assert len(mutants) > 40
    for mutant in mutants:
        text = mutated(source, mutant)
        assert text is not None
        assert ast.dump(ast.parse(text)) != original
        pairs = zip(source.splitlines(), text.splitlines(), strict=True)
        assert [n for n, (a, b) in enumerate(pairs, 1) if a != b] == [mutant.line]


def mutant_of(line: int = 1, new: str = "", **given: object) -> Mutant:
    fields = {
        "line": line,
        "kind": "constant",
        "old": "",
        "new": new,
        "owners": (),
        "body": (1, 9),
        "is_decorated": False,
    }
    return Mutant(**{**fields, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize("new", ["x = 1", "x = (1)  # one", "x = = 1"])
def test_no_change_and_no_program_are_no_mutants(new: str) -> None:
    assert mutated("x = 1\n", mutant_of(new=new)) is None


SOURCES = {
    "long.py": "".join(f"x{i} = {i}.5 + y\n" for i in range(60)),
    "short.py": "".join(f"x{i} = {i}.5 + y\n" for i in range(20)),
    "empty.py": '"""Nothing."""\n',
}


def test_the_choice_is_even_over_lines_and_depends_on_the_seed_only() -> None:
    chosen = choose(SOURCES, 40, 1)
    assert chosen == choose(dict(reversed(SOURCES.items())), 40, 1)
    assert chosen != choose(SOURCES, 40, 2)
    files = [c.file for c in chosen]
    assert (files.count("long.py"), files.count("short.py")) == (30, 10)
    assert len({(c.file, c.mutant.line) for c in chosen}) == 40
    assert {c.mutant.kind for c in chosen} == {"arithmetic", "constant"}
    for c in chosen:
        assert c.text == mutated(SOURCES[c.file], c.mutant)


def test_fewer_mutants_are_some_of_more() -> None:
    assert set(choose(SOURCES, 8, 0)) <= set(choose(SOURCES, 40, 0))
    assert len(choose(SOURCES, 1000, 0)) == 80  # one a line


def test_the_core_is_found_wherever_it_lies() -> None:
    files = core_files(ROOT)
    assert "bridge/astfx_bridge/wire/osc.py" in files
    assert any(file.startswith("astfx/phase/") for file in files)
    assert not any("__" in file or file.startswith("astfx/cli/") for file in files)


REACH = Reach(
    seconds={
        "tests/a.py::test_one": 1.0,
        "tests/a.py::test_two[x]": 3.0,
        "tests/b.py::test_three": 2.0,
    },
    lines={
        "astfx/used.py": {
            2: {"tests/a.py::test_one"},
            9: {"tests/b.py::test_three", "tests/b.py::failing"},
        },
        "astfx/user.py": {2: {"tests/a.py::test_two[x]"}},
    },
    broken=["tests/b.py::failing"],
)
TEXTS = {
    "astfx/user.py": "def call():\n    return used.helper() + LIMIT\n",
    "tests/a.py": "ALL = used.LEVELS\ndef test_one():\n    pass\n",
    "tests/b.py": "def test_three():\n    assert used.TOLERANCE\n",
}


@pytest.mark.parametrize(
    ("mutant", "expected"),
    [
        pytest.param(mutant_of(2), ["a.py::test_one"], id="its line runs"),
        pytest.param(mutant_of(9), ["b.py::test_three"], id="never a test that fails anyway"),
        pytest.param(mutant_of(3, owners=("helper",)), [], id="reached by none"),
        pytest.param(
            mutant_of(3, owners=("helper",), is_decorated=True),
            ["a.py::test_two[x]"],
            id="compiled or remembered: whoever mentions it",
        ),
        pytest.param(
            mutant_of(1, owners=("LIMIT",), body=(0, 0)),
            ["b.py::test_three", "a.py::test_one", "a.py::test_two[x]"],
            id="runs on import: its file's users and whoever mentions it",
        ),
        pytest.param(
            mutant_of(1, owners=("TOLERANCE",), body=(0, 0)),
            ["a.py::test_one", "b.py::test_three"],
            id="mentioned by a test",
        ),
        pytest.param(
            mutant_of(2, owners=("LEVELS",), is_decorated=True),
            ["a.py::test_one", "a.py::test_two[x]"],
            id="mentioned outside of the tests of a file: all of them",
        ),
    ],
)
def test_tests_that_may_notice_a_mistake(mutant: Mutant, expected: list[str]) -> None:
    found = REACH.in_order(REACH.tests("astfx/used.py", mutant, TEXTS))
    assert found == [f"tests/{test}" for test in expected]


def test_quick_files_that_reach_little_come_first_and_stay_together() -> None:
    """Here wide.py takes less time than slow.py, but reaches three files."""
    seconds = {"wide.py::a": 3.0, "slow.py::b": 3.0, "slow.py::c": 1.0, "quick.py::d": 2.0}
    ran = {1: {"wide.py::a"}}
    reach = Reach(seconds, {"x.py": ran, "y.py": ran, "z.py": {1: set(seconds)}}, [])
    assert reach.in_order(seconds) == ["quick.py::d", "slow.py::c", "slow.py::b", "wide.py::a"]


def test_what_is_recorded_survives_being_written() -> None:
    again = Reach.from_json(REACH.to_json())
    assert again.seconds == REACH.seconds
    assert again.lines["astfx/user.py"] == REACH.lines["astfx/user.py"]
    assert again.lines["astfx/used.py"][9] == {"tests/b.py::test_three"}
    assert again.broken == REACH.broken


def test_what_is_known_of_unchanged_files_of_tests_is_kept() -> None:
    kept = REACH.without({"tests/b.py"})
    assert kept.seconds.keys() == {"tests/a.py::test_one", "tests/a.py::test_two[x]"}
    assert kept.lines["astfx/used.py"] == {2: {"tests/a.py::test_one"}, 9: set()}
    assert kept.broken == []
    new = Reach({"tests/b.py::new": 1.0}, {"astfx/used.py": {2: {"tests/b.py::new"}}}, ["x"])
    joined = kept.joined(new)
    assert joined.seconds == {**kept.seconds, **new.seconds}
    assert joined.lines["astfx/used.py"][2] == {"tests/a.py::test_one", "tests/b.py::new"}
    assert joined.lines["astfx/user.py"] == REACH.lines["astfx/user.py"]
    assert joined.broken == ["x"]


def test_a_line_that_most_tests_reach_is_tried_with_the_likeliest(tmp_path: Path) -> None:
    """With those that take a fifth of the time of all tests, and always with some."""
    seconds = {f"tests/{name}.py::test": 1.0 for name in "abcdefghij"}
    reach = Reach(seconds, {"astfx/x.py": {1: set(seconds), 2: {"tests/c.py::test"}}}, [])
    trial = Trial([], reach, {}, Results(tmp_path / "results.json", {}))
    assert trial.tests(Chosen("astfx/x.py", mutant_of(1), "")) == (
        ["tests/a.py::test", "tests/b.py::test"],
        8,
    )
    assert trial.tests(Chosen("astfx/x.py", mutant_of(2), "")) == (["tests/c.py::test"], 0)
    slow = Reach({"tests/a.py::test": 1.0}, {"astfx/x.py": {1: {"tests/a.py::test"}}}, [])
    trial = Trial([], slow, {}, Results(tmp_path / "results.json", {}))
    assert trial.tests(Chosen("astfx/x.py", mutant_of(1), "")) == (["tests/a.py::test"], 0)


def test_results_hold_until_what_they_rest_on_changes(tmp_path: Path) -> None:
    texts = {"astfx/a.py": "x = 1\n", "tests/a.py": "one", "tests/b.py": "two"}
    noticed, missed = (Chosen("astfx/a.py", mutant_of(), text) for text in ("x = 2\n", "x = 0\n"))
    path = tmp_path / "results.json"
    first = Results(path, texts)
    assert first.get(noticed) is None
    first.put(noticed, Outcome("tests/a.py::test_one", 1.0))
    first.put(missed, Outcome("", 2.0))

    def known(**changes: str) -> list[bool]:
        held = Results(path, texts | {f"{k}.py".replace("_", "/"): v for k, v in changes.items()})
        return [held.get(chosen) is not None for chosen in (noticed, missed)]

    assert known() == [True, True]
    assert known(tests_b="other") == [True, False]
    assert known(tests_a="other") == [False, False]
    assert known(astfx_a="x = 3\n") == [False, False]


def test_the_table_counts_by_folder_and_lands_between_its_marks(tmp_path: Path) -> None:
    outcomes = {
        Chosen("astfx/dsp/a.py", mutant_of(1), "1"): Outcome("t", 1.0),
        Chosen("astfx/dsp/a.py", mutant_of(2), "2"): Outcome("", 1.0),
        Chosen("astfx/phase/b.py", mutant_of(3), "3"): Outcome("t", 1.0),
    }
    text = table(outcomes)
    assert text.splitlines()[2:] == [
        "| `astfx/dsp` | 2 | 1 | 50 % |",
        "| `astfx/phase` | 1 | 1 | 100 % |",
        "| together | 3 | 2 | 67 % |",
    ]
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin mutation -->\nold\n<!-- end mutation -->\nafter\n")
    write_table(page, text)
    assert page.read_text() == (
        f"before\n<!-- begin mutation -->\n{text}<!-- end mutation -->\nafter\n"
    )
    page.write_text("no marks\n")
    with pytest.raises(SystemExit, match=r"page\.md has no marks <!-- begin mutation -->"):
        write_table(page, text)


PROGRAM = {
    "astfx/core.py": (
        "from functools import cache\n"
        "\n"
        "def double(x):\n"
        "    return x + x\n"
        "\n"
        "def count(x):\n"
        "    while x > 0:\n"
        "        x -= 1\n"
        "    return x\n"
        "\n"
        "@cache\n"
        "def table():\n"
        "    return 7 - 1\n"
        "\n"
        "def in_another_process():\n"
        "    print(1 + 1)\n"
        "\n"
        "def shared():\n"
        "    return 1 + 2\n"
        "\n"
        "def unnoticed(x):\n"
        "    return x + 1\n"
        "\n"
        "def read():\n"
        "    return table() + 0\n"
        "\n"
        "def recorded():\n"
        "    return 1 + 4\n"
    ),
    "tests/test_core.py": (
        "import os, subprocess, sys\n"
        "import pytest\n"
        "from astfx import core\n"
        "\n"
        "@pytest.fixture(scope='module')\n"
        "def made():\n"
        "    return core.shared()\n"
        "\n"
        "def test_double(): assert core.double(3) == 6\n"
        "def test_recorded(): assert core.recorded() and 'ASTFX_MUTATION_FOLDER' in os.environ\n"
        "def test_count(): assert core.count(3) == 0\n"
        "def test_first_read(): assert core.read() is not None\n"
        "def test_read(): assert core.read() == 6\n"
        "def test_unnoticed(): core.unnoticed(1)\n"
        "def test_made_first(made): pass\n"
        "def test_made(made): assert made == 3\n"
        "def test_broken(): assert core.double(3) == 7\n"
        "def test_child():\n"
        "    code = 'from astfx import core; core.in_another_process()'\n"
        "    done = subprocess.run([sys.executable, '-c', code], capture_output=True)\n"
        "    assert done.stdout.split() == [b'2']\n"
    ),
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--import-mode=importlib'\n",
}
NAME = "tests/test_core.py::test"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small program with its tests and this tool, known to git."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(
        ROOT / "tests" / "mutation", root / "tests" / "mutation", ignore=lambda *_: ["__pycache__"]
    )
    for name, text in PROGRAM.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def tree(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> trees.Tree:
    return trees.copied(checkout, tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def reach(tree: trees.Tree) -> Reach:
    return tree.record(PROGRAM, 1)


def line_of(text: str) -> int:
    lines = PROGRAM["astfx/core.py"].splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip() == text)


@pytest.mark.slow
def test_a_recorded_run_tells_which_tests_reach_a_line(reach: Reach) -> None:
    """In processes that a test starts too, and what a fixture does for all who share it."""
    assert reach.broken == [f"{NAME}_broken"]
    assert f"{NAME}_broken" not in reach.seconds
    lines = reach.lines["astfx/core.py"]

    def tests(text: str) -> set[str]:
        return {test.removeprefix(NAME) for test in lines[line_of(text)] if test in reach.seconds}

    assert tests("return x + x") == {"_double"}
    assert tests("print(1 + 1)") == {"_child"}
    assert tests("return 1 + 2") == {"_made_first", "_made"}
    assert tests("return 7 - 1") == {"_first_read"}  # later it is remembered
    assert tests("return table() + 0") == {"_first_read", "_read"}


NOTICED_BY = {
    ("return x + x", "return x - x"): "_double",
    ("print(1 + 1)", "print(1 - 1)"): "_child",
    ("return 1 + 2", "return 1 - 2"): "_made",
    ("return 7 - 1", "return 7 + 1"): "_read",
    ("x -= 1", "x += 1"): "_count",  # never ends
    ("return x + 1", "return x - 1"): None,
    ("return 1 + 4", "return 1 - 4"): None,  # its only test fails where nothing is recorded
}


@pytest.mark.slow
def test_mistakes_are_noticed_or_not(
    checkout: Path,
    tree: trees.Tree,
    reach: Reach,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And the checkout itself is never changed, nor is the copy left so."""
    monkeypatch.setattr(trees, "_LEAST_SECONDS", 5.0)
    source = PROGRAM["astfx/core.py"]
    expected = {
        Chosen("astfx/core.py", mutant, source.replace(mutant.old, mutant.new)): (
            f"{NAME}{NOTICED_BY[change]}" if NOTICED_BY[change] else ""
        )
        for mutant in possible(source)
        if (change := (mutant.old.strip(), mutant.new.strip())) in NOTICED_BY
    }
    path = tmp_path / "results.json"
    found = Trial([tree], reach, PROGRAM, Results(path, PROGRAM)).run(list(expected))
    assert {chosen: outcome.killed_by for chosen, outcome in found.items()} == expected
    assert f"fails without a mistake too: {NAME}_recorded" in capsys.readouterr().out
    for root in (checkout, tree.root):
        assert (root / "astfx" / "core.py").read_text() == source
    monkeypatch.setattr(tree, "first_to_fail", lambda *_: pytest.fail("it is known"))
    assert Trial([tree], reach, PROGRAM, Results(path, PROGRAM)).run(list(expected)) == found


def test_machine_code_made_before_is_not_taken_for_a_mutants(tree: trees.Tree) -> None:
    """numba looks at a file's time: each mutant gives all files with compiled loops another."""
    loops = tree.root / "astfx" / "loops.py"
    loops.write_text("from astfx.runtime import compiled\n")
    seen = {loops.stat().st_mtime}
    for _ in range(2):
        with tree.mutated("astfx/core.py", "x = 1\n"):
            seen.add(loops.stat().st_mtime)
            assert loops.stat().st_mtime == (tree.root / "astfx/core.py").stat().st_mtime
    assert len(seen) == 3
