"""Find the axis of the channels in an array, by pedalboard's rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.errors import AudioTypeError, LayoutError

_HINT = (
    "Provide a non-square array first to allow Pedalboard to determine which dimension "
    "corresponds with the number of channels and which dimension corresponds with the number "
    "of samples."
)


class Layout:
    """Remembers the layout of the last array until it is reset, as native plugins do."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the layout."""
        self._channels: int | None = None
        self._interleaved: bool | None = None

    def to_channels(self, array: object) -> tuple[Waveform, bool]:
        """Convert an array to (channels, samples).

        Parameters
        ----------
        array : ndarray, (samples,), (channels, samples) or (samples, channels)
            float32 or float64 of any byte order. The smaller axis is taken as the channels, unless
            one axis has as many elements as the last array had channels.

        Returns
        -------
        waveform : (channels, samples) float32
            A new array.
        interleaved : bool
            Whether `array` is (samples, channels).

        Raises
        ------
        AudioTypeError
            If it is not an array, or not of float32 or float64.
        LayoutError
            If it does not have one or two dimensions, or if it is square and no array came before.
        """
        if not isinstance(array, np.ndarray):
            raise AudioTypeError(
                f"input_array must be a numpy array of float32 or float64, "
                f"not {type(array).__name__}"
            )
        if array.dtype.kind != "f" or array.dtype.itemsize not in (4, 8):
            raise AudioTypeError(
                "Pedalboard only supports 32-bit and 64-bit floating point audio for "
                f"processing. (input_array is {array.dtype})"
            )
        interleaved = self.note(array)
        if array.ndim == 1:
            return np.array(array[None], dtype=np.float32), False
        return np.array(array.T if interleaved else array, dtype=np.float32, order="C"), interleaved

    def note(self, array: npt.NDArray[Any]) -> bool:
        """Remember an array's layout, and return whether it is (samples, channels).

        Raises
        ------
        LayoutError
            For the same arrays as `to_channels`.
        """
        if array.ndim not in (1, 2):
            raise LayoutError(
                f"Number of input dimensions must be 1 or 2 (got {array.ndim})."
                + (f" {_HINT}" if self._interleaved is None else "")
            )
        if array.ndim == 1:
            self._channels, self._interleaved = 1, False
            return False
        interleaved = self._is_interleaved(array)
        self._interleaved = interleaved
        if array.shape != (0, 0):
            self._channels = array.shape[1] if interleaved else array.shape[0]
        return interleaved

    def empty(self) -> tuple[int, int] | None:
        """Shape of an empty array in the last array's layout; None if there was no array."""
        if not self._channels:
            return None
        return (0, self._channels) if self._interleaved else (self._channels, 0)

    def _is_interleaved(self, array: npt.NDArray[Any]) -> bool:
        rows, columns = array.shape
        if rows == columns == 1:
            return False
        if rows == columns:
            if self._interleaved is None:
                raise LayoutError(
                    f"Unable to determine channel layout from shape: ({rows}, {columns}). {_HINT}"
                )
            return self._interleaved
        if 0 in (rows, columns):  # no samples: the other axis is that of the channels
            return bool(rows == 0)
        if self._channels is not None and self._channels in (rows, columns):
            return bool(self._channels == columns)
        return bool(columns < rows)


def from_channels(waveform: Waveform, like: object, interleaved: bool) -> Waveform:
    """Convert (channels, samples) back to the layout of `like`, as a contiguous array."""
    assert isinstance(like, np.ndarray)
    if like.ndim == 1:
        return np.ascontiguousarray(waveform[0])
    return np.ascontiguousarray(waveform.T if interleaved else waveform)
