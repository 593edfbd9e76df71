"""Audio input and output: arrays and files behind one interface, and atomic writing."""

from __future__ import annotations

from astfx.audio.checks import (
    MAX_CHANNELS,
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    Samples,
    Waveform,
    check_finite,
    check_rate_hz,
    check_sample_rate,
    check_waveform,
)
from astfx.audio.files import FileSource, readable_formats
from astfx.audio.sources import (
    BLOCK_SAMPLES,
    ArraySource,
    MirroredSource,
    SlidingReader,
    Source,
    read_all,
    read_excerpt,
    resample,
)
from astfx.audio.views import Excerpt, Resampled
from astfx.audio.writing import (
    AudioWriter,
    Spool,
    SpoolSource,
    check_output,
    check_target,
    output_format,
    rate_of_output,
)

__all__ = [
    "BLOCK_SAMPLES",
    "MAX_CHANNELS",
    "MAX_SAMPLE_RATE",
    "MIN_SAMPLE_RATE",
    "ArraySource",
    "AudioWriter",
    "Excerpt",
    "FileSource",
    "MirroredSource",
    "Resampled",
    "Samples",
    "SlidingReader",
    "Source",
    "Spool",
    "SpoolSource",
    "Waveform",
    "check_finite",
    "check_output",
    "check_rate_hz",
    "check_sample_rate",
    "check_target",
    "check_waveform",
    "output_format",
    "rate_of_output",
    "read_all",
    "read_excerpt",
    "readable_formats",
    "resample",
]
