"""The command line. Commands import torch and other slow packages only when they run."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from astfx.cli import interrupts
from astfx.cli import methods as cli_methods
from astfx.cli import presets as cli_presets
from astfx.cli import tables as cli_tables
from astfx.cli.plugins import Commands
from astfx.cli.session import Session, in_session
from astfx.cli.setting_options import given_settings, takes_settings
from astfx.cli.tables import AsJson, print_json
from astfx.errors import AstfxError, CancelledError, InvalidSettingError
from astfx.runtime.exit import skip_last_collection

app = typer.Typer(
    name="astfx",
    cls=Commands,
    help="Any sound as an effect: the first sound in the texture of the second.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(cli_presets.app)

CALLERS_MISTAKE, INTERRUPTED = 2, 130


def _show_version(wanted: bool) -> None:
    if wanted:
        from astfx.runtime.versions import __version__

        print(f"astfx {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Any sound as an effect: the first sound in the texture of the second."""


_RENDER_EXAMPLES = """
Examples:

  astfx render voice.wav --style rain.flac -o wet-voice.wav

  astfx render song.mp3 -s glass.wav -o out.wav --strength 0.6 --plot out.png

  astfx render voice.wav --style rain -o out.wav     (a preset: astfx presets list)

  astfx render *.wav -s rain -o wet/

  astfx render song.flac -s glass -o preview.mp3 --start 60 --seconds 8 --quality draft

  sox in.wav -t wav - | astfx render - --style rain.wav -o - | play -
"""

_SCORE_EXAMPLES = """
Example:

  astfx score wet.wav --content voice.wav --style rain.flac

The columns are the output and three anchors: the content as it is, the style as
it is, and one half of the style scored against the other half, which is about as
near to a style as a sound can get. The first five figures are distances to the
style that no method optimises; lower is closer.
`help(astfx.metrics)` in Python explains each figure.
"""


def entry() -> None:
    """Entry point of the program: run `main`, and hide what C libraries print to standard error.

    The MP3 decoder, for example, prints a line across the progress bar for each faulty frame.
    ASTFX_DEBUG=1 shows such lines.
    """
    if not os.environ.get("ASTFX_DEBUG"):
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)
    skip_last_collection()
    main()


