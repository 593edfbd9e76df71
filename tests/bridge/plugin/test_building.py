"""Building, installing and deleting the plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from astfx_bridge import building, plugins
from astfx_bridge.cli import app
from astfx_bridge.errors import BridgeError
from typer.testing import CliRunner


def command(*words: str) -> str:
    done = CliRunner().invoke(app, ["plugin", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with bundles that were not built."""

    def build(folder: Path, target: str, progress: object, **options: str) -> Path:
        for bundle in plugins.BUNDLES:
            (folder / "bin" / bundle.built).mkdir(parents=True, exist_ok=True)
            (folder / "bin" / bundle.built / "code.so").write_text("new")
        return folder / "bin"

    monkeypatch.setattr(building, "build", build)
    return tmp_path / "home"


def test_install_info_and_uninstall(home: Path, tmp_path: Path) -> None:
    where = ("--home", str(home))
    assert "the plugin is not installed" in command("info", *where)
    stale = home / ".vst3" / "astfx.vst3" / "stale"
    stale.mkdir(parents=True)
    shown = command("install", "--folder", str(tmp_path / "build"), *where)
    places = [home / bundle.installed for bundle in plugins.BUNDLES]
    assert all(str(place) in shown for place in places)
    assert all((place / "code.so").read_text() == "new" for place in places)
    assert not stale.exists()
    # The plugin runs the engine `stream` with this Python.
    assert all((place / "python.txt").read_text() == f"{sys.executable}\n" for place in places)
    assert all(str(place) in command("info", *where) for place in places)
    (home / ".vst3" / "other.vst3").mkdir()
    assert "deleted" in command("uninstall", *where)
    assert [path for path in home.rglob("*") if path.is_dir() and path.parent != home] == [
        home / ".vst3" / "other.vst3"
    ]
    with pytest.raises(BridgeError, match="the plugin is not installed in"):
        plugins.uninstall(home)


def test_uninstall_deletes_the_build_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(plugins, "build_folder", lambda: tmp_path / "build")
    command("install")
    command("uninstall")
    assert (tmp_path / "build").is_dir()  # it is not known to be a build
    command("install")
    (tmp_path / "build" / "CMakeCache.txt").touch()
    assert str(tmp_path / "build") in command("uninstall")
    assert not (tmp_path / "build").exists()


def test_a_folder_that_cannot_be_written(home: Path, tmp_path: Path) -> None:
    home.write_text("not a folder")
    with pytest.raises(BridgeError, match=r"cannot be copied to '.*astfx.vst3'"):
        plugins.install(tmp_path / "build", home)


def test_an_interpreters_path_that_cannot_be_written(home: Path, tmp_path: Path) -> None:
    for bundle in plugins.BUNDLES:
        (tmp_path / "build" / "bin" / bundle.built / "python.txt").mkdir(parents=True)
    with pytest.raises(BridgeError, match=r"'.*python.txt' cannot be written \(Is a directory\)"):
        plugins.build(tmp_path / "build")


def test_what_is_missing_is_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lacking = (
        building.Need("no-such-program", "one-package"),
        building.Need("no/such.h", "other-package", "header"),
        building.Need("libnosuch.a", "other-package", "library"),
    )
    monkeypatch.setattr(building, "NEEDS", (building.Need("sh", "dash"), *lacking))
    assert building.missing() == list(lacking)
    with pytest.raises(BridgeError) as caught:
        building.build(tmp_path)
    message = str(caught.value)
    assert "because these are missing:\n  no-such-program  Debian's one-package" in message
    assert message.endswith("sudo apt-get install one-package other-package")
    assert "no/such.h" in command("info", "--home", str(tmp_path))


def test_without_what_its_window_needs_it_is_built_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def build(folder: Path, target: str, progress: object, **options: str) -> Path:
        asked.append(options["WINDOW"])
        for bundle in plugins.BUNDLES:
            (folder / bundle.built).mkdir(parents=True, exist_ok=True)
        return folder

    monkeypatch.setattr(building, "build", build)
    monkeypatch.setattr(building, "WINDOW_NEEDS", (building.Need("sh", "dash"),))
    assert "without a window" not in command("build", "--folder", str(tmp_path))
    lacking = building.Need("no/such.h", "no-such-dev", "header")
    monkeypatch.setattr(building, "WINDOW_NEEDS", (lacking,))
    for shown in (
        command("build", "--folder", str(tmp_path)),
        command("info", "--home", str(tmp_path)),
    ):
        assert "without a window of its own" in shown
        assert "sudo apt-get install no-such-dev" in shown
    assert asked == ["ON", "OFF"]


def test_dpf_is_looked_for_where_its_variable_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(building.DPF_VARIABLE, str(tmp_path))
    assert "dpf-source" in [need.package for need in building.missing()]
    (tmp_path / "distrho").mkdir()
    (tmp_path / "distrho" / "DistrhoPluginMain.cpp").touch()
    assert "dpf-source" not in [need.package for need in building.missing()]


def test_it_is_built_on_linux_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BridgeError, match="cannot be built on darwin: it has been tried on Linux"):
        plugins.build(tmp_path)


def test_without_a_compiler_only_programs_are_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether headers are there cannot be found out."""
    monkeypatch.setattr(building, "COMPILER", "no-such-compiler")
    lacking = (building.Need("no-such-compiler", "g++"), building.Need("a.h", "a-dev", "header"))
    monkeypatch.setattr(building, "NEEDS", lacking)
    assert building.missing() == [lacking[0]]
    with pytest.raises(BridgeError, match="`astfx plugin info` shows what else is missing"):
        building.check_needs()
    assert building.missing(building.WINDOW_NEEDS) == []


def pretend_cmake(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Let a script take the place of CMake."""
    (folder / "cmake").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "cmake").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(building, "check_needs", lambda: None)


def test_a_build_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend_cmake(monkeypatch, tmp_path, "echo '[1/4] one'\necho a warning\necho '[4/4] last'")
    shares: list[float] = []
    building.build(tmp_path / "build", "all", shares.append)
    assert shares == [0.25, 1.0]


def test_a_failing_compiler_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend_cmake(monkeypatch, tmp_path, "echo the first line\necho error: it broke >&2\nexit 1")
    with pytest.raises(BridgeError, match="has failed:\nthe first line\nerror: it broke"):
        building.build(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(BridgeError, match=r"folder '.*' cannot be made"):
        building.build(tmp_path / "file" / "inside")


@pytest.mark.hosts
def test_another_version_of_dpf_is_noticed(build_folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(building.dpf_folder(), tmp_path / "dpf")
    source = tmp_path / "dpf" / "distrho" / "src" / "DistrhoPluginLV2.cpp"
    source.write_text(source.read_text().replace("lv2_deactivate()", "lv2_stop()"))
    script = building.plugin_sources() / "dpf" / "patch.cmake"
    folders = [f"-DDPF={tmp_path / 'dpf'}", f"-DOUT={tmp_path / 'out'}"]
    done = subprocess.run(
        ["cmake", *folders, "-P", str(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "is not the one that this plugin was" in " ".join(done.stderr.split())
