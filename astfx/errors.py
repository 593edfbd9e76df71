"""The errors astfx raises: one root class, each also the fitting builtin.

Catch `AstfxError` for everything, or the builtin you would expect from any
other library (`ValueError`, `FileNotFoundError`, ...). Every message names the
value, the rule it broke and the unit.
"""

from __future__ import annotations


class AstfxError(Exception):
    """Root of every error that astfx raises on purpose."""


class InvalidSettingError(AstfxError, ValueError):
    """A setting lies outside its range, or names something that does not exist."""


class UnknownSettingError(InvalidSettingError, TypeError):
    """A setting that does not exist; a TypeError too, as for any unknown keyword argument."""


class InvalidAudioError(AstfxError, ValueError):
    """Audio that cannot be processed: its shape, length or sample values."""


class AudioTypeError(AstfxError, TypeError):
    """Audio of a type or dtype that cannot be processed."""


class LayoutError(AstfxError, RuntimeError):
    """An array whose channels and samples cannot be told apart."""


class EffectError(AstfxError, RuntimeError):
    """An effect used in a way that it cannot work in."""


class EffectTypeError(AstfxError, TypeError):
    """An argument of an effect that is of the wrong type; something in a board that is none."""


class AudioFileError(AstfxError, OSError):
    """A file that cannot be read as audio, or cannot be written."""


class AudioFileNotFoundError(AudioFileError, FileNotFoundError):
    """A file that does not exist."""


class TargetFileError(AstfxError, ValueError):
    """A saved style target that is damaged, foreign or from a newer version."""


class WeightsError(AstfxError, ValueError):
    """Weights of a network that are missing, damaged or of another network."""


class DatasetError(AstfxError, ValueError):
    """Labelled clips that cannot be trained on."""


class PresetError(AstfxError, ValueError):
    """A preset that is damaged, foreign, newer, or described wrongly."""


class PresetNotFoundError(PresetError, FileNotFoundError):
    """A preset that does not exist."""


class DeviceError(AstfxError, RuntimeError):
    """A compute device that this machine does not have."""


class MissingDependencyError(AstfxError, ImportError):
    """An optional dependency that is not installed."""


class CancelledError(AstfxError, RuntimeError):
    """The caller asked a running render to stop."""
