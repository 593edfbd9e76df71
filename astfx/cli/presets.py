"""The command `astfx presets`."""

from __future__ import annotations

import json
import sys
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from astfx.cli.session import Session, in_session
from astfx.cli.setting_options import given_settings, takes_settings
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

  astfx presets list --similar-to rain
"""

_SHOW_EXAMPLES = """
Example:

  astfx presets show rain --plot rain.png
"""

_MAKE_EXAMPLES = """
Examples:

  astfx presets make rain.wav --name "Rain on tin" --tags natural,wet --licence CC0-1.0

  astfx presets make door.wav --name Door --strength 0.8 --mix 0.9

It is saved as rain-on-tin, for `astfx render voice.wav --style rain-on-tin -o wet.wav`.
"""

_BLEND_EXAMPLES = """
Example:

  astfx presets blend rain=0.7 hail=0.3 --name storm
"""

_PLAY_EXAMPLES = """
Examples:

  astfx presets play rain

  astfx presets play rain -o rain-audition.wav
"""

_SHARE_EXAMPLES = """
Examples:

  astfx presets export storm storm.astfx

  astfx presets import storm.astfx

  astfx presets import presets-of-a-friend/
"""

_EDIT_EXAMPLES = """
Example:

  astfx presets edit storm --tags wet,loud --strength 0.8 --mix 0.9

A preset that came with astfx is copied to your own, with the changes.
"""

_RENAME_EXAMPLES = """
Example:

  astfx presets rename storm "Winter storm"
"""

_REMOVE_EXAMPLES = """
Example:

  astfx presets remove storm winter-storm
"""


def complete(incomplete: str) -> list[str]:
    """Names of presets that begin like an incomplete word, for the shell."""
    from astfx.presets import names

    return [name for name in names() if name.startswith(incomplete.casefold())]


_VERIFY_EXAMPLES = """
Examples:

  astfx presets verify                 (all presets)

  astfx presets verify storm.astfx
"""

_Name = Annotated[str, typer.Argument(help="A preset's name or file.", autocompletion=complete)]
_Replace = Annotated[bool, typer.Option("--replace", help="Replace what has that name.")]
_NewText = Annotated[str | None, typer.Option(help="A new text instead of the present one.")]
_Author = Annotated[str, typer.Option(help="Who made it.")]
_Licence = Annotated[str, typer.Option(help="Its licence, such as CC0-1.0.")]
_Description = Annotated[str, typer.Option(help="What it sounds like, in a sentence or two.")]
_Family = Annotated[str, typer.Option(help="The kind of sound, such as water.")]
_Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", "--tags", help="A tag, or several separated by commas; repeatable."),
]
_SETTINGS = ("strength", "timbre", "texture", "keep_pitch", "mix", "quality", "options")
"""Settings that a preset may carry as its defaults."""


@app.command("list", epilog=_LIST_EXAMPLES)
def list_presets(
    search: Annotated[
        str, typer.Option(help="Words to find in the name, family, tags or description.")
    ] = "",
    tag: _Tags = None,
    family: Annotated[str, typer.Option(help="Name of a family, or a part of it.")] = "",
    similar_to: Annotated[
        str, typer.Option(metavar="PRESET", help="Show the presets nearest to this one first.")
    ] = "",
    names: Annotated[bool, typer.Option("--names", help="Print names only, one a line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List presets with their family and tags. Your own are marked."""
    from astfx.presets import Preset, paths, user_folder

    found: dict[str, Preset] = {}
    own: set[str] = set()
    damaged = []
    wanted = _words(tag)
    for name, path in sorted(paths()):
        try:
            preset = Preset.load(path)
        except PresetError as error:
            damaged.append(str(error))
            continue
        if _matches(preset, name, search, wanted, family):
            found[name] = preset
            own |= {name} if path.parent == user_folder() else set()
    distances: dict[str, float] = {}
    if similar_to:
        from astfx.presets.likeness import by_likeness

        model = _resolved(similar_to)
        keys = {id(preset): name for name, preset in found.items()}
        ranked = by_likeness(model, (p for n, p in found.items() if n != model.name))
        distances = {keys[id(preset)]: distance for distance, preset in ranked}
        found = {name: found[name] for name in distances}
    for problem in damaged:
        print(f"astfx: {problem}", file=sys.stderr)
    if not found:
        raise PresetError("no preset matches: `astfx presets list` shows all")
    if names:
        print("\n".join(found))
    elif as_json:
        rows = [_row(name, found[name], name in own, distances.get(name)) for name in found]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        _print_table(found, own, distances)
        count = "1 preset" if len(found) == 1 else f"{len(found)} presets"
        print(f"\n{count}. Next: astfx render FILE --style NAME -o OUT")


