"""Projects: what the plugin stores of its presets and parameters, in each format."""

from __future__ import annotations

import base64
import ctypes.util
import os
import re
import shutil
import string
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
from astfx_bridge import building
from safetensors import safe_open

import astfx
from astfx import Preset
from tests.bridge.plugin.conftest import music
from tests.bridge.plugin.projects import RATE, SESSIONS, STRENGTH
from tests.bridge.plugin.test_engine import assert_equal

pytestmark = pytest.mark.hosts

FORMATS = list(SESSIONS)
FIRST_OF_USER = 64
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def mine() -> Preset:
    """A preset that is not a factory preset."""
    noise = 0.1 * np.random.default_rng(5).standard_normal(2 * 44_100)
    return Preset.from_audio(noise, name="my-noise", sample_rate=44_100)


class Machines:
    """Two folders of the user's presets, and a project's folder between them."""

    def __init__(self, bundles: Path, folder: Path, kind: str) -> None:
        self.bundles, self.kind = bundles, kind
        self.project, self.here, self.there = folder / "project", folder / "here", folder / "there"
        for made in (self.project, self.here, self.there):
            made.mkdir()
        self.clip = music(RATE, 2, 2.0)
        np.save(self.project / "clip.npy", self.clip)

    def run(self, step: str, presets: Path, name: str = "", number: int = 0) -> None:
        words = [self.kind, step, str(self.bundles), name, str(number)]
        subprocess.run(
            [sys.executable, "-m", "tests.bridge.plugin.projects", *words],
            cwd=self.project,
            env={
                **os.environ,
                "ASTFX_PRESETS": str(presets),
                "LV2_PATH": str(self.bundles / "lv2"),
                "PYTHONPATH": str(ROOT),
            },
            check=True,
        )

    def output(self, name: str) -> astfx.audio.Waveform:
        return np.asarray(np.load(self.project / f"{name}.npy"))

    def state(self) -> str:
        """What the state is, with what is packed in it."""
        place = self.project / "state"
        path = place / "state.ttl" if place.is_dir() else place
        found = path.read_bytes()
        # LV2's hosts write it in base64, if they do not write it as a text.
        for packed in re.findall(rb'"([A-Za-z0-9+/=\s]{40,})"\^\^xsd:base64Binary', found):
            found += base64.b64decode(packed)
        for size, packed in re.findall(rb"<IComponent>(\d+)\.([A-Za-z0-9.+]+)<", found):
            found += juce(int(size), packed)
        return found.decode("latin-1")


def description(path: Path) -> str:
    """The description in a .astfx file."""
    with safe_open(path, "np") as tensors:
        return str(tensors.metadata()["astfx-preset"])


def juce(size: int, packed: bytes) -> bytes:
    """Bytes from the text in which JUCE, and so pedalboard, writes them: 6 bits a letter."""
    letters = f".{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}+".encode()
    values = np.array([letters.index(letter) for letter in packed], np.uint8)
    bits = np.unpackbits(values[:, None], axis=1, bitorder="little", count=6)
    return np.packbits(bits.reshape(-1), bitorder="little").tobytes()[:size]


def to_juce(data: bytes) -> str:
    """What `juce` reads."""
    letters = f".{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}+"
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    values = np.packbits(np.pad(bits, (0, -len(bits) % 6)).reshape(-1, 6), 1, bitorder="little")
    return "".join(letters[value] for value in values[:, 0])


