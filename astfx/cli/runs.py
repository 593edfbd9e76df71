"""What the commands do with files: render and measure, draw, audition, score."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astfx.api import content_part, transfer_file
from astfx.audio import (
    FileSource,
    Waveform,
    check_finite,
    output_format,
    read_excerpt,
    resample,
)
from astfx.cli.batch import Job
from astfx.engine.render import Report
from astfx.errors import (
    AudioFileError,
    AudioFileNotFoundError,
    InvalidAudioError,
    InvalidSettingError,
    PresetNotFoundError,
)
from astfx.metrics.report import MEASURED_SECONDS
from astfx.presets import Preset
from astfx.presets.library import called_like, check_has_audio
from astfx.report.figures import check_pictures
from astfx.runtime.extras import require
from astfx.runtime.progress import Progress
from astfx.settings import Settings, make_settings
from astfx.styles.excerpts import PIECE_SECONDS, read_pieces
from astfx.styles.style import Style

FIGURE = "scattering_db"
"""The distance to the style that is shown after a render.

It is the quickest figure of the panel, whose figures no method, engine or setting optimises.
`astfx score` and `astfx compare` show it under the same name.
"""

MEASURED_PIECES = round(MEASURED_SECONDS / PIECE_SECONDS)
SHOWN_SECONDS = 60.0
_HEARD_DB = 0.5  # smaller changes of level are not mentioned
PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A finished render, and how near it came to its style.

    Attributes
    ----------
    report : Report
    content, style, output : str
        Names of the sounds, as they were given.
    content_figure, output_figure : float or None
        The distance `FIGURE` of the content and of the output from the style, over their first
        half minute. None if the style is not audio, or if a clip is too short.
    """

    report: Report
    content: str
    style: str
    output: str
    content_figure: float | None
    output_figure: float | None

    def summary(self) -> str:
        """The text that the command prints: one line, and a line for each remark."""
        report = self.report
        parts = [
            f"{self.output}: {report.seconds['total']:.2f} s for {report.audio_seconds:.1f} s of "
            f"audio (real-time factor {report.real_time_factor:.2f})"
        ]
        if self.content_figure is not None and self.output_figure is not None:
            parts.append(
                f"{FIGURE} {self.content_figure:.1f} before, {self.output_figure:.1f} after "
                "(lower is nearer to the style)"
            )
        return "\n".join([", ".join(parts), *self.remarks()])

    def closing(self, plot: Path | None = None) -> str:
        """The last line: what was made, where, with what picture, and what to do next."""
        made = "standard output" if self.output == "-" else self.output
        content = "standard input" if self.content == "-" else self.content
        drawn = f" (picture {plot})" if plot else ""
        return (
            f"{made} is {content} in the style of {self.style}{drawn}. Next: listen to it; "
            "--strength 0.6 keeps more of the content"
        )

    def remarks(self) -> list[str]:
        """What the user should know of the result beyond its figures, a sentence each."""
        report = self.report
        found = []
        if report.silent:
            found.append(
                "The content is silent (its peak is below -100 dBFS), so the result is too."
            )
        if report.stopped_early:
            found.append(
                f"The time budget of {report.settings.budget_seconds:g} seconds ended the search "
                "early: a larger --budget may come nearer to the style."
            )
        keeps = f"{_float_advice(self.output)} keeps the result as it is"
        if report.limited_db > _HEARD_DB:
            found.append(
                f"Peaks were limited by up to {report.limited_db:.1f} dB to stay below full "
                f"scale: {keeps}."
            )
        if report.level_lost_db > _HEARD_DB:
            found.append(
                f"It is {report.level_lost_db:.1f} dB quieter than the content to stay below full "
                f"scale: {keeps}."
            )
        return [*found, report.note] if report.note else found

    def to_dict(self) -> dict[str, Any]:
        """The report and the distances, as a dict for JSON."""
        return {
            **self.report.to_dict(),
            FIGURE: {"content": self.content_figure, "output": self.output_figure},
        }


def _float_advice(output: str) -> str:
    """How to write an output without loss of level: "--float", or another format with it."""
    try:
        output_format(Path("o.wav" if output == "-" else output), float_samples=True)
    except InvalidSettingError:
        return "a .wav file with --float"
    return "--float"


def style_of(style: str) -> Style:
    """Return the style that the command line names.

    Raises
    ------
    PresetNotFoundError
        If the file does not exist, but is called like a preset.
    AstfxError
        If it cannot be used for another reason.
    """
    try:
        return Style.of(style)
    except AudioFileNotFoundError:
        name = called_like(style)
        if name is None:
            raise
        raise PresetNotFoundError(
            f"style file '{style}' does not exist: the preset is called {name!r}"
        ) from None


@dataclass(frozen=True, kw_only=True)
class Form:
    """How `transfer_file` reads its content and writes its output, beside the settings."""

    float_samples: bool = False
    peak: str = "limit"
    start_seconds: float = 0.0
    seconds: float | None = None
    sample_rate: int | None = None
    bitrate_kbps: float | None = None


