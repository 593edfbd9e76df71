"""From a call to a job: its id, its settings, and what the worker is told to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import soundfile

from astfx.audio import FileSource, check_output
from astfx.errors import AstfxError
from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import styles
from astfx_bridge.jobs.scratch import scratch_path
from astfx_bridge.jobs.store import Job
from astfx_bridge.table import Call, Value

_ID = re.compile(r"[^\x00-\x1f/]{1,64}")
NAMES_PER_PAGE = 200  # a message holds 256 arguments at most
_FIRST_CHOSEN = 100_000  # Pure Data shows six digits


@contextmanager
def unless_accepted(services: Services, job_id: str, *held: Path) -> Iterator[None]:
    """Delete files that were held for a job, unless it was accepted with the first as content."""
    try:
        yield
    except BaseException:
        job = services.jobs.store.get(job_id)
        if job is None or job.spec.get("content") != str(held[0]):
            for path in held:
                path.unlink(missing_ok=True)
        raise


def new_job(call: Call, job_id: str, spec: dict[str, Any], parent: str = "") -> Job:
    """The job that a call asks for, not yet accepted."""
    return Job(
        id=job_id,
        command=call.row.address,
        request=call.digest,
        spec=spec,
        parent=parent,
    )


def new_id(services: Services, call: Call) -> str:
    """The id of a new job. For 0 and for an empty text the server chooses one.

    Raises
    ------
    RefusedError
        If the id is too long or holds a slash or a control character.
    """
    asked = call.values["id"]
    if asked in (0, "", "0"):
        store = services.jobs.store
        number = _FIRST_CHOSEN + store.last_number() + 1
        while store.get(str(number)) is not None:
            number += 1
        return str(number)
    if not _ID.fullmatch(str(asked)):
        raise RefusedError(f"id {str(asked)[:80]!r} must be 1 to 64 characters without a slash")
    return str(asked)


def job_settings(services: Services, pairs: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    """The server's parameters, overridden by a job's own.

    Raises
    ------
    RefusedError
        If a key does not exist, or a value is out of its range.
    """
    settings = services.parameters.copy()
    for key, value in pairs:
        if key not in PARAMETERS:
            raise RefusedError(
                f"there is no parameter {key!r}: it must be one of {', '.join(PARAMETERS)}"
            )
        settings[key] = services.parameters.checked(key, value)
    return settings


def checked_sound(path: Path, name: str, role: str, longest_seconds: float) -> FileSource | None:
    """Read the header of a sound that a job will use.

    Only the formats of libsndfile are read here. The worker checks the others, because it takes
    pedalboard to read them, and nothing so large is loaded into the server.

    Parameters
    ----------
    path : Path
    name : str
        What the client called the file; messages use it in place of the path.
    role : str
        What the file is for, such as "content".
    longest_seconds : float

    Returns
    -------
    FileSource or None
        None if libsndfile cannot read it.

    Raises
    ------
    RefusedError
        If it cannot be used, or is longer than allowed.
    """
    try:
        soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return None
    try:
        sound = FileSource(path, role)
    except AstfxError as error:
        raise RefusedError(str(error).replace(str(path), name)) from None
    if sound.seconds > longest_seconds:
        raise RefusedError(
            f"{role} '{name}' lasts {sound.seconds:.1f} seconds, at most {longest_seconds:g} "
            "are allowed"
        )
    return sound


def style_spec(services: Services, name: Value) -> dict[str, Any]:
    """The part of a worker's spec that says which style to use.

    Raises
    ------
    RefusedError
        If the style is neither a sound that may be used nor a preset.
    """
    presets = services.jobs.presets
    spec = styles.resolve(str(name), services.roots, presets, services.jobs.clips)
    if "style" in spec and not spec["style"].endswith(".safetensors"):
        limit = services.settings.limits.clip_seconds
        checked_sound(Path(spec["style"]), str(name), "style", limit)
    return {**spec, "presets": str(presets), "clip_seconds": services.settings.limits.clip_seconds}


def clip_suffix(clip: bytes, role: str) -> str:
    """The suffix that fits a clip which was sent as a blob.

    Raises
    ------
    RefusedError
        If it is neither a WAV nor a FLAC.
    """
    suffixes = {b"RIFF": ".wav", b"RF64": ".wav", b"fLaC": ".flac"}
    if clip[:4] not in suffixes:
        raise RefusedError(f"the {role} must be a WAV or a FLAC")
    return suffixes[clip[:4]]


def read_clip(services: Services, path: Path, name: str) -> float:
    """The length of a clip that was sent to be kept, in seconds.

    Raises
    ------
    RefusedError
        If it cannot be read, or is longer than allowed.
    """
    sound = checked_sound(path, name, "style", services.settings.limits.clip_seconds)
    if sound is None:
        raise RefusedError(f"style '{name}' cannot be read as audio")
    return sound.seconds


def check_unused(services: Services, what: str, **used: str) -> None:
    """Check that no job which has not ended uses a style or a preset.

    Parameters
    ----------
    services : Services
    what : str
        What messages call it.
    **used : str
        The key of a job's spec under which it would stand, and what would stand there.

    Raises
    ------
    RefusedError
        If one does.
    """
    for job in services.jobs.store.pending():
        spec = job.spec
        parts = used.get("preset") in spec.get("weights", {})
        if parts or any(spec.get(key) == value for key, value in used.items()):
            raise RefusedError(f"{what} is used by job {job.id}, which has not ended")


def page(names: Sequence[str], call: Call, what: str) -> tuple[int, int, *tuple[str, ...]]:
    """The number of names, the place that the client asked for, and the names from there on.

    Raises
    ------
    RefusedError
        If the place lies behind the last one.
    """
    first = int(call.values.get("first", 0))
    if first > len(names):
        raise RefusedError(f"first={first} must be at most {len(names)}, the number of {what}")
    return len(names), first, *names[first : first + NAMES_PER_PAGE]


def render_spec(
    services: Services,
    content: Path,
    content_name: str,
    output: Path,
    settings: Mapping[str, Value],
) -> dict[str, Any]:
    """A worker's spec for rendering one clip. Reads the headers of the files.

    Raises
    ------
    RefusedError
        If the content, the style or the output cannot be used.
    """
    style = style_spec(services, settings["style"])
    return spec_with_style(services, content, content_name, output, settings, style)


def spec_with_style(
    services: Services,
    content: Path,
    content_name: str,
    output: Path,
    settings: Mapping[str, Value],
    style: Mapping[str, Any],
    *,
    is_there: bool = True,
) -> dict[str, Any]:
    """A worker's spec for rendering one clip with a style that was checked by `style_spec`.

    Parameters
    ----------
    services : Services
    content : Path
    content_name : str
        What the client called the content.
    output : Path
    settings : mapping of str to value
    style : mapping of str to value
    is_there : bool
        Whether the content is there. If not, only the worker checks it.

    Raises
    ------
    RefusedError
        If the content or the output cannot be used.
    """
    clip = None
    if is_there:
        limit = services.settings.limits.clip_seconds
        clip = checked_sound(content, content_name, "content", limit)
    for role, path in (("content", str(content)), ("style", style.get("style"))):
        if path == str(output):
            raise RefusedError(f"output '{output.name}' is the {role} itself: name another file")
    try:
        if clip is not None:
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
