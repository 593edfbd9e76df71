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
from functools import cache, cached_property, update_wrapper
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Generic, Literal, ParamSpec, TypeVar

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

    The function may take arrays, numbers, and named tuples of them, and it may call other compiled
    functions of its module or imported by it. The machine code is cached on disk for later
    processes, unless no folder for it can be written: then each process compiles for itself.

    Parameters
    ----------
    fastmath, nogil : bool
    error_model : {"python", "numpy"}
        As in `numba.njit`.
    """
    options = {"fastmath": fastmath, "nogil": nogil, "error_model": error_model}
    return lambda function: _Compiled(function, options)


class _Compiled(Generic[P, R]):
    """A function that numba compiles when it is first called."""

    def __init__(self, function: Callable[P, R], options: dict[str, bool | str]) -> None:
        assert isinstance(function, FunctionType)
        update_wrapper(self, function)
        self._function, self._options = function, options
        self._entry: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._entry is None:
            self._entry = self._machine_code()
        return self._entry(*args, **kwargs)

    def _machine_code(self, **options: bool) -> Callable[P, R]:
        import numba

        function, options = self._linked(), {**self._options, **options}
        try:
            made: Callable[P, R] = numba.njit(cache=True, **options)(function)
        except RuntimeError as error:
            if not _lacks_a_folder(error):
                raise
            made = numba.njit(**options)(function)
        return made

    @cached_property
    def _callee(self) -> Callable[P, R]:
        """The machine code for other machine code, without an entry from Python, which is long."""
        return self._machine_code(no_cpython_wrapper=True, no_cfunc_wrapper=True)

    def _linked(self) -> FunctionType:
        """The function, with the machine code of those that it calls.

        numba compiles anew where the file of a function has changed, but does not look at the
        files of the functions that it calls. So their digest is made a part of its name.
        """
        called = self._called()
        if not called:
            return self._function
        function = self._function
        codes = {name: other._callee for name, other in called.items()}
        linked = FunctionType(
            function.__code__,
            {**function.__globals__, **codes},
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        digest = sha256(b"".join(path.read_bytes() for path in sorted(self._files())))
        linked.__module__ = function.__module__
        linked.__qualname__ = f"{function.__qualname__}_{digest.hexdigest()[:16]}"
        return linked

    def _called(self) -> dict[str, _Compiled[..., object]]:
        """The compiled functions that this one calls, by name."""
        names, known = self._function.__code__.co_names, self._function.__globals__
        return {name: known[name] for name in names if isinstance(known.get(name), _Compiled)}

    def _files(self) -> set[Path]:
        """The files of this function and of all that it calls."""
        files = {Path(self._function.__code__.co_filename)}
        return files.union(*(other._files() for other in self._called().values()))


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