def _row(name: str, preset: Preset, own: bool, distance: float | None) -> dict[str, Any]:
    row = {
        "name": name,
        "title": preset.label,
        "own": own,
        "family": preset.family,
        "tags": list(preset.tags),
        "description": preset.description,
        "author": preset.author,
        "licence": preset.licence,
        "settings": dict(preset.settings),
    }
    return row if distance is None else {**row, "distance_db": distance}


def _print_table(found: dict[str, Preset], own: set[str], distances: dict[str, float]) -> None:
    from rich.console import Console
    from rich.table import Table

    first = ["distance (dB)"] if distances else []
    headings = [*first, "name", "title", "family", "tags", "description"]
    table = Table(*headings, box=None, padding=(0, 2, 0, 0))
    for name, preset in found.items():
        table.add_row(
            *([f"{distances[name]:.1f}"] if distances else []),
            _plain(name + (" (yours)" if name in own else "")),
            _plain(preset.title),
            _plain(preset.family),
            _plain(" ".join(preset.tags)),
            _plain(preset.description),
        )
    Console().print(table)


def _words(tags: list[str] | None) -> tuple[str, ...]:
    """Tags as they were given: each a tag, or several separated by commas."""
    parts = (part.strip() for text in tags or () for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _matches(preset: Preset, name: str, search: str, tags: tuple[str, ...], family: str) -> bool:
    texts = [name, preset.title, preset.family, *preset.tags, preset.description]
    text = unicodedata.normalize("NFKC", " ".join(texts)).casefold()
    return (
        all(word in text for word in unicodedata.normalize("NFKC", search).casefold().split())
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
    print(
        f"\n# {frames} frames ({kept:.1f} seconds){drawn}, for "
        f"`astfx render FILE --style {found.name} -o OUT`"
    )


@app.command(epilog=_MAKE_EXAMPLES)
@in_session
@takes_settings(*_SETTINGS)
def make(
    audio: Annotated[
        str, typer.Argument(help="The audio file; - reads a WAV from standard input.")
    ],
    name: Annotated[
        str,
        typer.Option(help="Its name in any script; `Rain on tin` can be used as rain-on-tin, too."),
    ],
    author: _Author = "",
    licence: _Licence = "",
    description: _Description = "",
    family: _Family = "",
    tag: _Tags = None,
    replace: _Replace = False,
    *,
    session: Session,
    **values: Any,
) -> None:
    """Make a preset from a sound, and save it with your own presets."""
    from astfx.presets import Preset

    described = _description(name, author, licence, description, family, tag)
    described["settings"] = _chosen(values)
    _keep(Preset.from_audio(audio, **described), session, replace=replace)


@app.command(epilog=_BLEND_EXAMPLES)
@in_session
@takes_settings(*_SETTINGS)
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
    **values: Any,
) -> None:
    """Blend presets by weight, and save the result with your own presets."""
    from astfx.presets import Preset

    described = _description(name, author, licence, description, family, tag)
    described["settings"] = _chosen(values)
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
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Write this file instead of playing; - writes a WAV to standard output.",
        ),
    ] = None,
    quality: Annotated[
        str | None, typer.Option(help="draft, standard or best; default: the preset's.")
    ] = None,
    *,
    session: Session,
) -> None:
    """Play an audition of a preset, a short plucked melody in its style, or write it to a file."""
    from astfx.cli import playing
    from astfx.cli.runs import write_audition

    found = _resolved(preset)
    if output is None:
        playing.check_player()
    else:
        session.will_write(output)
    with tempfile.TemporaryDirectory(prefix="astfx-") as folder:
        target = output or str(Path(folder) / "audition.wav")
        with session.progress("stylising") as move:
            report = write_audition(found, target, quality, progress=move)
        session.say(
            f"{output or 'playing'}: a melody in the style of {found.label}, "
            f"{report.audio_seconds:.1f} s in {report.seconds['total']:.2f} s. Next: "
            f"astfx render FILE --style {found.name} -o OUT",
            to_stderr=output == "-",
        )
        if output is None:
            playing.play(Path(target))