def main() -> None:
    """Run the command line. Every expected failure prints one sentence and sets an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal of another encoding shows a question mark for a character that it lacks.
        sys.stdout.reconfigure(errors="replace")
    code = _run()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        code = _failed_file(error) or code
    if code:
        sys.exit(code)


def _run() -> int:
    """Run a command, and return its exit code."""
    with interrupts.remembered():
        try:
            return _code_of_app()
        except Exception:
            if not interrupts.came():
                raise
            return _failed("interrupted: nothing was written", INTERRUPTED)


def _code_of_app() -> int:
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return _failed("interrupted: nothing was written", INTERRUPTED)
    except CancelledError as error:
        return _failed(str(error), INTERRUPTED)
    except AstfxError as error:
        return _failed(str(error), CALLERS_MISTAKE)
    except OSError as error:
        return _failed_file(error)
    except RuntimeError as error:
        if "home directory" not in str(error):
            raise
        return _failed("the user has no home folder: set the variable HOME to one", CALLERS_MISTAKE)
    return 0


def _failed(message: str, code: int) -> int:
    print(f"astfx: {message}", file=sys.stderr)
    return code


def _failed_file(error: OSError) -> int:
    """Report a file that the system refuses, or standard output if the error names no file."""
    reason = error.strerror or str(error)
    if error.filename:
        return _failed(f"'{error.filename}': {reason}", CALLERS_MISTAKE)
    # What is left in the buffer cannot be written either.
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it lives as long as the process
    with suppress(OSError):
        os.dup2(sys.stdout.fileno(), 1)
    if error.errno == errno.EPIPE:  # the reader has seen enough
        return 0
    return _failed(f"standard output cannot be written ({reason})", CALLERS_MISTAKE)


@app.command(epilog=_RENDER_EXAMPLES)
@in_session
@takes_settings(recipe=True)
def render(
    contents: Annotated[
        list[str],
        typer.Argument(
            metavar="CONTENT...",
            help="The audio files to transform; - reads a WAV from standard input.",
        ),
    ],
    style: Annotated[
        str,
        typer.Option(
            "--style",
            "-s",
            help="The sound to imitate: an audio file, a preset or a prepared style.",
            autocompletion=cli_presets.complete,
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="The file to write, whose suffix is the format, or a folder for several files; "
            "- writes a WAV to standard output.",
        ),
    ],
    start: Annotated[
        float, typer.Option(metavar="SECONDS", help="Where to begin in the content.")
    ] = 0.0,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="How much to render; default: to the end."),
    ] = None,
    sample_rate: Annotated[
        int | None,
        typer.Option(metavar="HZ", help="Sample rate of the output; default: the content's."),
    ] = None,
    float_samples: Annotated[
        bool, typer.Option("--float", help="Write float samples instead of 24 bit.")
    ] = False,
    peak: Annotated[
        str,
        typer.Option(
            help="What to do above full scale, except with --float: limit peaks, scale (turn all "
            "of it down) or clip."
        ),
    ] = "limit",
    bitrate: Annotated[
        float | None,
        typer.Option(metavar="KBPS", help="Bitrate of mp3, ogg, opus and m4a files, in kbit/s."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw spectrograms and the loss into this picture."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="Write settings, losses and timings to this file."),
    ] = None,
    *,
    session: Session,
    **values: Any,
) -> None:
    """Render CONTENT in the texture of another sound."""
    from astfx.cli import batch, runs
    from astfx.settings import make_settings

    planned = batch.plan(contents, output)
    jobs = planned.jobs
    if len(jobs) > 1 and plot is not None:
        raise InvalidSettingError(f"--plot draws one render: name one content, not {len(jobs)}")
    paths = {"output": output, "content": contents[0], "style": style}
    runs.check_side_files(paths, plot=plot, report=report)
    found = runs.style_of(style)
    settings = make_settings(found.settings, **given_settings(values))
    form = runs.Form(
        float_samples=float_samples,
        peak=peak,
        start_seconds=start,
        seconds=seconds,
        sample_rate=sample_rate,
        bitrate_kbps=bitrate,
    )
    session.will_write(*(job.output for job in jobs), *filter(None, (plot, report)))
    planned.make_folder()
    results: dict[str, runs.Measured] = {}
    failed = 0
    for job in jobs:
        try:
            with session.progress("stylising") as move:
                result = runs.render_and_measure(
                    job, found, settings, form, plot=plot, progress=move
                )
        except AstfxError as error:
            if len(jobs) == 1 or isinstance(error, CancelledError):
                raise
            failed += 1
            print(f"astfx: {error}", file=sys.stderr)
            continue
        results[job.output] = result
        session.say(result.summary(), to_stderr=job.output == "-")
        if len(jobs) == 1:
            session.say(result.closing(plot), to_stderr=job.output == "-")
    if report is not None and results:
        reports = {path: result.to_dict() for path, result in results.items()}
        _write_json(report, reports if len(jobs) > 1 else next(iter(reports.values())))
    if failed:
        rest = f"; the others are in '{output}'" if failed < len(jobs) else ""
        raise AstfxError(f"{failed} of {len(jobs)} files could not be rendered{rest}")
    if len(jobs) > 1:
        session.say(
            f"{output}: {len(jobs)} files in the style of {style}. Next: listen to them; "
            "--strength 0.6 keeps more of the contents"
        )


@app.command()
@in_session
@takes_settings("method", "options", "window_ms", "seed", "device", "threads", recipe=True)
def prepare(
    style: Annotated[str, typer.Argument(help="The sound to imitate: an audio file or a preset.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.")],
    sample_rate: Annotated[
        int, typer.Option(help="Sample rate of the content to render later, in Hz.")
    ] = 44100,
    *,
    session: Session,
    **values: Any,
) -> None:
    """Prepare a style once for many renders, and save it to a file."""
    if output.suffix != ".safetensors":
        raise InvalidSettingError(f"style file '{output}' must end in .safetensors")
    from astfx.api import prepare_style
    from astfx.settings import make_settings

    settings = make_settings({}, **given_settings(values))
    session.will_write(output)
    with session.progress("preparing") as move:
        prepare_style(style, sample_rate, settings=settings, progress=move).save(output)
    size = output.stat().st_size / 1e6
    session.say(
        f"{output}: style prepared for {settings.method} at {sample_rate} Hz, {size:.1f} MB, for "
        f"`astfx render FILE --style {output} -o OUT`"
    )


@app.command()
@in_session
def demo(
    folder: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = Path(
        "demo"
    ),
    *,
    session: Session,
) -> None:
    """Synthesise a melody and rain, render one in the texture of the other, and draw it."""
    from astfx.cli import runs
    from astfx.cli.batch import Job
    from astfx.demo import example_paths, write_example
    from astfx.runtime.extras import OPTIONAL, is_installed
    from astfx.settings import Settings
    from astfx.styles.style import Style

    output = folder / "result.wav"
    plot = folder / "result.png" if is_installed("matplotlib") else None
    session.will_write(*example_paths(folder), output, *filter(None, [plot]))
    content, style = write_example(folder)
    with session.progress("stylising") as move:
        result = runs.render_and_measure(
            Job(str(content), str(output)), Style.of(style), Settings(), plot=plot, progress=move
        )
    session.say(result.summary())
    session.say(f"content  {content}\nstyle    {style}\nresult   {output}")
    session.say(f"picture  {plot or 'none: ' + OPTIONAL['matplotlib'].remedy}")
    session.say(f"Listen to {output}. Next: astfx render YOUR-FILE --style rain -o wet.wav")


@app.command(epilog=_SCORE_EXAMPLES)
@in_session
def score(
    output: Annotated[str, typer.Argument(help="The audio file to score.")],
    content: Annotated[
        str, typer.Option("--content", "-c", help="The audio file that it was made from.")
    ],
    style: Annotated[str, typer.Option("--style", "-s", help="The audio file that it imitates.")],
    as_json: AsJson = False,
    *,
    session: Session,
) -> None:
    """Score audio beside its anchors: how near the style, how much of the content is kept."""
    from astfx.cli.runs import score_files

    with session.progress("scoring") as move:
        scores = score_files(output, content, style, progress=move)
    if as_json:
        print_json(
            {
                column: {name: None if math.isnan(v) else v for name, v in figures.items()}
                for column, figures in scores.items()
            }
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", *scores, box=None, padding=(0, 2, 0, 0))
    for figure in scores["output"]:
        values = (scores[column][figure] for column in scores)
        table.add_row(figure, *("-" if math.isnan(v) else f"{v:.4g}" for v in values))
    Console().print(table)
    session.say(
        f"\nIn the first five rows, lower is nearer to {style}; floor is about as near as a sound "
        "can get. Next: astfx score --help explains the columns"
    )


def _write_json(path: Path, data: dict[str, Any]) -> None:
    """Write JSON to a file, under a temporary name until it is complete."""
    from astfx.runtime.files import written_aside

    with written_aside(path) as part:
        part.write_text(json.dumps(data, indent=2) + "\n")


cli_methods.register(app)
cli_tables.register(app)

if __name__ == "__main__":
    entry()