@pytest.fixture(params=FORMATS)
def machines(bundles: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Machines:
    has_lilv = ctypes.util.find_library("lilv-0") is not None
    if request.param == "lv2" and not has_lilv and "ASTFX_HOSTS" not in os.environ:
        pytest.skip("needs lilv, which comes with jalv")
    return Machines(bundles, tmp_path, request.param)


def test_a_project_opens_on_a_machine_without_the_users_preset(
    machines: Machines, mine: Preset
) -> None:
    mine.save(machines.here / "my-noise.astfx")
    machines.run("save", machines.here, "my-noise", FIRST_OF_USER)
    saved = machines.output("saved")
    style = astfx.StyleTransfer(mine, engine="live", strength=STRENGTH / 100.0)
    assert_equal(saved, np.asarray(style(machines.clip, RATE)))
    machines.run("open", machines.there)
    np.testing.assert_array_equal(machines.output("opened"), saved)
    digest = tomllib.loads(description(machines.here / "my-noise.astfx"))["tensors_sha256"]
    assert f"64 my-noise {digest} " in machines.state()


def test_a_factory_preset_is_stored_by_its_name_and_hash(machines: Machines, presets: Path) -> None:
    names = sorted(path.stem for path in presets.glob("*.toml"))
    machines.run("save", machines.here, "choir", names.index("choir"))
    found = re.search(r"\d+ choir ([0-9a-f]{64})(.?.?)", machines.state(), re.DOTALL)
    assert found
    text = (presets / "choir.toml").read_text("utf-8")
    assert found[1] == tomllib.loads(text)["tensors_sha256"]
    assert not re.fullmatch(r" \S", found[2]), "nothing follows it"
    machines.run("open", machines.there)
    np.testing.assert_array_equal(machines.output("opened"), machines.output("saved"))


def test_a_project_keeps_a_preset_that_has_changed_or_has_another_number(
    machines: Machines, mine: Preset
) -> None:
    mine.save(machines.here / "my-noise.astfx")
    machines.run("save", machines.here, "my-noise", FIRST_OF_USER)
    noise = 0.3 * np.sin(0.1 * np.arange(88_200))
    other = Preset.from_audio(noise, name="my-noise", sample_rate=44_100)
    other.save(machines.there / "my-noise.astfx")
    shutil.copy(machines.there / "my-noise.astfx", machines.there / "a-first-one.astfx")
    machines.run("open", machines.there)
    np.testing.assert_array_equal(machines.output("opened"), machines.output("saved"))


def damaged_projects(plugin: Path, presets: Path, count: int, **variables: str) -> str:
    """What the program says that gives the plugin damaged projects."""
    words = [str(plugin), str(count)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bridge.plugin.mutated_projects", *words],
        cwd=ROOT,
        env={**os.environ, "ASTFX_PRESETS": str(presets), **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


def test_damaged_projects_change_nothing(bundles: Path, mine: Preset, tmp_path: Path) -> None:
    mine.save(tmp_path / "my-noise.astfx")
    plugin = bundles / "clap" / "astfx" / "astfx.clap"
    shown = damaged_projects(plugin, tmp_path, 200)
    refused, total = (int(word) for word in re.findall(r"\d+", shown))
    assert total // 8 < refused < total


def test_a_project_that_was_cut_off_changes_nothing_in_vst3(bundles: Path) -> None:
    plugin: Any = pedalboard.load_plugin(  # type: ignore[attr-defined]
        str(bundles / "vst3" / "astfx.vst3")
    )
    clip = music(RATE, 2, 0.5)
    plugin.preset, plugin.strength = "choir", STRENGTH
    wanted = plugin(clip, RATE)  # only then does pedalboard pass the parameters on
    project = plugin.raw_state
    found = re.search(rb"<IComponent>(\d+)\.([A-Za-z0-9.+]+)<", project)
    assert found
    inner = juce(int(found[1]), found[2])

    def with_inner(data: bytes) -> bytes:
        packed = f"<IComponent>{len(data)}.{to_juce(data)}<".encode()
        text = project[8:].replace(found[0], packed)
        return bytes(project[:4] + struct.pack("<I", len(text) - 1) + text)

    assert with_inner(inner) == project
    plugin.preset, plugin.strength = "rain", 30.0
    other = plugin(clip, RATE)
    assert np.abs(other - wanted).max() > 0.01
    before = plugin.raw_state
    end = inner.index(b"__dpf_parameters_end__")
    for cut in (0, 1, inner.index(b"choir"), len(inner) // 2, end - 3, end):
        plugin.raw_state = with_inner(inner[:cut])
        assert plugin.raw_state == before
        np.testing.assert_array_equal(plugin(clip, RATE), other)
    plugin.raw_state = project
    np.testing.assert_array_equal(plugin(clip, RATE), wanted)


@pytest.mark.slow
def test_damaged_projects_under_a_sanitizer(
    build_folder: Path, mine: Preset, presets: Path, tmp_path: Path
) -> None:
    mine.save(tmp_path / "my-noise.astfx")
    folder = build_folder.with_name("plugin-address")
    bundles = building.build(
        folder,
        "astfx-clap",
        ASTFX_SANITIZE="address,undefined",
        PRESETS=str(presets),
        WINDOW="OFF",
    )
    # Python is built without the sanitizer, and without C++, whose exceptions it watches.
    libraries = [
        subprocess.run(
            ["c++", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    variables = {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
        "ASTFX_FACTORY_PRESETS": str(presets),
    }
    plugin = bundles / "clap" / "astfx" / "astfx.clap"
    assert "refused" in damaged_projects(plugin, tmp_path, 100, **variables)
