"""The command `astfx presets`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from astfx.cli.session import Session, in_session
from astfx.errors import AstfxError, InvalidSettingError, PresetError

if TYPE_CHECKING:
    from astfx.presets import Preset

_EXAMPLES = """
Examples:

  astfx presets list --search bright

  astfx presets make rain.wav --name Rain

  astfx render voice.wav --style rain -o wet.wav
"""

app = typer.Typer(
    name="presets",
    help="Presets, which are styles with a name: list, make, blend, hear and share them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog=_EXAMPLES,
)

_LIST_EXAMPLES = """
Examples:

  astfx presets list

  astfx presets list --family water --tag calm

  astfx presets list --search "rain roof"
"""

_SHOW_EXAMPLES = """
Example:

  astfx presets show rain --plot rain.png
"""

_MAKE_EXAMPLES = """
Example:

  astfx presets make rain.wav --name "Rain on tin" --tag natural --licence CC0-1.0

It is saved as rain-on-tin, for `astfx render voice.wav --style rain-on-tin -o wet.wav`.
"""

_BLEND_EXAMPLES = """
Example:

  astfx presets blend rain=0.7 hail=0.3 --name storm
"""

_PLAY_EXAMPLES = """
Example:

  astfx presets play rain -o rain-audition.wav
"""

_SHARE_EXAMPLES = """
Examples:

  astfx presets export storm storm.astfx

  astfx presets import storm.astfx
"""

_VERIFY_EXAMPLES = """
Examples:

  astfx presets verify                 (all presets)

  astfx presets verify storm.astfx
"""

_Name = Annotated[str, typer.Argument(help="A preset's name or file.")]
_Replace = Annotated[bool, typer.Option("--replace", help="Replace what has that name.")]
_Author = Annotated[str, typer.Option(help="Who made it.")]
_Licence = Annotated[str, typer.Option(help="Its licence, such as CC0-1.0.")]
_Description = Annotated[str, typer.Option(help="What it sounds like, in a sentence or two.")]
_Family = Annotated[str, typer.Option(help="The kind of sound, such as water.")]
_Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag; repeatable.")]


@app.command("list", epilog=_LIST_EXAMPLES)
def list_presets(
    search: Annotated[
        str, typer.Option(help="Words to find in the name, family, tags or description.")
    ] = "",
    tag: _Tags = None,
    family: Annotated[str, typer.Option(help="Name of a family, or a part of it.")] = "",
) -> None:
    """List presets with their family and tags. Your own are marked."""
    from rich.console import Console
    from rich.table import Table

    from astfx.presets import Preset, paths, user_folder

    table = Table("name", "family", "tags", "description", box=None, padding=(0, 2, 0, 0))
    count = 0
    damaged = []
    for name, path in sorted(paths()):
        try:
            preset = Preset.load(path)
        except PresetError as error:
            damaged.append(str(error))
            continue
        if not _matches(preset, name, search, tag or [], family):
            continue
        count += 1
        own = " (yours)" if path.parent == user_folder() else ""
        table.add_row(
            _plain(name + own),
            _plain(preset.family),
            _plain(" ".join(preset.tags)),
            _plain(preset.description),
        )
    if count:
        Console().print(table)
    for problem in damaged:
        print(f"astfx: {problem}", file=sys.stderr)
    if not count:
        raise PresetError("no preset matches: `astfx presets list` shows all")


def _matches(preset: Preset, name: str, search: str, tags: list[str], family: str) -> bool:
    text = " ".join([name, preset.family, *preset.tags, preset.description]).lower()
    return (
        all(word in text for word in search.lower().split())
        and set(tags) <= set(preset.tags)
        and family.lower() in preset.family.lower()
    )


def _plain(text: str) -> Any:
    """Text for the terminal: words of a preset must not act as markup or control characters."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else " " for c in text))


@app.command(epilog=_SHOW_EXAMPLES)
def show(
    preset: _Name,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw its spectral and modulation profile."),
    ] = None,
) -> None:
    """Print a preset's description, and draw its profile if --plot names a picture."""
    from astfx.presets.files import description_toml

    found = _resolved(preset)
    if plot is not None:
        from astfx.cli import runs
        from astfx.report.preset_plots import draw_preset

        runs.check_side_files({"preset": preset}, plot=plot)
        draw_preset(plot, found)
    print(description_toml(found).strip())
    frames = len(found.tensors["frames"])
    kept = frames * found.grid.hop_length / found.grid.sample_rate
    drawn = "" if plot is None else f", picture {plot}"
    print(f"\n# {frames} frames ({kept:.1f} seconds){drawn}")


@app.command(epilog=_MAKE_EXAMPLES)
@in_session
def make(
    audio: Annotated[
        str, typer.Argument(help="The audio file; - reads a WAV from standard input.")
    ],
    name: Annotated[str, typer.Option(help="Its name: `Rain on tin` becomes rain-on-tin.")],
    author: _Author = "",
    licence: _Licence = "",
    description: _Description = "",
    family: _Family = "",
    tag: _Tags = None,
    replace: _Replace = False,
    *,
    session: Session,
) -> None:
    """Make a preset from a sound, and save it with your own presets."""
    from astfx.presets import Preset

    described = _description(name, author, licence, description, family, tag)
    _keep(Preset.from_audio(audio, **described), session, replace=replace)


