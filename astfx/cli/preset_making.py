"""The commands of `astfx presets` that change your own: make, blend, edit, rename, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from astfx.cli.preset_app import Name, Replace, Tags, app, complete, resolved, save, words
from astfx.cli.session import Session, in_session
from astfx.cli.setting_options import given_settings, takes_settings
from astfx.errors import InvalidSettingError

if TYPE_CHECKING:
    from astfx.presets import Preset

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

_NewText = Annotated[str | None, typer.Option(help="A new text instead of the present one.")]
_Author = Annotated[str, typer.Option(help="Who made it.")]
_Licence = Annotated[str, typer.Option(help="Its licence, such as CC0-1.0.")]
_Description = Annotated[str, typer.Option(help="What it sounds like, in a sentence or two.")]
_Family = Annotated[str, typer.Option(help="The kind of sound, such as water.")]
_SETTINGS = ("strength", "timbre", "texture", "keep_pitch", "mix", "mix_law", "quality", "options")
"""Settings that a preset may carry as its defaults."""


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
    tag: Tags = None,
    replace: Replace = False,
    *,
    session: Session,
    **values: Any,
) -> None:
    """Make a preset from a sound, and save it with your own presets."""
    from astfx.presets import Preset

    described = _description(name, author, licence, description, family, tag)
    described["settings"] = _chosen(values)
    save(Preset.from_audio(audio, **described), session, replace=replace)


@app.command(epilog=_BLEND_EXAMPLES)
@in_session
@takes_settings(*_SETTINGS)
def blend(
    parts: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=WEIGHT...",
            help="Presets and their weights.",
            autocompletion=lambda incomplete: [f"{name}=" for name in complete(incomplete)],
        ),
    ],
    name: Annotated[str, typer.Option(help="Name of the new preset.")],
    author: _Author = "",
    licence: _Licence = "",
    description: _Description = "",
    family: _Family = "",
    tag: Tags = None,
    replace: Replace = False,
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
        weights[resolved(key)] = weight
    save(Preset.blend(weights, **described), session, replace=replace)


@app.command(epilog=_EDIT_EXAMPLES)
@in_session
@takes_settings(*_SETTINGS)
def edit(
    preset: Name,
    author: _NewText = None,
    licence: _NewText = None,
    description: _NewText = None,
    family: _NewText = None,
    tag: Tags = None,
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
        "tags": None if tag is None else words(tag),
    }
    changes: dict[str, Any] = {key: text for key, text in texts.items() if text is not None}
    found = resolved(preset)
    settings = _chosen(values)
    if not changes and not settings:
        raise InvalidSettingError("nothing to change: name an option, such as --description")
    changes["settings"] = {**found.settings, **settings}
    save(replace(found, **changes), session, replace=True)


@app.command(epilog=_RENAME_EXAMPLES)
@in_session
def rename(
    preset: Name,
    name: Annotated[str, typer.Argument(metavar="NEW-NAME", help="Its new name.")],
    replace: Replace = False,
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
        "tags": words(tags),
    }


def _chosen(values: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, as a preset holds them."""
    given = {key: value for key, value in given_settings(values).items() if value is not None}
    if "options" in given:
        options = given["options"].items()
        given["options"] = {k: list(v) if isinstance(v, tuple) else v for k, v in options}
    return given
