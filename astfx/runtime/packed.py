"""Named tuples of many arrays as a block of memory, for compiled functions.

numba hands a named tuple to a compiled function by value, with seven numbers for each array of one
dimension. With a hundred arrays, this makes calls slow, and compilation too. A packed tuple is
handed over as one address.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np

T = TypeVar("T", bound=tuple[Any, ...])

WORD_BYTES = 8


def packed(values: T) -> T:
    """Pack a named tuple of arrays, integers, floats and named tuples, for compiled functions.

    To compiled functions, it looks like the named tuple. They can change the elements of its
    arrays, which are not copied. Nothing else can change.
    """
    return cast(T, Packed(values))


class Packed:
    """A named tuple, with the addresses, lengths and strides of its arrays in a block of memory.

    Attributes
    ----------
    values : named tuple
    address : int
        Of the block.
    kind : numba type
        To find it takes as long as a hop, so the first call should not have to.
    """

    def __init__(self, values: tuple[Any, ...]) -> None:
        from astfx.runtime.packed_type import type_of

        self.values = values
        self._words = np.array(_words(values), np.int64)
        self.address = self._words.ctypes.data
        self.kind: Any = type_of(values)


def _words(values: tuple[Any, ...]) -> list[int]:
    """The words of a named tuple: its fields as numba's compiled functions have them in memory."""
    words: list[int] = []
    for value in values:
        if isinstance(value, tuple):
            words += _words(value)
        elif isinstance(value, np.ndarray):
            owner = [0, 0]  # none, because `Packed` keeps the array alive
            words += [*owner, value.size, value.itemsize, value.ctypes.data]
            words += [*value.shape, *value.strides]
        else:
            number = np.float64(value) if isinstance(value, float) else np.int64(value)
            words.append(int(number.view(np.int64)))
    return words
