"""The packages of the clients, and the places where hosts look for them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from astfx_bridge.cli import app
from astfx_bridge.errors import BridgeError
from astfx_bridge.installing import HOSTS, client_data, install_for_hosts
from astfx_bridge.packaging import SCRIPT, make_packages
from typer.testing import CliRunner

VERSION = metadata.version("astfx")
URL = "https://example.org/astfx/"


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        return packed.namelist()


def test_the_packages_hold_what_their_hosts_expect(tmp_path: Path) -> None:
    made = make_packages(tmp_path, URL)
    assert sorted(made) == sorted(tmp_path.iterdir())
    assert names(tmp_path / f"astfx-max-{VERSION}.zip") == [
        "astfx/README.md",
        "astfx/devices/astfx.amxd",
        "astfx/help/astfx.maxhelp",
        "astfx/javascript/astfx-buffers.js",
        "astfx/package-info.json",
        "astfx/patchers/astfx.maxpat",
        "astfx/snippets/astfx - render a buffer.maxsnip",
        "astfx/snippets/astfx - render a file.maxsnip",
    ]
    assert names(tmp_path / f"AstFx-quark-{VERSION}.zip") == [
        "AstFx/AstFx.quark",
        "AstFx/AstFx.sc",
        "AstFx/HelpSource/Classes/AstFx.schelp",
        "AstFx/README.md",
    ]
    deken = tmp_path / f"astfx[v{VERSION}].dek"
    assert names(deken) == [
        "astfx/README.md",
        "astfx/astfx-help.pd",
        "astfx/astfx-meta.pd",
        "astfx/astfx.pd",
    ]
    digest = hashlib.sha256(deken.read_bytes()).hexdigest()
    assert Path(f"{deken}.sha256").read_text() == digest
    assert Path(f"{deken}.txt").read_text().startswith("astfx\t")


def test_the_index_for_reapack_names_the_script_and_its_hash(tmp_path: Path) -> None:
    make_packages(tmp_path, URL)
    index = ElementTree.parse(tmp_path / "index.xml").getroot()
    assert (index.tag, index.get("version")) == ("index", "1")
    (source,) = index.findall("category/reapack[@type='script']/version/source")
    assert source.text == URL + SCRIPT
    script = (tmp_path / SCRIPT).read_bytes()
    assert source.get("hash") == "1220" + hashlib.sha256(script).hexdigest()
    assert script == (client_data() / "reaper" / SCRIPT).read_bytes()


def test_packages_are_the_same_each_time(tmp_path: Path) -> None:
    one, other = (make_packages(tmp_path / name, URL) for name in ("one", "other"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_the_clients_name_the_version_of_astfx() -> None:
    clients = client_data()
    assert json.loads((clients / "max" / "package-info.json").read_text())["version"] == VERSION
    assert f'version: "{VERSION}"' in (clients / "sc" / "AstFx.quark").read_text()
    assert f"VERSION {VERSION};" in (clients / "pd" / "astfx-meta.pd").read_text()


@pytest.mark.parametrize("url", ["", "example.org", "ftp://example.org", "https://"])
def test_a_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    message = f"url {url!r} must begin with https:// and name a host"
    with pytest.raises(BridgeError, match=f"^{re.escape(message)}$"):
        make_packages(tmp_path, url)
    assert list(tmp_path.iterdir()) == []


def test_packages_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BridgeError, match=r"^the packages cannot be written to '.*' \("):
        make_packages(tmp_path / "file" / "folder", URL)


def test_the_command_prints_what_it_made(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["clients", "package", str(tmp_path), "--url", URL])
    assert result.exit_code == 0, result.output
    assert len(result.output.split()) == len(list(tmp_path.iterdir()))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any host, on Linux."""
    if sys.platform != "linux":
        pytest.skip("the folders of Linux")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_DOCUMENTS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda program: None)
    return tmp_path


def test_nothing_is_copied_for_hosts_that_are_not_there(home: Path) -> None:
    assert install_for_hosts() == {host.title: [] for host in HOSTS}
    assert list(home.iterdir()) == []


def test_each_client_is_put_where_its_host_looks(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (".config/REAPER", "Documents/Max 8", "Documents/Max 9"):
        (home / folder).mkdir(parents=True)
    found = {"pd": "/usr/bin/pd", "sclang": "/usr/bin/sclang"}
    monkeypatch.setattr(shutil, "which", found.get)
    result = CliRunner().invoke(app, ["clients", "install"])
    assert result.output.splitlines() == [
        f"Pure Data: {home}/.local/lib/pd/extra/astfx",
        f"SuperCollider: {home}/.local/share/SuperCollider/Extensions/AstFx",
        f"Max: {home}/Documents/Max 8/Packages/astfx, {home}/Documents/Max 9/Packages/astfx",
        f"REAPER: {home}/.config/REAPER/Scripts/astfx",
        "start each program again, so that it finds what is new",
    ]
    assert (home / ".local/lib/pd/extra/astfx/astfx.pd").is_file()
    assert (home / ".local/share/SuperCollider/Extensions/AstFx/AstFx.quark").is_file()
    assert (home / "Documents/Max 9/Packages/astfx/patchers/astfx.maxpat").is_file()
    assert (home / ".config/REAPER/Scripts/astfx" / SCRIPT).is_file()
    assert CliRunner().invoke(app, ["clients", "install"]).exit_code == 0  # once more, over it


def test_a_place_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    (home / ".config" / "REAPER").mkdir(parents=True)
    (home / ".config" / "REAPER" / "Scripts").touch()
    with pytest.raises(BridgeError, match=r"^the clients cannot be copied to '.*REAPER/Scripts"):
        install_for_hosts()
