"""Bitrates of lossy formats, as the compression levels that libsndfile asks for."""

from __future__ import annotations

import numpy as np

from astfx.errors import InvalidSettingError

# MP3 in its three versions, by sample rate: the largest and the smallest bitrate, in kbit/s.
_MP3 = ((32_000, 320.0, 32.0), (16_000, 160.0, 8.0), (0, 64.0, 8.0))
# Vorbis has qualities. These are the nominal bitrates of qualities 0 to 1 for two channels at
# 44.1 kHz, in steps of 0.1.
_VORBIS = (64.0, 80.0, 96.0, 112.0, 128.0, 160.0, 192.0, 224.0, 256.0, 320.0, 500.0)
_OPUS_LARGEST, _OPUS_SMALLEST = 256.0, 6.0  # for each channel


def compression_level(
    subtype: str, sample_rate: int, channels: int, bitrate_kbps: float
) -> float | None:
    """Return libsndfile's compression level for a bitrate. None if the format has no bitrate.

    Parameters
    ----------
    subtype : str
        libsndfile's name of the encoding. MP3 and Opus keep to the bitrate; Vorbis comes near it.
    sample_rate : int, hertz
    channels : int
    bitrate_kbps : float, kbit/s

    Raises
    ------
    InvalidSettingError
        If the format does not have that bitrate. The message has its range.
    """
    if subtype == "MPEG_LAYER_III":
        high, low = next(row[1:] for row in _MP3 if sample_rate >= row[0])
        level = (high - bitrate_kbps) / (high - low)
    elif subtype == "OPUS":
        high, low = _OPUS_LARGEST * channels, _OPUS_SMALLEST * channels
        level = (high - bitrate_kbps) / (high - low)
    elif subtype == "VORBIS":
        share = channels / 2.0 * min(sample_rate / 44_100, 1.0)
        nominal = [share * value for value in _VORBIS]
        low, high = nominal[0], nominal[-1]
        level = 1.0 - float(np.interp(bitrate_kbps, nominal, np.linspace(0.0, 1.0, len(nominal))))
    else:
        return None
    if not low <= bitrate_kbps <= high:
        raise InvalidSettingError(
            f"bitrate={bitrate_kbps:g} must lie between {low:g} and {high:g} (kbit/s) for this "
            f"format at {sample_rate} Hz and {channels} channels"
        )
    return min(level, 0.99)  # libsndfile refuses the very last level of MP3
