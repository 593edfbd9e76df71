"""What every effect of ours is: pedalboard's contract, written out.

A native container would run a Python subclass of a native plugin and silently skip what it
overrides. So an effect only *says* that it is a `pedalboard.Plugin` (``isinstance`` asks
``__class__``), and native containers refuse it at once with a TypeError that shows its repr,
which names the container to use instead.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pedalboard

from astfx.audio import Waveform, check_rate_hz
from astfx.effect.layout import Layout, from_channels
from astfx.errors import EffectTypeError, InvalidSettingError

if TYPE_CHECKING:
    _Base = pedalboard.Plugin
else:
    _Base = object

DEFAULT_BUFFER_SIZE = 8192
HOME = "runs in astfx.Pedalboard"


def check_rate(sample_rate: object) -> int:
    """Return a sample rate in whole hertz.

    Raises
    ------
    EffectTypeError
        Unless it is a number.
    InvalidSettingError
        Unless it is from 8000 to 192000 Hz; it is a ValueError too.
    """
    if not isinstance(sample_rate, int | float | np.integer | np.floating):
        raise EffectTypeError(f"sample_rate={sample_rate!r} must be a number (Hz)")
    return round(check_rate_hz(sample_rate))


def check_buffer_size(buffer_size: object) -> None:
    """Raise EffectTypeError unless a buffer size is a whole number, ValueError unless it is > 0."""
    if not isinstance(buffer_size, int | np.integer):
        raise EffectTypeError(f"buffer_size={buffer_size!r} must be a whole number (samples)")
    if buffer_size < 1:
        raise InvalidSettingError(f"buffer_size={buffer_size!r} must be at least 1 (samples)")


class Effect(_Base):
    """An effect that behaves as a native pedalboard plugin does.

    Subclasses write `_stream`, `_whole`, `_restart` and `_shown`.
    """

    _native_class: type[Any] = pedalboard.Plugin

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._layout = Layout()

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return self._native_class

    def __setattr__(self, name: str, value: object) -> None:
        # As on a native plugin, a misspelt parameter must not pass in silence.
        is_ours = type(self).__module__.startswith(__name__.rpartition(".")[0])
        if is_ours and not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        object.__setattr__(self, name, value)

    @property
    def is_effect(self) -> bool:
        """True: audio goes in."""
        return True

    @property
    def is_instrument(self) -> bool:
        """False: it plays no notes."""
        return False

    def process(
        self,
        input_array: npt.NDArray[np.floating[Any]],
        sample_rate: float,
        buffer_size: int = DEFAULT_BUFFER_SIZE,
        reset: bool = True,
    ) -> npt.NDArray[np.float32]:
        """Run audio through the effect, as `pedalboard.Plugin.process` does.

        Parameters
        ----------
        input_array : (samples,), (channels, samples) or (samples, channels)
            float32 or float64, full scale = 1. The smaller axis is the channels'.
        sample_rate : float, hertz
            8 to 192 kHz.
        buffer_size : int, samples
            How much native plugins are given at a time; the result does not depend on it.
        reset : bool
            True: a whole clip; the output has the input's length and place in time. False: the
            next block of a stream; the output may be shorter until the latency is filled.
            Flush with blocks of zeros.

        Returns
        -------
        ndarray, float32
            New and contiguous, in the input's layout.

        Raises
        ------
        AudioTypeError
            If the array is not of float32 or float64.
        LayoutError
            If it has no or three dimensions, or is square and nothing came before it.
        EffectTypeError, InvalidSettingError
            If the sample rate or the buffer size cannot be used.
        """
        check_buffer_size(buffer_size)
        rate = check_rate(sample_rate)
        with self._lock:
            waveform, interleaved = self._layout.to_channels(input_array)
            if reset:
                self._restart()
            if waveform.size == 0 and reset:
                return np.zeros(input_array.shape, np.float32)
            run = self._whole if reset else self._stream
            output = run(waveform, rate, int(buffer_size))
            return from_channels(output, input_array, interleaved)

    __call__ = process  # type: ignore[assignment]

    def reset(self) -> None:
        """Forget all audio, and the layout of the last array."""
        with self._lock:
            self._layout.reset()
            self._restart()

    def latency_samples_at(self, sample_rate: float) -> int:
        """Delay of a stream at a sample rate, in samples."""
        raise NotImplementedError

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        raise NotImplementedError

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        """A whole clip by the streaming path: flush, then drop the latency's worth."""
        silence = np.zeros((len(waveform), self.latency_samples_at(sample_rate)), np.float32)
        parts = [self._stream(part, sample_rate, buffer_size) for part in (waveform, silence)]
        return np.concatenate(parts, axis=1)[:, : waveform.shape[1]]

    @property
    def _needs_whole(self) -> bool:
        """Whether whole clips are not what a stream of them gives."""
        return False

    def _restart(self) -> None:
        raise NotImplementedError

    def _shown(self) -> dict[str, str]:
        """What the repr says, name and text."""
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = " ".join(f"{name}={text}" for name, text in self._shown().items())
        return f"<astfx.{type(self).__name__} {shown} ({HOME}) at {hex(id(self))}>"
