"""What a job's request becomes before it is accepted: an id, checked settings, a worker's spec."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astfx.audio import FileSource, check_output
from astfx.errors import AstfxError
from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.commands.dispatch import Call
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import styles
from astfx_bridge.jobs.scratch import scratch_path
from astfx_bridge.table import Value

if TYPE_CHECKING:
    from astfx_bridge.server import Bridge

_ID = re.compile(r"[^\x00-\x1f/]{1,64}")
_FIRST_CHOSEN = 100_000  # Pure Data shows six digits


def new_id(bridge: Bridge, call: Call) -> str:
    """The id of a new job; 0 and an empty text let the server choose.

    Raises
    ------
    RefusedError
    """
    asked = call.values["id"]
    if asked in (0, "", "0"):
        number = _FIRST_CHOSEN + bridge.desk.store.last_number() + 1
        while bridge.desk.store.get(str(number)) is not None:
            number += 1
        return str(number)
    if not _ID.fullmatch(str(asked)):
        raise RefusedError(f"id {str(asked)[:80]!r} must be 1 to 64 characters without a slash")
    return str(asked)


def job_settings(bridge: Bridge, pairs: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    """The server's parameters with a job's own.

    Raises
    ------
    RefusedError
        If a key does not exist, or a value is out of its range.
    """
    settings = dict(bridge.parameters)
    for key, value in pairs:
        if key not in PARAMETERS:
            raise RefusedError(f"there is no parameter {key!r}: there are {', '.join(PARAMETERS)}")
        settings[key] = bridge.checked(key, value)
    return settings


def source(path: Path, name: str, role: str, longest_seconds: float) -> FileSource:
    """Look at a sound that a job will read.

    Raises
    ------
    RefusedError
        If it is no audio, or longer than the cap.
    """
    try:
        found = FileSource(path, role)
    except AstfxError as error:
        raise RefusedError(str(error).replace(str(path), name)) from None
    if found.seconds > longest_seconds:
        raise RefusedError(
            f"{role} '{name}' lasts {found.seconds:.1f} seconds, at most {longest_seconds:g} "
            "are allowed"
        )
    return found


def style_spec(bridge: Bridge, name: Value) -> dict[str, str]:
    """What a worker needs to know of a style.

    Raises
    ------
    RefusedError
    """
    spec = styles.resolve(str(name), bridge.roots, bridge.desk.presets)
    if "style" in spec and not spec["style"].endswith(".safetensors"):
        limit = bridge.settings.limits.clip_seconds
        source(Path(spec["style"]), str(name), "style", limit)
    return {**spec, "presets": str(bridge.desk.presets)}


def render_spec(
    bridge: Bridge,
    job_id: str,
    content: Path,
    content_name: str,
    output: Path,
    settings: Mapping[str, Value],
) -> dict[str, Any]:
    """A worker's spec of one clip to be rendered; reads the files' headers.

    Raises
    ------
    RefusedError
        If the content, the style or the output cannot be used.
    """
    clip = source(content, content_name, "content", bridge.settings.limits.clip_seconds)
    style = style_spec(bridge, settings["style"])
    for role, path in (("content", str(content)), ("style", style.get("style"))):
        if path == str(output):
            raise RefusedError(f"output '{output.name}' is the {role} itself: name another file")
    try:
        check_output(output, clip.sample_rate, clip.channels)
    except AstfxError as error:
        raise RefusedError(str(error)) from None
    return {
        "kind": "render",
        "content": str(content),
        **style,
        "output": str(output),
        "scratch": str(scratch_path(output)),
        "settings": dict(settings),
    }
