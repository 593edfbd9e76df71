"""The base class of astfx effects, which behave like native pedalboard plugins.

It does not inherit from a native plugin. A native container would run a Python subclass of one, but
silently skip the methods that it overrides. Instead, an effect only *claims* to be a
`pedalboard.Plugin`, through ``__class__``, which ``isinstance`` reads. Native containers refuse it
at once with a TypeError that shows its repr, and the repr names the container to use.
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
HINT = "runs in astfx.Pedalboard"


def check_rate(sample_rate: object) -> int:
    """Return a sample rate, rounded to whole hertz.

    Raises
    ------
    EffectTypeError
        If it is not a number.
    InvalidSettingError
        If it is not from 8000 to 192000 Hz. This error is a ValueError too.
    """
    if not isinstance(sample_rate, int | float | np.integer | np.floating):
        raise EffectTypeError(f"sample_rate={sample_rate!r} must be a number (Hz)")
    return round(check_rate_hz(sample_rate))


def check_buffer_size(buffer_size: object) -> None:
    """Check a buffer size.

    Raises
    ------
    EffectTypeError
        If it is not a whole number.
    InvalidSettingError
        If it is less than 1. This error is a ValueError too.
    """
    if not isinstance(buffer_size, int | np.integer):
        raise EffectTypeError(f"buffer_size={buffer_size!r} must be a whole number (samples)")
    if buffer_size < 1:
        raise InvalidSettingError(f"buffer_size={buffer_size!r} must be at least 1 (samples)")


def check_whole(**values: object) -> None:
    """Check numbers of channels and samples.

    Raises
    ------
    InvalidSettingError
        If one is not a whole number of at least 1.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidSettingError(f"{name}={value!r} must be a whole number of at least 1")


def shown_as_ours(native: type[Any]) -> type[Any]:
    """Return a subclass of a native class, to claim: notebooks print its objects as ours.

    IPython looks for `_repr_pretty_` in the class that an object claims to have, also where the
    object is part of a list.
    """

    def pretty(effect: Any, printer: Any, cycle: bool) -> None:
        printer.text("..." if cycle else effect._notebook_text())

    return type(native.__name__, (native,), {"_repr_pretty_": pretty, "__module__": __name__})


class Effect(_Base):
    """An effect that behaves like a native pedalboard plugin.

    Subclasses implement `_stream`, `_whole`, `_restart` and `_shown`.
    """

    _native_class: type[Any] = shown_as_ours(pedalboard.Plugin)

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._layout = Layout()

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return self._native_class

    def __setattr__(self, name: str, value: object) -> None:
        # As with a native plugin, setting a misspelt parameter is an error.
        is_ours = type(self).__module__.startswith(__name__.rpartition(".")[0])
        if is_ours and not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        object.__setattr__(self, name, value)

    @property
    def is_effect(self) -> bool:
        """Always True: it processes audio."""
        return True

    @property
    def is_instrument(self) -> bool:
        """Always False: it does not play notes."""
        return False

    def process(
        self,
        input_array: npt.NDArray[np.floating[Any]],
        sample_rate: float,
        buffer_size: int = DEFAULT_BUFFER_SIZE,
        reset: bool = True,
    ) -> npt.NDArray[np.float32]:
        """Process audio, as `pedalboard.Plugin.process` does.

        Parameters
        ----------
        input_array : (samples,), (channels, samples) or (samples, channels)
            float32 or float64, full scale = 1. The smaller axis is taken as the channels.
        sample_rate : float, hertz
            8 to 192 kHz.
        buffer_size : int, samples
            Size of the blocks that native plugins get. The result does not depend on it.
        reset : bool
            True means a whole clip: the output has the input's length and is aligned with it.
            False means the next block of a stream: the output may be shorter until the latency
            is filled. Blocks of zeros flush what remains.

        Returns
        -------
        ndarray, float32
            A new contiguous array, in the input's layout.

        Raises
        ------
        AudioTypeError
            If the array is not of float32 or float64.
        LayoutError
            If the array does not have one or two dimensions, or if it is square and no earlier
            array tells which axis holds the channels.
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

    def prepare(self, sample_rate: float, channels: int = 2, block_size: int = 512) -> None:
        """Get ready to process blocks in real time."""
        raise NotImplementedError

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        raise NotImplementedError

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        """Process a whole clip as a stream, which is flushed with silence."""
        silence = np.zeros((len(waveform), self.latency_samples_at(sample_rate)), np.float32)
        parts = [self._stream(part, sample_rate, buffer_size) for part in (waveform, silence)]
        return np.concatenate(parts, axis=1)[:, : waveform.shape[1]]

    @property
    def _needs_whole(self) -> bool:
        """Whether a whole clip gives something else than the stream of its blocks."""
        return False

    def _restart(self) -> None:
        raise NotImplementedError

    def _shown(self) -> dict[str, str]:
        """Names and texts that the repr shows."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self._notebook_text()} ({HINT}) at {hex(id(self))}>"

    def _notebook_text(self) -> str:
        """What notebooks print: the settings, and no address."""
        shown = " ".join(f"{name}={text}" for name, text in self._shown().items())
        return f"astfx.{type(self).__name__} {shown}"
