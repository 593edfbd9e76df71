"""The registry of style transfer methods.

A new method is one file in this package and one row of `METHODS`.
"""

from __future__ import annotations

from astfx.errors import InvalidSettingError
from astfx.methods import (
    adain,
    audio_cnn,
    feed_forward,
    gram,
    histogram,
    monge,
    musaic,
    shallow_cnn,
    soundnet,
    spectrum_ensemble,
    texture,
    vgg19,
    voice_cnn,
)
from astfx.methods.base import Method, Problem

__all__ = ["METHODS", "Method", "Problem", "find_method"]

METHODS: dict[str, Method] = {
    "gram": gram.METHOD,
    "shallow-cnn": shallow_cnn.METHOD,
    "vgg19": vgg19.METHOD,
    "soundnet": soundnet.METHOD,
    "texture": texture.METHOD,
    "audio-cnn": audio_cnn.METHOD,
    "voice-cnn": voice_cnn.METHOD,
    "spectrum-ensemble": spectrum_ensemble.METHOD,
    "monge": monge.METHOD,
    "adain": adain.METHOD,
    "histogram": histogram.METHOD,
    "musaic": musaic.METHOD,
    "feed-forward": feed_forward.METHOD,
}


def find_method(name: str) -> Method:
    """Look a method up by name.

    Raises
    ------
    InvalidSettingError
        For a name that is not in the registry.
    """
    try:
        return METHODS[name]
    except KeyError:
        raise InvalidSettingError(f"method={name!r} must be one of {', '.join(METHODS)}") from None
