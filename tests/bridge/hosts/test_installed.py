"""The clients where `astfx clients install` puts them: do the hosts find them there?"""

from __future__ import annotations

from pathlib import Path

import pytest
from astfx_bridge.installing import install_for_hosts

from tests.bridge.hosts.programs import filled, need, run
from tests.bridge.hosts.test_supercollider import HEADLESS
from tests.bridge.serving import Server

pytestmark = pytest.mark.hosts


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the clients of the hosts that are installed here."""
    need("pd")
    need("sclang")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_DOCUMENTS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    written = install_for_hosts()
    assert written["Pure Data"]
    assert written["SuperCollider"]
    return tmp_path


def test_pure_data_finds_the_object(server: Server, home: Path) -> None:
    patch = filled("installed.pd", home, PORT=server.port)
    text = run("timeout", "60", need("pd"), "-nogui", "-noaudio", "-nomidi", "-stderr", patch)
    assert text.splitlines() == ["other: pong 5"]


def test_supercollider_finds_the_class_and_scdoc_its_help(home: Path) -> None:
    folder = home / ".local" / "share" / "SuperCollider" / "Extensions" / "AstFx"
    page = home / "AstFx.html"
    script = filled("help.scd", home, QUARKFILE=folder / "AstFx.quark", HTMLFILE=page)
    lines = run("timeout", "90", need("sclang"), script, environment=HEADLESS).splitlines()
    assert f"CLASS {folder / 'AstFx.sc'}" in lines
    assert "QUARK AstFx" in lines
    assert f"HELP {folder / 'HelpSource' / 'Classes' / 'AstFx.schelp'}" in lines
    assert "RENDERED" in lines
    assert not [line for line in lines if "SCDoc: In " in line or line.startswith("ERROR")]
    hidden = {line.split()[1] for line in lines if line.startswith("UNDOCUMENTED")}
    assert {name for name in hidden if not name.startswith("pr")} == {"addr", "stamp"}
    text = page.read_text()
    for method in ("render", "renderBuffer", "renderArray", "cancel"):
        assert f"name='-{method}'" in text, method
