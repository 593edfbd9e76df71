"""The plugin's engine, built once for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from astfx_bridge import building, plugins

from astfx.audio import Waveform
from tests.bridge.plugin.engine import Engine


@pytest.fixture(scope="session")
def build_folder() -> Path:
    """Where the plugin is built. A later run builds only what has changed."""
    lacking = [need.name for need in building.missing()]
    if lacking and "ASTFX_HOSTS" not in os.environ:
        pytest.skip(f"the plugin needs {', '.join(lacking)}")
    return Path(__file__).parents[3] / "build" / "plugin"


@pytest.fixture(scope="session")
def engine(build_folder: Path) -> Engine:
    building.build(build_folder, "astfx-c")
    return Engine(build_folder / "libastfx-c.so")


@pytest.fixture(scope="session")
def presets() -> Path:
    """The folder of the factory presets."""
    from astfx.presets.folders import factory_folder

    return factory_folder()


def music(rate: int, channels: int, seconds: float, seed: int = 0) -> Waveform:
    """A pulsed tone over noise, with a pause and a burst."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    level = 0.3 + (np.sin(2.0 * np.pi * 2.0 * time) > 0.0)
    clip = 0.2 * np.sin(2.0 * np.pi * 220.0 * time) * level
    clip = clip + 0.02 * rng.standard_normal((channels, len(time)))
    clip[:, round(0.6 * len(time)) : round(0.65 * len(time))] = 0.0
    clip[:, round(0.8 * len(time)) : round(0.8 * len(time)) + 40] += 0.7
    return np.asarray(clip, np.float32)


@pytest.fixture(scope="session")
def bundles(build_folder: Path) -> Path:
    """The folder of the built plugins."""
    return plugins.build(build_folder)[0].parents[1]
