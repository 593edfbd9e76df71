"""The targets of a style: what a method needs of it, computed once, saved and loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from astfx.errors import AudioFileNotFoundError, InvalidSettingError, TargetFileError
from astfx.frontends.grid import Grid
from astfx.methods import METHODS
from astfx.plan import RenderPlan
from astfx.runtime import tensor_files
from astfx.settings import make_options
from astfx.styles.analysis import check_envelopes, check_live, check_texture

SUFFIX = ".safetensors"
FORMAT_VERSION = 3
_METADATA_KEY = "astfx-style"


@dataclass(frozen=True, kw_only=True, repr=False)
class StyleTargets:
    """The targets of a style: what one method keeps of it, for one sample rate.

    Attributes
    ----------
    method : str
    options : mapping
        The method's options that the targets were prepared with.
    grid : Grid
    seed : int
    tensors : mapping of str to Tensor
    name : str
        The file, preset or array that the targets were prepared from.
    """

    method: str
    options: Mapping[str, Any]
    grid: Grid
    seed: int
    tensors: Mapping[str, Tensor]
    name: str

    def __repr__(self) -> str:
        size = sum(tensor.nbytes for tensor in self.tensors.values()) / 1e6
        return (
            f"<astfx.StyleTargets of {self.name!r} for method {self.method!r} at "
            f"{self.grid.sample_rate} Hz, {size:.1f} MB>"
        )

    def to(self, device: torch.device) -> StyleTargets:
        """Return the same targets with their tensors on a device."""
        tensors = {key: tensor.to(device) for key, tensor in self.tensors.items()}
        return StyleTargets(**{**self.__dict__, "tensors": tensors})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, under a temporary name that is then renamed.

        Raises
        ------
        AudioFileError
            If the file cannot be written.
        """
        description = {
            "version": FORMAT_VERSION,
            "method": self.method,
            "options": dict(self.options),
            "grid": asdict(self.grid),
            "seed": self.seed,
            "name": self.name,
        }
        metadata = {_METADATA_KEY: json.dumps(description, sort_keys=True)}
        tensor_files.save(Path(path), self.tensors, metadata)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> StyleTargets:
        """Read a file that `save` wrote.

        Raises
        ------
        AudioFileNotFoundError
            If there is no such file.
        TargetFileError
            If the file is damaged, was not written by astfx or was written by a newer version, or
            if it does not fit its method.
        """
        source = Path(path)
        if not source.is_file():
            raise AudioFileNotFoundError(f"style file '{source}' does not exist")
        try:
            tensors, metadata = tensor_files.load(source)
        except (OSError, ValueError) as error:
            raise TargetFileError(
                f"style file '{source}' is damaged or not a style file ({error})"
            ) from None
        if _METADATA_KEY not in metadata:
            raise TargetFileError(f"style file '{source}' was not written by astfx")
        try:
            description = json.loads(metadata[_METADATA_KEY])
            version = int(description["version"])
            if version > FORMAT_VERSION:
                raise TargetFileError(
                    f"style file '{source}' has version {version}, newer than the version "
                    f"{FORMAT_VERSION} that this astfx reads: update astfx"
                )
            method = METHODS[description["method"]]
            options = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in description["options"].items()
            }
            make_options(method.options, description["method"], options)
            targets = cls(
                method=description["method"],
                options=options,
                grid=Grid(**{key: int(value) for key, value in description["grid"].items()}),
                seed=int(description["seed"]),
                tensors=tensors,
                name=str(description["name"]),
            )
            method.check(
                tensors, make_options(method.options, targets.method, options), targets.grid
            )
            check_texture(tensors)
            check_live(tensors)
            check_envelopes(tensors)
        except TargetFileError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise TargetFileError(
                f"style file '{source}' does not describe a style that this astfx knows ({error})"
            ) from None
        return targets

    def check_fits(self, plan: RenderPlan) -> None:
        """Check that the targets were prepared for a plan.

        Raises
        ------
        InvalidSettingError
            If they were prepared for another grid or method, with another seed or with other
            options.
        """
        grid, settings = plan.grid, plan.settings
        if self.grid != grid:
            raise InvalidSettingError(
                f"the prepared style is for {self.grid.sample_rate} Hz with n_fft="
                f"{self.grid.n_fft}, the content needs {grid.sample_rate} Hz with n_fft="
                f"{grid.n_fft}: prepare it again for this rate"
            )
        if self.method != settings.method:
            raise InvalidSettingError(
                f"the prepared style is for method={self.method!r}, not {settings.method!r}"
            )
        if plan.method.seeded and self.seed != settings.seed:
            raise InvalidSettingError(
                f"the prepared style was drawn with seed={self.seed}, not seed={settings.seed}"
            )
        options = asdict(plan.options)
        for name in plan.method.prepared_options:
            if options[name] != self.options[name]:
                raise InvalidSettingError(
                    f"the prepared style has {name}={self.options[name]}, not {options[name]}"
                )
        try:
            plan.method.check(self.tensors, plan.options, grid)
        except ValueError as error:
            raise InvalidSettingError(
                f"the prepared style does not fit these settings ({error}): prepare it again with "
                "them"
            ) from None