@app.command(epilog=_EDIT_EXAMPLES)
@in_session
@takes_settings(*_SETTINGS)
def edit(
    preset: _Name,
    author: _NewText = None,
    licence: _NewText = None,
    description: _NewText = None,
    family: _NewText = None,
    tag: _Tags = None,
    *,
    session: Session,
    **values: Any,
) -> None:
    """Change the description, tags or settings of a preset, and save it with your own presets."""
    from dataclasses import replace

    texts = {
        "author": author,
        "licence": licence,
        "description": description,
        "family": family,
        "tags": None if tag is None else _words(tag),
    }
    changes: dict[str, Any] = {key: text for key, text in texts.items() if text is not None}
    found = _resolved(preset)
    settings = _chosen(values)
    if not changes and not settings:
        raise InvalidSettingError("nothing to change: name an option, such as --description")
    changes["settings"] = {**found.settings, **settings}
    _keep(replace(found, **changes), session, replace=True)


@app.command(epilog=_RENAME_EXAMPLES)
@in_session
def rename(
    preset: _Name,
    name: Annotated[str, typer.Argument(metavar="NEW-NAME", help="Its new name.")],
    replace: _Replace = False,
    *,
    session: Session,
) -> None:
    """Give one of your presets another name."""
    from astfx import presets

    path = presets.rename(preset, name, replace=replace)
    session.say(f"{path}: for `astfx render FILE --style {path.stem} -o OUT`")


@app.command(epilog=_REMOVE_EXAMPLES)
@in_session
def remove(
    names: Annotated[
        list[str],
        typer.Argument(metavar="PRESET...", help="Names of your presets.", autocompletion=complete),
    ],
    *,
    session: Session,
) -> None:
    """Delete presets of your own. Those that came with astfx cannot be deleted."""
    from astfx import presets
    from astfx.presets.library import own_path

    for name in names:
        own_path(name)  # refuses, before anything is deleted
    for name in names:
        for path in presets.remove(name):
            session.say(f"{path}: deleted")
    session.say(f"{', '.join(names)} deleted. Next: `astfx presets list` shows the others")


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
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="The .astfx files to read, the .toml of pairs of files, or folders of them.",
        ),
    ],
    replace: _Replace = False,
    *,
    session: Session,
) -> None:
    """Check files of presets, and save the presets with your own."""
    from astfx.presets import Preset

    # All files are read before the first preset is saved.
    for preset in [Preset.load(path) for path in _preset_files(files)]:
        _keep(preset, session, replace=replace)


def _preset_files(given: list[Path]) -> list[Path]:
    """The files of presets that are named, and those in the folders that are named."""
    from astfx.presets.folders import SUFFIXES

    found: list[Path] = []
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and p.is_file())
        if not inside:
            raise PresetError(f"folder '{path}' holds no preset: its files must end in .astfx")
        found += inside
    return found


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
            print(f"ok  {target}: {found.label}")
        except AstfxError as error:
            failed.append(target)
            print(f"--  {error}", file=sys.stderr)
    if failed:
        raise PresetError(f"{len(failed)} of {len(targets)} presets cannot be used")
    print("1 preset is valid" if len(targets) == 1 else f"{len(targets)} presets are valid")


def _resolved(style: str) -> Preset:
    from astfx.presets import find, resolve

    found = resolve(style)
    if found is None and not Path(style).exists():
        return find(style)
    if found is None:
        raise PresetError(f"'{style}' is a file, but not a preset")
    return found


def _description(
    title: str, author: str, licence: str, description: str, family: str, tags: list[str] | None
) -> dict[str, Any]:
    from astfx.presets.library import name_for

    name = name_for(title)
    return {
        "name": name,
        "title": "" if title == name else title,
        "author": author,
        "licence": licence,
        "description": description,
        "family": family,
        "tags": _words(tags),
    }


def _chosen(values: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, as a preset holds them."""
    given = {key: value for key, value in given_settings(values).items() if value is not None}
    if "options" in given:
        options = given["options"].items()
        given["options"] = {k: list(v) if isinstance(v, tuple) else v for k, v in options}
    return given


def _keep(preset: Preset, session: Session, *, replace: bool) -> None:
    from astfx.presets import factory_folder, keep

    path = keep(preset, replace=replace)
    if (factory_folder() / f"{preset.name}.toml").is_file():
        session.say(f"{preset.name} now means your preset, not the one that came with astfx")
    size = path.stat().st_size / 1e3
    called = f"{preset.title}, " if preset.title else ""
    session.say(
        f"{path}: {called}{size:.0f} kB, for `astfx render FILE --style {preset.name} -o OUT`"
    )
