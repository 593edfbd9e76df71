"""A safe way to use librosa where several processes compile its functions for the first time.

numba makes two files for each gufunc. If two processes compile the same one at once, one file may
be of the first process and the other of the second. Every later call then ends in a segmentation
fault (numba issue 10128).
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from astfx.errors import AudioFileError
from astfx.runtime.compiled import has_cache_folder, lacks_a_folder
from astfx.runtime.extras import require
from astfx.runtime.folders import user_cache_folder

_MODULES = ("librosa.util.utils", "librosa.core.audio", "librosa.core.pitch", "librosa.beat")


@cache
def import_librosa() -> ModuleType:
    """Import librosa so that one process at a time compiles its functions.

    Before version 1.0, librosa compiles its gufuncs when it is imported; since then, when they are
    first called.

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
    with one_process_at_a_time():
        if not has_cache_folder():
            _use_temporary_cache()
        try:
            return _librosa()
        except RuntimeError as error:
            if not lacks_a_folder(error):
                raise
        _use_temporary_cache()
        return _librosa()


@contextmanager
def one_process_at_a_time() -> Iterator[None]:
    """Hold the lock of librosa's compiled functions, if its folder can be written."""
    from filelock import FileLock

    folder = user_cache_folder()
    with ExitStack() as stack:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder / "librosa.lock"))
        yield


class CompiledAlone:
    """A function that compiles itself for new types of arguments, in one process at a time.

    Parameters
    ----------
    function : callable
        It takes arrays and numbers.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._known: set[tuple[np.dtype[Any], ...]] = set()

    def __call__(self, *args: Any) -> Any:
        """Call the function; the first call for these types holds the lock."""
        types = tuple(np.asarray(arg).dtype for arg in args)
        if types in self._known:
            return self._function(*args)
        with one_process_at_a_time():
            found = self._function(*args)
        self._known.add(types)
        return found


def _librosa() -> ModuleType:
    from numba.np.ufunc.gufunc import GUFunc

    for name in _MODULES:
        import_module(name)
        module = sys.modules[name]
        for key, value in list(vars(module).items()):
            if isinstance(value, GUFunc) and value.is_dynamic:
                setattr(module, key, CompiledAlone(value))
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
