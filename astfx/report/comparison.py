"""Compare methods on the same two clips: render, time and score them, beside anchors."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from astfx.api import transfer_file
from astfx.audio import FileSource, Waveform, check_finite, read_excerpt, resample
from astfx.errors import AstfxError, AudioFileError, CancelledError, InvalidSettingError
from astfx.methods import METHODS, find_method
from astfx.metrics import AnalysedSound, anchors, score
from astfx.metrics.report import MEASURED_SECONDS
from astfx.presets.library import check_has_audio
from astfx.recipes import RECIPES, find_recipe
from astfx.report.page import MOST_SECONDS, PAGE, Comparison, Entry, columns, write_page
from astfx.runtime.extras import require
from astfx.runtime.files import written_aside
from astfx.settings import Settings
from astfx.styles.excerpts import PIECE_SECONDS, read_pieces

SHORTEST_CONTENT_SECONDS, SHORTEST_STYLE_SECONDS = 1.0, 2.0
ANCHORS = ("content", "style", "floor")
TABLE = "figures.csv"
_SLOW_PREPARATION_SECONDS = 10.0
_MEASURED_PIECES = round(MEASURED_SECONDS / PIECE_SECONDS)


def choose(names: Sequence[str] | None) -> tuple[str, ...]:
    """Check names of methods and recipes, and drop repeated ones. None means all methods.

    Raises
    ------
    InvalidSettingError
        If a name does not exist.
    """
    if names is None:
        return tuple(METHODS)
    found = [find_recipe(name) or name for name in names]
    for name in found:
        if name not in RECIPES:
            find_method(name)
    return tuple(dict.fromkeys(found))


def expected_files(folder: Path, methods: Sequence[str] | None = None) -> list[Path]:
    """Return the files that `compare` writes, in the order in which it writes them.

    Raises
    ------
    InvalidSettingError
        If a name does not exist.
    """
    sounds = [folder / f"{_label(name)}.wav" for name in choose(methods)]
    return [*sounds, folder / TABLE, folder / PAGE]


def compare(
    content: Path,
    style: Path,
    folder: Path,
    *,
    methods: Sequence[str] | None = None,
    settings: Settings | None = None,
    options: Mapping[str, Mapping[str, object]] | None = None,
    progress: Callable[[float], object] | None = None,
) -> Comparison:
    """Render two clips by methods and recipes, and write the results into a folder.

    Figures are measured as `astfx score` measures them: over the first 30 seconds of the results
    and the content, and over three pieces of ten seconds of a long style. The page plays and draws
    the first minute.

    Parameters
    ----------
    content, style : Path
        Audio files.
    folder : Path
        Receives ``METHOD.wav`` or ``recipe-NAME.wav``, ``index.html`` and ``figures.csv``. It is
        created if it does not exist.
    methods : sequence of str, optional
        Names of methods and of recipes ("ulyanov-2016"). All methods by default.
    settings : Settings, optional
        Settings of every render, except the method and its options. A time budget applies to each
        render. Settings that differ from the defaults override a recipe's.
    options : mapping of method to options, optional
        Options of single methods or recipes.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1; returning False cancels.

    Returns
    -------
    Comparison

    Raises
    ------
    AstfxError
        If a clip or a setting cannot be used. A method that cannot render these clips does not
        stop the others: its entry says why.
    """
    for package in ("matplotlib", "librosa", "sklearn"):
        require(package, "a comparison")
    names = choose(methods)
    base = settings or Settings()
    check_has_audio(style)
    sources = FileSource(content, "content"), FileSource(style, "style")
    rate = sources[0].sample_rate
    original = read_excerpt(sources[0], MOST_SECONDS)
    shown = resample(read_excerpt(sources[1], MOST_SECONDS), sources[1].sample_rate, rate)
    for source, clip in zip(sources, (original, shown), strict=True):
        check_finite(clip, source.name, 0, rate)
    target = resample(read_pieces(sources[1], _MEASURED_PIECES), sources[1].sample_rate, rate)
    if folder.exists() and not folder.is_dir():
        raise AudioFileError(f"output folder '{folder}' is a file: name a folder")
    for source in sources:
        for name in names:
            if (folder / f"{_label(name)}.wav").absolute() == Path(source.path).absolute():
                raise InvalidSettingError(
                    f"output folder '{folder}' contains the {source.name}: write to another folder"
                )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(
            f"output folder '{folder}' cannot be made ({error.strerror})"
        ) from None
    wanted = AnalysedSound(target, rate)
    entries = _anchor_entries(original, shown, wanted)
    is_scored = bool(entries[0].figures)

    def report(share: float) -> None:
        if progress is not None and progress(min(share, 1.0)) is False:
            raise CancelledError("cancelled")

    own = {find_recipe(key) or key: value for key, value in (options or {}).items()}
    for number, name in enumerate(names):
        chosen = _settings(name, base, dict(own.get(name, {})))

        def within(share: float, number: int = number) -> None:
            report((number + 0.9 * share) / len(names))

        entry = _render(name, sources, folder / f"{_label(name)}.wav", chosen, within)
        if is_scored and entry.waveform is not None:
            entry.figures = score(entry.waveform, original, wanted, rate)
        entries.append(entry)
        report((number + 1) / len(names))
    result = Comparison(
        content=Path(content).name,
        style=Path(style).name,
        quality=base.quality,
        entries=tuple(entries),
        folder=folder,
    )
    with written_aside(folder / TABLE) as part:
        part.write_text(table_text(result), newline="")
    write_page(result)
    return result


def _anchor_entries(original: Waveform, shown: Waveform, wanted: AnalysedSound) -> list[Entry]:
    rate = round(wanted.sample_rate)
    figures: dict[str, dict[str, float]] = {}
    long_enough = (
        original.shape[1] >= SHORTEST_CONTENT_SECONDS * rate
        and wanted.seconds >= SHORTEST_STYLE_SECONDS
    )
    if long_enough and np.any(original) and np.any(wanted.waveform):
        figures = anchors(original, wanted, rate)
    summaries = {
        "content": "the content as it is",
        "style": "the style as it is",
        "floor": "one half of the style scored against the other half",
    }
    waveforms = {"content": original, "style": shown}
    return [
        Entry(
            name=name,
            summary=summaries[name],
            is_anchor=True,
            waveform=waveforms.get(name),
            sample_rate=rate,
            figures=figures.get(name, {}),
        )
        for name in ANCHORS
    ]


def _label(name: str) -> str:
    return f"recipe-{name}" if name in RECIPES else name


def _settings(name: str, base: Settings, options: dict[str, object]) -> Settings:
    if name not in RECIPES:
        return replace(base, method=name, options=options)
    default = Settings()
    given = {
        field.name: getattr(base, field.name)
        for field in fields(base)
        if field.name not in ("method", "options")
        and getattr(base, field.name) != getattr(default, field.name)
    }
    return Settings.from_recipe(name, **given, options=options)


def _render(
    name: str,
    sources: tuple[FileSource, FileSource],
    output: Path,
    settings: Settings,
    progress: Callable[[float], None],
) -> Entry:
    rate = sources[0].sample_rate
    summary = METHODS[settings.method].summary
    if name in RECIPES:
        summary = f"{settings.method} as in {RECIPES[name].document}"
    entry = Entry(
        name=_label(name), summary=summary, is_anchor=False, waveform=None, sample_rate=rate
    )
    began = time.monotonic()
    try:
        # Turned down rather than limited, so that the figures are those of the render itself.
        done = transfer_file(
            sources[0], sources[1], output, settings, peak="scale", progress=progress
        )
    except CancelledError:
        raise
    except AstfxError as error:
        entry.note, entry.failed = f"failed: {error}", True
        return entry
    entry.seconds = time.monotonic() - began
    entry.real_time_factor = entry.seconds / max(done.audio_seconds, 1e-9)
    entry.losses = [segment.losses for segment in done.segments]
    entry.stopped_early = done.stopped_early
    remarks = [done.note] if done.note else []
    if done.stopped_early:
        remarks.append("the time budget ended the search early")
    preparing = done.seconds.get("style", 0.0)
    if preparing > _SLOW_PREPARATION_SECONDS:
        slow = f"{preparing:.0f} s of this went into preparing the style, which is done once"
        remarks.append(slow)
    entry.note = "; ".join(remarks)
    entry.waveform = read_excerpt(FileSource(output, "output"), MOST_SECONDS)
    return entry


def table_text(result: Comparison) -> str:
    """All entries as CSV, one row each. A cell is empty where there is no figure."""

    def cell(value: float | None) -> str:
        return "" if value is None or math.isnan(value) else f"{value:.6g}"

    names = columns(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "kind", *names, "seconds", "real_time_factor", "note"])
    for entry in result.entries:
        writer.writerow(
            [
                entry.name,
                "anchor" if entry.is_anchor else "method",
                *(cell(entry.figures.get(name)) for name in names),
                cell(entry.seconds),
                cell(entry.real_time_factor),
                entry.note,
            ]
        )
    return text.getvalue()
