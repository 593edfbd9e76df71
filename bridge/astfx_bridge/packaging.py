"""Makes the packages that hosts install by themselves: Max, SuperCollider, Pure Data and REAPER.

The packages are the same byte for byte whenever they are made of the same files.
"""

from __future__ import annotations

import hashlib
import zipfile
from importlib import metadata
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from astfx.runtime.files import written_aside
from astfx_bridge.errors import BridgeError
from astfx_bridge.installing import client_data

SCRIPT = "astfx_render_item.lua"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP file can hold


def make_packages(folder: Path, url: str) -> list[Path]:
    """Write all packages into a folder, and return their paths.

    Parameters
    ----------
    folder : Path
    url : str
        Where the files of this folder will be published. The index for ReaPack holds it.

    Raises
    ------
    BridgeError
        If `url` is not one of the web, or a file cannot be written.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BridgeError(f"url {url!r} must begin with https:// and name a host")
    version, clients = metadata.version("astfx"), client_data()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        deken = folder / f"astfx[v{version}].dek"
        made = [
            _zipped(clients / "max", folder / f"astfx-max-{version}.zip", "astfx"),
            _zipped(clients / "sc", folder / f"AstFx-quark-{version}.zip", "AstFx"),
            _zipped(clients / "pd", deken, "astfx"),
            _written(Path(f"{deken}.txt"), b"astfx\tastfx: any sound in the texture of another\n"),
            _written(Path(f"{deken}.sha256"), _digest(deken).encode()),
            _written(folder / SCRIPT, (clients / "reaper" / SCRIPT).read_bytes()),
        ]
        made.append(_written(folder / "index.xml", _reapack_index(made[-1], url, version)))
    except OSError as error:
        raise BridgeError(
            f"the packages cannot be written to '{folder}' ({error.strerror or error})"
        ) from None
    return made


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _written(path: Path, data: bytes) -> Path:
    with written_aside(path) as part:
        part.write_bytes(data)
    return path


def _zipped(source: Path, target: Path, top: str) -> Path:
    """Pack a folder, which becomes the folder `top` of the archive."""
    found = sorted(path for path in source.rglob("*") if path.is_file())
    with (
        written_aside(target) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for path in found:
            inside = path.relative_to(source)
            if not any(name.startswith((".", "__pycache__")) for name in inside.parts):
                entry = zipfile.ZipInfo(f"{top}/{inside.as_posix()}", _LONG_AGO)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, path.read_bytes())
    return target


def _reapack_index(script: Path, url: str, version: str) -> bytes:
    index = ElementTree.Element("index", version="1", name="astfx")
    category = ElementTree.SubElement(index, "category", name="Items")
    package = ElementTree.SubElement(
        category,
        "reapack",
        name=SCRIPT,
        type="script",
        desc="Render the selected items in the texture of another sound",
    )
    release = ElementTree.SubElement(package, "version", name=version, author="The astfx authors")
    # In ReaPack's index, 1220 begins a SHA-256.
    source = ElementTree.SubElement(
        release, "source", main="main", platform="all", hash=f"1220{_digest(script)}"
    )
    source.text = f"{url.rstrip('/')}/{quote(script.name)}"
    ElementTree.indent(index)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(index) + b"\n"
