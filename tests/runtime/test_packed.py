"""Packed named tuples are to compiled functions what the named tuples are to Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from astfx.runtime import packed_type
from astfx.runtime.compiled import compiled
from astfx.runtime.packed import packed


class Inner(NamedTuple):
    """A part of `Outer`."""

    values: npt.NDArray[np.float32]
    flags: npt.NDArray[np.bool_]
    scale: float


class Outer(NamedTuple):
    """All that can be packed."""

    offset: int
    table: npt.NDArray[np.float64]
    first: Inner
    cube: npt.NDArray[np.int64]
    second: Inner


def of(seed: int) -> Outer:
    """Fields with random elements; two of the arrays are not contiguous."""
    rng = np.random.default_rng(seed)
    inner = [
        Inner(
            rng.standard_normal(10).astype(np.float32)[::step],
            rng.random(4) < 0.5,
            float(rng.random()),
        )
        for step in (1, 2)
    ]
    cube = rng.integers(-9, 9, (2, 3, 4))
    return Outer(-7, rng.random((5, 3)).T, inner[0], cube, inner[1])


@compiled()
def _part(inner: Inner) -> float:
    """Sum of the values, scaled, and the number of flags."""
    total = 0.0
    for value in inner.values:
        total += value * inner.scale
    for flag in inner.flags:
        total += flag
    return total


@compiled()
def total_of(outer: Outer) -> float:
    """A number that depends on every element."""
    total = _part(outer.first) - 2.0 * _part(outer.second) + outer.offset
    for i in range(outer.table.shape[0]):
        for j in range(outer.table.shape[1]):
            total += (3 * i + j) * outer.table[i, j]
    for i in range(outer.cube.shape[0]):
        for j in range(outer.cube.shape[1]):
            for k in range(outer.cube.shape[2]):
                total += (i - 2 * j + 3 * k) * outer.cube[i, j, k]
    return total


@compiled()
def swap(outer: Outer) -> None:
    """Exchange the scaled ends of two arrays."""
    first, second = outer.first.values, outer.second.values
    first[0], second[len(second) - 1] = second[len(second) - 1], first[0]
    outer.cube[1, 2, 3] = len(first) * 100 + len(second)


def expected(outer: Outer) -> float:
    """What `total_of` should return, by NumPy."""
    parts = [
        inner.values.sum(dtype=np.float64) * inner.scale + inner.flags.sum()
        for inner in (outer.first, outer.second)
    ]
    i, j = np.indices(outer.table.shape)
    table = ((3 * i + j) * outer.table).sum()
    i, j, k = np.indices(outer.cube.shape)
    return float(
        parts[0] - 2.0 * parts[1] + outer.offset + table + ((i - 2 * j + 3 * k) * outer.cube).sum()
    )


def test_compiled_functions_read_every_field() -> None:
    for seed in range(3):
        outer = of(seed)
        np.testing.assert_allclose(total_of(packed(outer)), expected(outer), rtol=1e-6)


def test_packed_tuples_give_what_the_tuples_themselves_give() -> None:
    outer = of(3)
    assert total_of(packed(outer)) == total_of(outer)


def test_compiled_functions_change_the_arrays_in_place() -> None:
    outer = of(4)
    first, last = outer.first.values[0], outer.second.values[-1]
    pack = packed(outer)
    swap(pack)
    assert outer.first.values[0] == last
    assert outer.second.values[-1] == first
    assert outer.cube[1, 2, 3] == 1005
    outer.table[:] = 0.0  # and they see later changes
    np.testing.assert_allclose(total_of(pack), expected(outer), rtol=1e-6)


def test_arrays_live_as_long_as_the_pack() -> None:
    packs = [packed(of(seed)) for seed in range(50)]
    for seed, pack in enumerate(packs):
        np.testing.assert_allclose(total_of(pack), expected(of(seed)), rtol=1e-6)


def test_tuples_with_other_types_of_fields_get_code_of_their_own() -> None:
    outer = of(5)
    other = outer._replace(table=outer.table.astype(np.float32), cube=outer.cube.astype(np.int32))
    np.testing.assert_allclose(total_of(packed(other)), expected(other), rtol=1e-5)


def test_later_processes_take_the_machine_code_from_the_cache(tmp_path: Path) -> None:
    code = (
        "from tests.runtime.test_packed import expected, of, total_of\n"
        "from astfx.runtime.packed import packed\n"
        "print(abs(total_of(packed(of(6))) - expected(of(6))) < 1e-5)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}

    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "True\n"
        found.append(files())
    assert found[0]
    assert found[0] == found[1]


def test_the_type_is_found_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """To find it takes as long as a hop, and the first call may be in a real-time thread."""
    outer = of(1)
    made = packed(outer)
    monkeypatch.setattr(packed_type, "type_of", None)
    assert total_of(made) == total_of(outer)
