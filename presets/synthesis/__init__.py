"""The sounds of the factory presets: textures that are synthesised, not recorded.

>>> from presets.synthesis import SOUNDS, make
>>> samples = make("rain")                          # doctest: +SKIP

`make` returns 10 seconds of a sound. The seed is derived from the name, so the samples are always
the same.

The map
-------
`common`    the class `Sound`; noises, times of events, grains, levels.
`physics`   struck bodies, bubbles, strings, whistling air, rooms.
`vocal`     the voice.
`weather`, `fire`, `water`, `metal`, `wood`, `mallets`, `machines`, `media`, `voices`,
`creatures`, `drones`
            one family of sounds each: their recipes, and the tuple `SOUNDS` at the end.
`contents`  three neutral phrases to try a style on.
"""

from __future__ import annotations

import zlib

import numpy as np

from presets.synthesis import (
    creatures,
    drones,
    fire,
    machines,
    mallets,
    media,
    metal,
    voices,
    water,
    weather,
    wood,
)
from presets.synthesis.common import Sound, Waveform

FAMILIES = {
    "weather": weather.SOUNDS,
    "fire and electricity": fire.SOUNDS,
    "water": water.SOUNDS,
    "metal and glass": metal.SOUNDS,
    "wood and skin": wood.SOUNDS,
    "mallets and brass": mallets.SOUNDS,
    "machines": machines.SOUNDS,
    "recordings and signals": media.SOUNDS,
    "voices and crowds": voices.SOUNDS,
    "creatures": creatures.SOUNDS,
    "tonal drones and strings": drones.SOUNDS,
}
SOUNDS: dict[str, Sound] = {sound.name: sound for family in FAMILIES.values() for sound in family}

__all__ = ["FAMILIES", "SOUNDS", "Sound", "make"]


def make(name: str, sample_rate: int = 44_100) -> Waveform:
    """Return 10 seconds of a sound of the library, (samples,), peak -3 dBFS.

    Parameters
    ----------
    name : str
        A key of `SOUNDS`.
    sample_rate : int, hertz
        At least 16000.

    Raises
    ------
    KeyError
        If there is no such sound.
    """
    return SOUNDS[name].synthesise(np.random.default_rng(zlib.crc32(name.encode())), sample_rate)
