"""Functions compiled by numba, and a safe way to import librosa.

numba is imported when the first compiled function runs: the import takes as long as making
a preset, and most commands run no compiled function.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal, ParamSpec, TypeVar

from astfx.errors import AudioFileError
from astfx.runtime.extras import require

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
    machine code is cached on disk for later processes, unless no folder for it can be written:
    then each process compiles for itself.

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

            def compile_it(*, cached: bool) -> Callable[P, R]:
                how = numba.njit(
                    cache=cached, fastmath=fastmath, nogil=nogil, error_model=error_model
                )
                made: Callable[P, R] = how(function)
                return made

            try:
                return compile_it(cached=True)
            except RuntimeError as error:
                if not _lacks_a_folder(error):
                    raise
                return compile_it(cached=False)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return machine_code()(*args, **kwargs)

        return call

    return decorate


def _lacks_a_folder(error: RuntimeError) -> bool:
    """Whether numba has found no folder that it can write its cache to."""
    return "no locator available" in str(error)


@cache
def import_librosa() -> ModuleType:
    """Import librosa and its compiled functions, in one process at a time.

    If two processes compile librosa's gufuncs at once, they may damage numba's cache, so that
    every later call ends in a segmentation fault (numba issue 10128).

    librosa cannot be imported without a cache. If no folder for it can be written, as for a user
    without a home, this process gets a temporary one.

    Raises
    ------
    MissingDependencyError
        If librosa is not installed.
    AudioFileError
        If no temporary folder can be written either.
    """
    require("librosa", "this measurement")
    import platformdirs
    from filelock import FileLock

    folder = Path(platformdirs.user_cache_dir("astfx"))
    with ExitStack() as stack:
        with suppress(OSError):  # without a writable folder there is no lock
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder / "librosa.lock"))
        try:
            return _librosa()
        except RuntimeError as error:
            if not _lacks_a_folder(error):
                raise
        _use_temporary_cache()
        return _librosa()


def _librosa() -> ModuleType:
    for name in ("librosa.util.utils", "librosa.core.audio", "librosa.beat"):
        import_module(name)
    return import_module("librosa")


def _use_temporary_cache() -> None:
    """Let numba write its cache to a folder that is deleted when the process ends."""
    import numba

    try:
        folder = tempfile.mkdtemp(prefix="astfx-numba-")
    except OSError as error:
        raise AudioFileError(
            f"no folder for compiled code can be written ({error.strerror or error}): set "
            "NUMBA_CACHE_DIR or TMPDIR to one that can"
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]
