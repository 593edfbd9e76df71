"""The commands of `astfx presets` that show presets: list, show, play, verify."""

from __future__ import annotations

import json
import sys
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from astfx.cli.preset_app import Name, Tags, app, resolved, words
from astfx.cli.session import Session, in_session
from astfx.errors import AstfxError, PresetError

if TYPE_CHECKING:
    from astfx.presets import Preset

_ROOM_FOR_TAGS = 120
_WHOLE_LINES = 1000
"""Width in characters where the output is not a terminal, but a file or another program."""

_LIST_EXAMPLES = """
Examples:

  astfx presets list

  astfx presets list --family water --tag sparse

  astfx presets list --search "tin roof"

  astfx presets list --similar-to rain
"""

_SHOW_EXAMPLES = """
Example:

  astfx presets show rain --plot rain.png
"""

_PLAY_EXAMPLES = """
Examples:

  astfx presets play rain

  astfx presets play rain -o rain-audition.wav
"""

_VERIFY_EXAMPLES = """
Examples:

  astfx presets verify                 (all presets)

  astfx presets verify storm.astfx
"""


@app.command("list", epilog=_LIST_EXAMPLES)
def list_presets(
    search: Annotated[
        str, typer.Option(help="Words to find in the name, family, tags or description.")
    ] = "",
    tag: Tags = None,
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
    wanted = words(tag)
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

        model = resolved(similar_to)
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
    """Print a line for each preset: by distance, if there are distances, or else by family."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console.width = _WHOLE_LINES
    rows = {
        name: [
            *([plain(f"{distances[name]:.1f} dB")] if distances else []),
            plain(name + (" (yours)" if name in own else "")),
            plain(preset.title),
            plain(preset.description),
            plain(" ".join(preset.tags)),
        ]
        for name, preset in found.items()
    }
    # The names and titles of all families are below each other, and never cut off.
    *kept, _, _ = zip(*rows.values(), strict=True)
    widths = [max(cell.cell_len for cell in column) for column in kept]
    families: dict[str, list[str]] = {}
    for name in found:
        families.setdefault("" if distances else found[name].family or "no family", []).append(name)
    for family, names in sorted(families.items()):
        table = Table.grid(padding=(0, 2, 0, 0))
        for width in widths:
            table.add_column(no_wrap=True, min_width=width)
        table.add_column(no_wrap=True, overflow="ellipsis")
        if console.width >= _ROOM_FOR_TAGS:
            table.add_column(no_wrap=True, overflow="ellipsis")
        for name in names:
            table.add_row(*rows[name][: len(table.columns)])
        if family:
            console.print(plain(family, style="bold"))
        console.print(table)


def _matches(preset: Preset, name: str, search: str, tags: tuple[str, ...], family: str) -> bool:
    texts = [name, preset.title, preset.family, *preset.tags, preset.description]
    text = unicodedata.normalize("NFKC", " ".join(texts)).casefold()
    return (
        all(word in text for word in unicodedata.normalize("NFKC", search).casefold().split())
        and set(tags) <= set(preset.tags)
        and family.lower() in preset.family.lower()
    )


def plain(text: str, style: str = "") -> Any:
    """Text for the terminal: words of a preset must not act as markup or control characters."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else " " for c in text), style)


@app.command(epilog=_SHOW_EXAMPLES)
def show(
    preset: Name,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw its spectral and modulation profile."),
    ] = None,
) -> None:
    """Print a preset's description, and draw its profile if --plot names a picture."""
    from astfx.presets.files import description_toml

    found = resolved(preset)
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


@app.command(epilog=_PLAY_EXAMPLES)
@in_session
def play(
    preset: Name,
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

    found = resolved(preset)
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
            found = Preset.load(target) if not files else resolved(target)
            print(f"ok  {target}: {found.label}")
        except AstfxError as error:
            failed.append(target)
            print(f"--  {error}", file=sys.stderr)
    if failed:
        raise PresetError(f"{len(failed)} of {len(targets)} presets cannot be used")
    shown = "1 preset is valid" if len(targets) == 1 else f"{len(targets)} presets are valid"
    print(f"{shown}. Next: astfx presets show NAME")