def render_and_measure(
    job: Job,
    style: Style,
    settings: Settings,
    form: Form | None = None,
    *,
    plot: Path | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Render a file, measure its style distance, and draw it if `plot` names a picture.

    Raises
    ------
    AstfxError
        If a file, the style or a setting cannot be used.
    """
    form = form or Form()
    file = FileSource(job.content, "content")
    report = transfer_file(file, style, job.output, settings, progress=progress, **vars(form))
    source = content_part(file, form.start_seconds, form.seconds, form.sample_rate)
    style_source = style.source if isinstance(style.source, FileSource) else None
    before = after = None
    written: Waveform | None = None
    heard = read_excerpt(source, SHOWN_SECONDS)
    if job.output != "-":
        output = FileSource(job.output, "output")  # at 48 kHz, if ffmpeg has written Opus
        written = resample(
            read_excerpt(output, SHOWN_SECONDS), output.sample_rate, source.sample_rate
        )
    if style_source is not None and written is not None:
        before, after = _figures([heard, written], style_source, source.sample_rate)
    if plot is not None:
        from astfx.report.plots import draw_render

        clips = {"content": (heard, source.sample_rate)}
        if style_source is not None:
            clips["style"] = (read_excerpt(style_source, SHOWN_SECONDS), style_source.sample_rate)
        if written is not None:
            clips["result"] = (written, source.sample_rate)
        draw_render(plot, clips, [segment.losses for segment in report.segments])
    return Measured(
        report=report,
        content=job.content,
        style=str(style.given),
        output=job.output,
        content_figure=before,
        output_figure=after,
    )


def write_audition(
    preset: Preset, output: str, quality: str | None = None, *, progress: Progress | None = None
) -> Report:
    """Render the melody of `astfx demo` in the style of a preset.

    Raises
    ------
    AstfxError
        If the output cannot be written, or the quality is unknown.
    """
    from astfx import demo
    from astfx.audio import AudioWriter

    with tempfile.TemporaryDirectory(prefix="astfx-") as folder:
        content = Path(folder) / "melody.wav"
        melody = demo.melody()
        with AudioWriter(content, demo.SAMPLE_RATE, len(melody), melody.shape[1]) as writer:
            writer.write(melody)
        settings = make_settings(preset.settings, quality=quality)
        return transfer_file(content, preset, output, settings, progress=progress)


def score_files(
    output: str, content: str, style: str, *, progress: Progress | None = None
) -> dict[str, dict[str, float]]:
    """Score a file and its anchors. Everything is resampled to the output's sample rate.

    Of long files, the first 30 seconds of the output and the content are measured, and three pieces
    of ten seconds of the style.

    Returns
    -------
    dict of str to dict of str to float
        For "output" and for each anchor ("content", "style", "floor") the figures of
        `astfx.metrics.score`.

    Raises
    ------
    AstfxError
        If a file cannot be read, or is too short to be scored.
    """
    from astfx.metrics import AnalysedSound, anchors, score

    require("librosa", "a score")
    require("sklearn", "a score")
    check_has_audio(style)
    sources = [
        FileSource(path, role)
        for path, role in ((output, "output"), (content, "content"), (style, "style"))
    ]
    rate = sources[0].sample_rate
    clips = [
        resample(read_excerpt(source, MEASURED_SECONDS), source.sample_rate, rate)
        for source in sources[:2]
    ]
    target = read_pieces(sources[2], MEASURED_PIECES)
    clips.append(resample(target, sources[2].sample_rate, rate))
    for clip, source, least in zip(clips, sources, (1.0, 1.0, 2.0), strict=True):
        check_finite(clip, source.name, 0, rate)
        if clip.shape[1] < least * rate:
            raise InvalidAudioError(
                f"{source.name} lasts {clip.shape[1] / rate:.2f} seconds, scores need at least "
                f"{least:g}"
            )
    heard, original, target = clips
    wanted = AnalysedSound(target, rate)
    result = {"output": score(heard, original, wanted, rate)}
    if progress is not None:
        progress(0.3)
    result.update(anchors(original, wanted, rate))
    return result


def _figures(clips: Sequence[Waveform], style: FileSource, sample_rate: int) -> list[float | None]:
    """Distances of clips from a style. None for a clip that is too short to have one."""
    from astfx.metrics import AnalysedSound, panel

    length = round(MEASURED_SECONDS * sample_rate)
    target = resample(read_pieces(style, MEASURED_PIECES), style.sample_rate, sample_rate)
    wanted = AnalysedSound(target, sample_rate)
    found: list[float | None] = []
    for clip in clips:
        try:
            figures = panel(clip[:, :length], wanted, sample_rate, figures=(FIGURE,))
        except InvalidAudioError:
            found.append(None)
        else:
            found.append(figures[FIGURE])
    return found


def check_side_files(
    paths: Mapping[str, str], *, plot: Path | None = None, report: Path | None = None
) -> None:
    """Check that a picture and a report can be written, and replace none of the other files.

    Raises
    ------
    AudioFileError
        If a file cannot be written.
    MissingDependencyError
        If pictures cannot be drawn.
    InvalidSettingError
        If it would replace one of `paths` or the picture.
    """
    taken = {role: Path(path).absolute() for role, path in paths.items() if path != "-"}
    for role, path in (("picture", plot), ("report", report)):
        if path is None:
            continue
        if role == "picture":
            check_pictures()
        if role == "picture" and path.suffix.lower() not in PICTURES:
            raise AudioFileError(f"picture file '{path}' must end in {', '.join(PICTURES)}")
        folder = path.absolute().parent
        if not folder.is_dir():
            raise AudioFileError(f"{role} file '{path}': the folder '{folder}' does not exist")
        if path.is_dir():
            raise AudioFileError(f"{role} file '{path}' is a folder: name a file in it")
        for other, owner in taken.items():
            same = path.exists() and owner.exists() and path.samefile(owner)
            if same or path.absolute() == owner:
                raise InvalidSettingError(
                    f"{role} file '{path}' is the {other} file: write to another name"
                )
        taken[role] = path.absolute()
