"""The memory of packed named tuples (`astfx.runtime.packed`)."""

from __future__ import annotations

from typing import Any

import numpy as np

WORD_BYTES = 8


class Packed:
    """A named tuple, with the addresses, lengths and strides of its arrays in a block of memory.

    Attributes
    ----------
    values : named tuple
    address : int
        Of the block.
    kind : numba type
    """

    def __init__(self, values: tuple[Any, ...], kind: Any) -> None:
        self.values, self.kind = values, kind
        self._words = np.array(_words(values), np.int64)
        self.address = self._words.ctypes.data


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
