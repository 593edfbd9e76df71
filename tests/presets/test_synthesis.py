"""The library's sounds are complete, equal at every rate and in every process, and distinct."""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from astfx.audio import resample
from astfx.metrics.mcdermott import (
    TEXTURE_CLASSES,
    TextureStatistics,
    standard_bank_db,
    texture_statistics,
)
from astfx.presets import Preset, factory_folder, likeness
from astfx.presets.profiles import profile
from presets.synthesis import FAMILIES, SOUNDS, make
from presets.synthesis.contents import CONTENTS, make_content

ROOT = Path(__file__).parents[2]
RATE = 22050
QUICK = ("rain", "glass", "fire", "footsteps", "didgeridoo")
PEAK = 10.0 ** (-3.0 / 20.0)
RMS_RANGE_DB = (-28.0, -12.0)
QUIET_DB = -30.0  # below a sound's RMS level
QUIET_SECONDS = 0.1
# Sounds with pauses between their events.
LONGER_PAUSES_SECONDS = {"sparks": 0.6, "geiger-counter": 0.3, "glass": 0.15}
LISTED_DB = 3.0  # least distance of `astfx presets list --similar-to` between factory presets
DISTINCT_DB = -8.0  # any two sounds are further apart; another seed of one sound is closer
SAME_AT_ANY_RATE_DB = -15.0

_HASHES = (
    "import hashlib, sys\n"
    "from presets.synthesis import make\n"
    "for name in sys.argv[2:]:\n"
    "    print(name, hashlib.sha256(make(name, int(sys.argv[1])).tobytes()).hexdigest())\n"
)

Samples = npt.NDArray[np.float32]


@functools.cache
def sound(name: str) -> Samples:
    samples = make(name, RATE)
    samples.flags.writeable = False
    return samples


@functools.cache
def statistics(name: str) -> TextureStatistics:
    return texture_statistics(sound(name), RATE)


def distance_db(output: TextureStatistics, style: TextureStatistics) -> float:
    """Return the style distance of two sounds from statistics that are already measured."""
    ratios = []
    for name in TEXTURE_CLASSES:
        target, measured = getattr(style, name), getattr(output, name)
        ratios.append(np.sum(target**2) / np.sum((target - measured) ** 2))
    return -10.0 * float(np.mean(np.log10(ratios)))


def hashes_of_a_fresh_process(names: list[str], *, plain_processor: bool) -> dict[str, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if plain_processor:
        # NumPy's sines differ in the last digit between processors: use only basic instructions.
        core = importlib.import_module("numpy._core._multiarray_umath")
        special = [name for name in core.__cpu_dispatch__ if core.__cpu_features__[name]]
        environment["NPY_DISABLE_CPU_FEATURES"] = " ".join(special)
    command = [sys.executable, "-c", _HASHES, str(RATE), *names]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return dict(line.split() for line in run.stdout.splitlines())


def hashes_of_this_process(names: list[str]) -> dict[str, str]:
    return {name: hashlib.sha256(sound(name).tobytes()).hexdigest() for name in names}


def test_library_has_eleven_families_of_at_least_four() -> None:
    assert len(FAMILIES) == 11
    assert len(SOUNDS) == 60
    assert len(SOUNDS) == sum(map(len, FAMILIES.values()))  # no name twice
    for family, members in FAMILIES.items():
        assert len(members) >= 4
        assert {member.family for member in members} == {family}


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_is_described(name: str) -> None:
    described = SOUNDS[name]
    assert re.fullmatch("[a-z]+(-[a-z]+)*", name)
    assert described.name == name
    assert described.title[0].isupper()
    assert 3 <= len(described.tags) == len(set(described.tags))
    assert 1 <= len(re.findall(r"\.(?: |$)", described.description)) <= 2
    assert described.description.endswith(".")


def test_an_unknown_sound_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="nothing"):
        make("nothing")


def check_sound(name: str, samples: Samples, sample_rate: int) -> None:
    assert samples.dtype == np.float32
    assert samples.shape == (10 * sample_rate,)
    assert np.isfinite(samples).all()
    assert float(np.abs(samples).max()) == pytest.approx(PEAK, abs=2**-15)
    assert abs(float(samples.mean(dtype=np.float64))) < 1e-6
    np.testing.assert_array_equal(samples * 2**15, np.round(samples * 2**15))
    rms = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    assert RMS_RANGE_DB[0] < 20.0 * np.log10(rms) < RMS_RANGE_DB[1]
    changes = np.flatnonzero(np.diff(samples))
    assert np.diff(changes).max() < 0.001 * sample_rate, "stands still"
    blocks = samples.reshape(500, -1).astype(np.float64)  # 20 ms
    quiet = np.sqrt(np.mean(blocks**2, axis=1)) < rms * 10.0 ** (QUIET_DB / 20.0)
    longest = max(map(len, "".join("q" if q else " " for q in quiet).split()), default=0)
    assert 0.02 * longest <= LONGER_PAUSES_SECONDS.get(name, QUIET_SECONDS)


