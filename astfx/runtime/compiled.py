"""Functions compiled by numba, and a safe way to import librosa.

numba is imported when the first compiled function runs: the import takes as long as making
a preset, and most commands run no compiled function.
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
    """Decorator: let numba compile a function when it is first called.

    The function may take arrays and numbers. It may not call another compiled function. The
    machine code is cached on disk for later processes.

    Parameters
    ----------
    fastmath, nogil : bool
    error_model : {"python", "numpy"}
        As in `numba.njit`.
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
    """Import librosa and its compiled functions, in one process at a time.

    If two processes compile librosa's gufuncs at once, they may damage numba's cache, so that
    every later call ends in a segmentation fault (numba issue 10128).
    """
    import platformdirs
    from filelock import FileLock

    folder = Path(platformdirs.user_cache_dir("astfx"))
    with ExitStack() as stack:
        with suppress(OSError):  # without a writable folder there is no lock
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder / "librosa.lock"))
        for name in ("librosa.util.utils", "librosa.core.audio", "librosa.beat"):
            import_module(name)
        return import_module("librosa")
