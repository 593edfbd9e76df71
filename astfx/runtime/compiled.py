"""Functions compiled by numba.

numba is imported when the first compiled function runs: the import takes as long as making
a preset, and most commands run no compiled function.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, update_wrapper
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

from astfx.runtime.folders import has_home

P = ParamSpec("P")
R = TypeVar("R")


def compiled(*, fastmath: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: let numba compile a function when it is first called.

    The function may take arrays, numbers, and named tuples of them, and it may call other compiled
    functions. Other threads run meanwhile. A division by zero gives an infinity. The machine code
    is cached on disk for later processes, unless no folder for it can be written: then each process
    compiles for itself.

    Parameters
    ----------
    fastmath : bool
        As in `numba.njit`. It is for sums, which are then made of several partial sums at a time,
        and for loops over a single array. Where a loop reads and writes several arrays, the
        compiler makes two versions, for arrays that overlap and for others. It may mistake one for
        the other, and with `fastmath` they differ in the last bits.
    """
    return lambda function: _Compiled(function, fastmath)


class _Compiled(Generic[P, R]):
    """A function that numba compiles when it is first called."""

    def __init__(self, function: Callable[P, R], fastmath: bool) -> None:
        assert isinstance(function, FunctionType)
        update_wrapper(self, function)
        self._function, self._fastmath = function, fastmath
        self._entry: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._entry is None:
            self._entry = self._machine_code("entry", {})
        return self._entry(*args, **kwargs)

    @cached_property
    def callee(self) -> Callable[P, R]:
        """The machine code for other machine code, without an entry from Python, which is long."""
        return self._machine_code("callee", {"no_cpython_wrapper": True, "no_cfunc_wrapper": True})

    def _machine_code(self, role: str, wrappers: dict[str, Any]) -> Callable[P, R]:
        import numba

        import astfx.runtime.packed_type  # noqa: F401

        function, fastmath = self._linked(role), self._fastmath

        def compile_it(*, cache: bool) -> Callable[P, R]:
            how = numba.njit(
                cache=cache, fastmath=fastmath, nogil=True, error_model="numpy", **wrappers
            )
            made: Callable[P, R] = how(function)
            return made

        try:
            return compile_it(cache=has_cache_folder())
        except RuntimeError as error:
            if not lacks_a_folder(error):
                raise
            return compile_it(cache=False)

    def _linked(self, role: str) -> FunctionType:
        """The function, with the machine code of those that it calls.

        numba's cache knows a function by its name, and compiles it anew where its file has changed.
        So the name says what else the machine code depends on: the files of the functions that are
        called, and the role.
        """
        function, called = self._function, self._called()
        codes = {name: other.callee for name, other in called.items()}
        linked = FunctionType(
            function.__code__,
            {**function.__globals__, **codes},
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        digest = sha256(b"".join(path.read_bytes() for path in sorted(self._files())))
        linked.__module__ = function.__module__
        linked.__qualname__ = f"{function.__qualname__}_{role}_{digest.hexdigest()[:16]}"
        return linked

    def _called(self) -> dict[str, _Compiled[..., object]]:
        """The compiled functions that this one calls, by name."""
        names, known = self._function.__code__.co_names, self._function.__globals__
        return {name: known[name] for name in names if isinstance(known.get(name), _Compiled)}

    def _files(self) -> set[Path]:
        """The files of this function and of all that it calls."""
        files = {Path(self._function.__code__.co_filename)}
        return files.union(*(other._files() for other in self._called().values()))


def has_cache_folder() -> bool:
    """Whether numba may look for a folder for its cache: without a home, it makes one called ~."""
    return has_home() or bool(os.environ.get("NUMBA_CACHE_DIR"))


def lacks_a_folder(error: RuntimeError) -> bool:
    """Whether numba has found no folder that it can write its cache to."""
    return "no locator available" in str(error)
