"""Named tuples of many arrays as a block of memory, for compiled functions.

numba hands a named tuple to a compiled function by value, with seven numbers for each array of one
dimension. With a hundred arrays, this makes calls slow, and compilation too. A packed tuple is
handed over as one address.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from astfx.runtime.packed_memory import Packed

T = TypeVar("T", bound=tuple[Any, ...])


def packed(values: T) -> T:
    """Pack a named tuple of arrays, integers, floats and named tuples, for compiled functions.

    To compiled functions, it looks like the named tuple. They can change the elements of its
    arrays, which are not copied. Nothing else can change.
    """
    from astfx.runtime.packed_type import type_of

    # To find the type takes as long as a hop of audio, so the first call should not have to.
    return cast(T, Packed(values, type_of(values)))
