"""The plugin in a fresh home: hosts find it where it is installed, and play it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astfx_bridge import building, plugins

import astfx
from tests.bridge.plugin.conftest import music
from tests.bridge.plugin.test_building import command
from tests.bridge.plugin.test_engine import assert_equal
from tests.bridge.plugin.test_hosts import RATE, check_jalv

pytestmark = pytest.mark.hosts

PLAY = """
import numpy, pedalboard
found = [path for path in pedalboard.VST3Plugin.installed_plugins if path.endswith("astfx.vst3")]
plugin = pedalboard.load_plugin(found[0])
plugin.preset = "wind"
numpy.save("output.npy", plugin(numpy.load("clip.npy"), 48000))
"""


def test_install_play_info_and_uninstall(build_folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    where = ("--home", str(home))
    shown = command("install", "--folder", str(build_folder), *where)
    assert all(str(home / bundle.installed) in shown for bundle in plugins.BUNDLES)
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LV2_PATH", "ASTFX_FACTORY_PRESETS")
    }
    variables |= {"HOME": str(home), "ASTFX_PRESETS": str(tmp_path / "none")}
    clip = music(RATE, 2, 2.0)
    np.save(tmp_path / "clip.npy", clip)
    subprocess.run([sys.executable, "-c", PLAY], cwd=tmp_path, env=variables, check=True)
    expected = np.asarray(astfx.StyleTransfer("wind", engine="live")(clip, RATE))
    assert_equal(np.load(tmp_path / "output.npy"), expected)

    check_jalv(build_folder, variables, tmp_path, 256, seconds=2)

    shown = command("info", *where)
    assert all(str(home / bundle.installed) in shown for bundle in plugins.BUNDLES)
    if not building.missing():
        assert shown.splitlines()[-1].startswith("the build has all that it needs: `astfx plugin")
    command("uninstall", *where)
    assert [path for path in home.rglob("*") if path.is_file() or "astfx" in path.name] == []
