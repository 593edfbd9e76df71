"""The errors that astfx raises.

Every error is an `AstfxError` and also the built-in exception that fits (`ValueError`,
`FileNotFoundError`, ...). Catch whichever suits you. Every message names the value, the
rule it broke and the unit.
"""

from __future__ import annotations


class AstfxError(Exception):
    """Root of every error that astfx raises on purpose."""


class InvalidSettingError(AstfxError, ValueError):
    """A setting that is out of range, or that names something that does not exist."""


class UnknownSettingError(InvalidSettingError, TypeError):
    """A setting that does not exist; also a TypeError, as for any unknown keyword argument."""


class InvalidAudioError(AstfxError, ValueError):
    """Audio that cannot be processed: its shape, length or sample values."""


class AudioTypeError(AstfxError, TypeError):
    """Audio of a type or dtype that cannot be processed."""


class LayoutError(AstfxError, RuntimeError):
    """An array whose channels and samples cannot be told apart."""


class EffectError(AstfxError, RuntimeError):
    """An effect used in a way that it does not support."""


class EffectTypeError(AstfxError, TypeError):
    """An argument of the wrong type for an effect, or an item of a board that is not an effect."""


class AudioFileError(AstfxError, OSError):
    """A file that cannot be read as audio, or cannot be written."""


class AudioFileNotFoundError(AudioFileError, FileNotFoundError):
    """A file that does not exist."""


class TargetFileError(AstfxError, ValueError):
    """A style file that is damaged, not from astfx, or from a newer version of it."""


class WeightsError(AstfxError, ValueError):
    """Weights that are missing, damaged or belong to another network."""


class DatasetError(AstfxError, ValueError):
    """Labelled clips that cannot be used for training."""


class PresetError(AstfxError, ValueError):
    """A preset that is invalid, damaged, not a preset, or from a newer version of astfx."""


class PresetNotFoundError(PresetError, FileNotFoundError):
    """A preset that does not exist."""


class DeviceError(AstfxError, RuntimeError):
    """A compute device that this machine does not have."""


class MissingDependencyError(AstfxError, ImportError):
    """An optional dependency that is not installed."""


class CancelledError(AstfxError, RuntimeError):
    """The caller stopped a render, a comparison or a training run."""


class PresetChangedWarning(UserWarning):
    """A session names a preset that is no longer the one that it was saved with."""


def first_line(error: Exception) -> str:
    """The first line of another library's error, without its full stop, or else its class."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
