"""The parts of a preset that its files contain, with their checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from astfx.errors import PresetError
from astfx.frontends.grid import Grid
from astfx.presets.checks import check_settings
from astfx.presets.naming import check_name, check_title

_TEXT_LIMIT = 4000


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PresetParts:
    """The parts of a preset, as its files contain them.

    Attributes
    ----------
    name : str
        Lower-case letters, digits and hyphens.
    title : str
        The name as a person writes it, in any script. "" stands for the name itself.
    author, licence, description, family : str
    tags : tuple of str
    settings : mapping
        Defaults for `astfx.StyleTransfer` and renders: strength, mix, quality, engine, options.
    provenance : mapping
        source_sha256, sample_rate (Hz), seconds, astfx_version; or the parents of a blend.
    grid : Grid
        Time-frequency grid of the frames.
    tensors : mapping of str to Tensor
        See `astfx.presets.tensors`.
    """

    name: str
    tensors: Mapping[str, Tensor]
    grid: Grid
    title: str = ""
    author: str = ""
    licence: str = ""
    description: str = ""
    family: str = ""
    tags: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.title != "":
            object.__setattr__(self, "title", check_title(self.title))
        for key in ("author", "licence", "description", "family"):
            value = getattr(self, key)
            if not isinstance(value, str) or len(value) > _TEXT_LIMIT:
                raise PresetError(f"{key}={value!r} must be text of up to {_TEXT_LIMIT} characters")
        if not all(isinstance(tag, str) and len(tag) <= 64 for tag in self.tags):
            raise PresetError(f"tags={self.tags!r} must be words of up to 64 characters")
        for key in ("settings", "provenance"):
            if not isinstance(getattr(self, key), Mapping):
                raise PresetError(f"{key}={getattr(self, key)!r} must be a mapping")
        check_settings(self.settings)

    @property
    def label(self) -> str:
        """What people call it: its title, or its name if it has none."""
        return self.title or self.name
