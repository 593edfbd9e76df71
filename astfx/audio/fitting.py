"""Fitting audio below full scale, for formats that cannot hold more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from astfx.audio.checks import Waveform
from astfx.audio.levels import gain_below_full_scale
from astfx.audio.limiter import Limiter
from astfx.audio.loudness import LoudnessMeter
from astfx.errors import InvalidSettingError

PEAKS = ("limit", "scale", "clip")
"""What is done with a result that exceeds full scale."""

_MOST_TRIES = 6
_MOST_MAKE_UP_DB = 12.0
_CLOSE_DB = 0.05


def check_peak(peak: str) -> str:
    """Return the name of a way to fit audio below full scale.

    Raises
    ------
    InvalidSettingError
        Unless it is one of `PEAKS`.
    """
    if peak not in PEAKS:
        raise InvalidSettingError(f"peak={peak!r} must be one of {', '.join(PEAKS)}")
    return peak


class Fitting:
    """Fits audio below full scale. Audio that does not exceed full scale stays as it is.

    The audio is read several times: to measure it, and to find the gain with which it is as loud
    after limiting as before.

    Parameters
    ----------
    read : callable
        Returns the audio from its beginning, in (channels, n) blocks.
    sample_rate : int, hertz
    channels : int
    peak : {"limit", "scale", "clip"} or None
        Limit peaks with a look-ahead limiter, turn all of the audio down, or clip. None leaves the
        audio as it is, for formats of float samples.

    Attributes
    ----------
    peak : float
        Largest absolute sample before fitting, full scale = 1.
    limited_db : float
        By how much the limiter turns the loudest peak down.
    level_lost_db : float
        By how much the result is quieter than the audio.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[Waveform]],
        sample_rate: int,
        channels: int,
        peak: str | None,
    ) -> None:
        self._read, self._format = read, (sample_rate, channels)
        self.limited_db = self.level_lost_db = 0.0
        meter = LoudnessMeter(*self._format)
        self.peak = 0.0
        for block in read():
            self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
            meter.add(block)
        self._way = None if self.peak <= 1.0 or peak is None else check_peak(peak)
        self._gain = 1.0
        if self._way == "scale":
            self._gain = float(gain_below_full_scale(self.peak))
            self.level_lost_db = -20.0 * math.log10(self._gain)
        elif self._way is not None:
            self._make_up(meter.power)

    def blocks(self) -> Iterator[Waveform]:
        """Yield the fitted audio."""
        if self._way == "limit":
            return self._limiter().blocks(self._read())
        if self._way == "clip":
            return (np.clip(block, -1.0, 1.0) for block in self._read())
        gain = np.float32(self._gain)
        return (block if gain == 1.0 else block * gain for block in self._read())

    def _limiter(self) -> Limiter:
        return Limiter(*self._format, self._gain)

    def _make_up(self, wanted: float) -> None:
        """Measure the fitted audio, and raise the limiter's gain until it is loud enough."""
        if wanted <= 0.0:
            return
        tries = _MOST_TRIES if self._way == "limit" else 1
        for number in range(tries):
            limiter, meter = self._limiter(), LoudnessMeter(*self._format)
            for block in limiter.blocks(self._read()) if self._way == "limit" else self.blocks():
                meter.add(block)
            self.limited_db = -20.0 * math.log10(limiter.least_gain)
            self.level_lost_db = 10.0 * math.log10(wanted / max(meter.power, 1e-30))
            most = 10.0 ** (_MOST_MAKE_UP_DB / 20.0)
            done = abs(self.level_lost_db) < _CLOSE_DB or self._gain >= most
            if done or number == tries - 1:
                return
            self._gain = min(self._gain * 10.0 ** (self.level_lost_db / 20.0), most)