@app.command(epilog=_BLEND_EXAMPLES)
@in_session
def blend(
    parts: Annotated[
        list[str], typer.Argument(metavar="NAME=WEIGHT...", help="Presets and their weights.")
    ],
    name: Annotated[str, typer.Option(help="Name of the new preset.")],
    author: _Author = "",
    licence: _Licence = "",
    description: _Description = "",
    family: _Family = "",
    tag: _Tags = None,
    replace: _Replace = False,
    *,
    session: Session,
) -> None:
    """Blend presets by weight, and save the result with your own presets."""
    from astfx.presets import Preset

    described = _description(name, author, licence, description, family, tag)
    weights: dict[Preset, float] = {}
    named: set[str] = set()
    for part in parts:
        key, _, text = part.rpartition("=")
        try:
            weight = float(text)
        except ValueError:
            weight = -1.0
        if not key or not weight > 0.0:
            raise InvalidSettingError(f"{part!r} must look like rain=0.7, with a weight above 0")
        if key in named:
            raise InvalidSettingError(f"{key!r} is given twice: add its weights up")
        named.add(key)
        weights[_resolved(key)] = weight
    _keep(Preset.blend(weights, **described), session, replace=replace)


@app.command(epilog=_PLAY_EXAMPLES)
@in_session
def play(
    preset: _Name,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="The file to write. Its suffix is the format; - writes a WAV to standard output.",
        ),
    ],
    quality: Annotated[
        str | None, typer.Option(help="draft, standard or best; default: the preset's.")
    ] = None,
    *,
    session: Session,
) -> None:
    """Write an audition of a preset: a short plucked melody in its style."""
    from astfx.cli.runs import write_audition

    found = _resolved(preset)
    session.will_write(output)
    with session.progress("stylising") as move:
        report = write_audition(found, output, quality, progress=move)
    session.say(
        f"{output}: a melody in the style of {found.name}, {report.audio_seconds:.1f} s in "
        f"{report.seconds['total']:.2f} s",
        to_stderr=output == "-",
    )


@app.command(epilog=_SHARE_EXAMPLES)
@in_session
def export(
    preset: _Name,
    file: Annotated[
        Path, typer.Argument(help="The .astfx file to write, or a .toml for a pair of files.")
    ],
    replace: _Replace = False,
    *,
    session: Session,
) -> None:
    """Write a preset to a file, to share it."""
    from astfx.presets.files import written_files

    found = _resolved(preset)
    for path in written_files(file):
        if path.exists() and not replace:
            raise PresetError(f"preset file '{path}' exists: name another or pass --replace")
    found.save(file)
    names = " and ".join(str(path) for path in written_files(file))
    size = sum(path.stat().st_size for path in written_files(file)) / 1e3
    session.say(f"{names}: {found.name}, {size:.0f} kB, for `astfx presets import {file}`")


@app.command("import", epilog=_SHARE_EXAMPLES)
@in_session
def import_(
    file: Annotated[
        Path, typer.Argument(help="The .astfx file to read, or the .toml of a pair of files.")
    ],
    replace: _Replace = False,
    *,
    session: Session,
) -> None:
    """Check a preset's file, and save the preset with your own presets."""
    from astfx.presets import Preset

    _keep(Preset.load(file), session, replace=replace)


@app.command(epilog=_VERIFY_EXAMPLES)
def verify(
    files: Annotated[list[str] | None, typer.Argument(help="Files or names; default: all.")] = None,
) -> None:
    """Check the hashes, shapes, ranges and names of presets."""
    from astfx.presets import Preset, paths

    failed = []
    targets = list(files) if files else [str(path) for _, path in sorted(paths())]
    for target in targets:
        try:
            found = Preset.load(target) if not files else _resolved(target)
            print(f"ok  {target}: {found.name}")
        except AstfxError as error:
            failed.append(target)
            print(f"--  {error}", file=sys.stderr)
    if failed:
        raise PresetError(f"{len(failed)} of {len(targets)} presets cannot be used")
    print("1 preset is valid" if len(targets) == 1 else f"{len(targets)} presets are valid")


def _resolved(style: str) -> Preset:
    from astfx.presets import resolve
    from astfx.presets.naming import check_name

    found = resolve(style)
    if found is None:
        check_name(style)
        raise PresetError(f"'{style}' is a file, but not a preset")
    return found


def _description(
    title: str, author: str, licence: str, description: str, family: str, tags: list[str] | None
) -> dict[str, Any]:
    from astfx.presets.naming import name_of

    return {
        "name": name_of(title),
        "author": author,
        "licence": licence,
        "description": description,
        "family": family,
        "tags": tuple(tags or ()),
    }


def _keep(preset: Preset, session: Session, *, replace: bool) -> None:
    from astfx.presets import factory_folder, keep

    path = keep(preset, replace=replace)
    if (factory_folder() / f"{preset.name}.toml").is_file():
        session.say(f"{preset.name} now means your preset, not the one that came with astfx")
    size = path.stat().st_size / 1e3
    session.say(f"{path}: {size:.0f} kB, for `astfx render FILE --style {preset.name} -o OUT`")
