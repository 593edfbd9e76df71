"""Loops as machine code, by numba, which is imported when the first of them runs.

Importing it takes as long as making a preset, and most commands run none of these loops.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from types import ModuleType
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


@cache
def import_librosa() -> ModuleType:
    """Import librosa, and what numba compiles of it, in one process at a time.

    Two processes that compile its gufuncs at once may leave numba's cache such that every
    later call ends in a segmentation fault (numba issue 10128).
    """
    import platformdirs
    from filelock import FileLock

    folder = Path(platformdirs.user_cache_dir("astfx"))
    with ExitStack() as stack:
        with suppress(OSError):  # where nothing can be written, there is no lock
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder / "librosa.lock"))
        for name in ("librosa.util.utils", "librosa.core.audio", "librosa.beat"):
            import_module(name)
        return import_module("librosa")
