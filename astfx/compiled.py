"""Loops as machine code, by numba, which is imported when the first of them runs.

Importing it takes as long as making a preset, and most commands run none of these loops.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Literal, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def compiled(
    *,
    fastmath: bool = False,
    nogil: bool = False,
    error_model: Literal["python", "numpy"] = "python",
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function of arrays and numbers; it may call no other such function.

    Parameters
    ----------
    fastmath, nogil : bool
    error_model : {"python", "numpy"}
        As `numba.njit` has them. What it compiles is kept for later processes.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @cache
        def machine_code() -> Callable[P, R]:
            import numba

            how = numba.njit(cache=True, fastmath=fastmath, nogil=nogil, error_model=error_model)
            made: Callable[P, R] = how(function)
            return made

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return machine_code()(*args, **kwargs)

        return call

    return decorate