def check_seam(samples: Samples) -> None:
    """The step from the last sample to the first is not larger than many other steps."""
    steps = np.abs(np.diff(samples))
    assert np.mean(steps >= abs(samples[0] - samples[-1])) > 0.001


@pytest.mark.parametrize("name", QUICK)
def test_quick_sound_is_complete_and_loops(name: str) -> None:
    check_sound(name, sound(name), RATE)
    check_seam(sound(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SOUNDS if name not in QUICK])
def test_sound_is_complete_and_loops(name: str) -> None:
    check_sound(name, sound(name), RATE)
    check_seam(sound(name))


def check_rates(name: str) -> None:
    for sample_rate in (44_100, 48_000):
        samples = make(name, sample_rate)
        check_sound(name, samples, sample_rate)
        check_seam(samples)
        lower = resample(samples[None], sample_rate, RATE)
        assert standard_bank_db(lower, sound(name), RATE) < SAME_AT_ANY_RATE_DB


def test_rain_is_the_same_at_any_rate() -> None:
    check_rates("rain")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SOUNDS if name != "rain"])
def test_sound_is_the_same_at_any_rate(name: str) -> None:
    check_rates(name)


def test_quick_sounds_regenerate_byte_for_byte_in_a_fresh_process() -> None:
    names = list(QUICK)
    there = hashes_of_a_fresh_process(names, plain_processor=False)
    assert there == hashes_of_this_process(names)
    assert len(set(there.values())) == len(names)


@pytest.mark.slow
def test_all_sounds_regenerate_byte_for_byte_even_on_a_plainer_processor() -> None:
    names = list(SOUNDS)
    there = hashes_of_a_fresh_process(names, plain_processor=True)
    assert there == hashes_of_this_process(names)
    assert len(set(there.values())) == len(names)


@pytest.mark.slow
def test_any_two_sounds_are_distinct() -> None:
    names = list(SOUNDS)
    nearest = min(
        (distance_db(statistics(first), statistics(second)), first, second)
        for first in names
        for second in names
        if first != second
    )
    assert nearest[0] > DISTINCT_DB, nearest


def test_any_two_presets_are_distinct_by_what_the_list_shows() -> None:
    curves = {name: profile(Preset.load(factory_folder() / f"{name}.toml")) for name in SOUNDS}
    nearest = min(
        (likeness.distance_db(curves[first], curves[second]), first, second)
        for first, second in combinations(SOUNDS, 2)
    )
    assert nearest[0] >= LISTED_DB, nearest


@pytest.mark.parametrize("name", QUICK)
def test_another_seed_is_nearer_than_any_other_sound_may_be(name: str) -> None:
    again = SOUNDS[name].synthesise(np.random.default_rng(1), RATE)
    assert not np.array_equal(again, sound(name))
    assert distance_db(texture_statistics(again, RATE), statistics(name)) < DISTINCT_DB


@pytest.mark.parametrize("name", CONTENTS)
def test_content_is_complete_and_regenerates(name: str) -> None:
    samples = make_content(name, RATE)
    assert samples.shape == (6 * RATE,)
    assert np.isfinite(samples).all()
    assert float(np.abs(samples).max()) == pytest.approx(PEAK, abs=2**-15)
    np.testing.assert_array_equal(samples, make_content(name, RATE))
    # A phrase ends in silence, unlike the sounds, which loop.
    assert np.abs(samples[-RATE // 100 :]).max() < 0.05 * PEAK


def levels_db(samples: Samples, block_seconds: float) -> npt.NDArray[np.float64]:
    n = round(block_seconds * RATE)
    blocks = samples[: samples.size // n * n].reshape(-1, n).astype(np.float64)
    return np.asarray(10.0 * np.log10(np.mean(blocks**2, axis=1) + 1e-10))


def test_speech_content_pauses_between_syllables() -> None:
    level = levels_db(make_content("speech", RATE), 0.02)
    loud = level > level.max() - 25.0
    assert 0.4 < loud.mean() < 0.9
    onsets = np.count_nonzero(np.diff(loud.astype(int)) == 1)
    assert 6 <= onsets <= 40  # over 6 s


def test_melody_content_holds_its_notes() -> None:
    spectrum = np.abs(np.fft.rfft(make_content("melody", RATE).astype(np.float64)))
    hz_a_bin = 1.0 / 6.0
    for midi in (71, 74, 76, 79):
        note = round(440.0 * 2.0 ** ((midi - 69) / 12.0) / hz_a_bin)
        between = round(440.0 * 2.0 ** ((midi - 68.5) / 12.0) / hz_a_bin)
        assert spectrum[note - 3 : note + 4].max() > 5.0 * spectrum[between - 3 : between + 4].max()


def test_beat_content_keeps_time() -> None:
    level = levels_db(make_content("beat", RATE), 0.005)
    rise = np.maximum(0.0, np.diff(level))
    rise -= rise.mean()
    similar = np.correlate(rise, rise, "full")[rise.size - 1 :]
    lags = np.arange(rise.size) * 0.005
    beats = (lags > 0.25) & (lags < 0.5)  # the hats play eighths, 0.375 s apart
    assert lags[beats][np.argmax(similar[beats])] == pytest.approx(0.375, abs=0.006)
