"""Recipes: the settings that each source document states, such as `recipe="ulyanov-2016"`.

The five source documents, numbered 000 to 004, are those that this project started from. A setting
that the document does not state stays at the default of the method. Settings that are given
override those of the recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from astfx.errors import InvalidSettingError


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of one source document.

    Attributes
    ----------
    number : str
        Number of the document, "000" to "004", which is an alias of the recipe's name.
    document : str
        Authors and title of the document.
    stated : str
        What the recipe takes from the document, and what the document leaves open.
    settings : mapping
        Values of `astfx.Settings`, without `options`.
    options : mapping
        Values of the method's own options.
    """

    number: str
    document: str
    stated: str
    settings: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


RECIPES: dict[str, Recipe] = {
    "ulyanov-2016": Recipe(
        number="000",
        document=(
            "Ulyanov & Lebedev, “Audio texture synthesis and style transfer”, 2016, as Mohnish & "
            "Prakash describe it in “Audio style transfer learning”, SRM Institute, 2021"
        ),
        stated=(
            "n_fft 2048, 4096 random filters of 11 frames, L-BFGS 300, alpha 0.01, from noise of "
            "1e-3, Griffin-Lim 300"
        ),
        settings={
            "method": "shallow-cnn",
            "iterations": 300,
            "phase": "griffin-lim",
            "phase_iterations": 300,
            "window_ms": 92.88,
        },
        options={
            "filters": 4096,
            "kernel_ms": 255.0,
            "content_weight": 0.01,
            "start": "noise",
            "noise_level": 0.001,
            "optimiser": "lbfgs",
        },
    ),
    "vedak-bhatia": Recipe(
        number="001",
        document="Vedak & Bhatia, “Deep audio style transfer”, New York University, undated",
        stated=(
            "n_fft 2048, a trained four-layer network, style averaged over the layers, Adam for "
            "20000 iterations, from noise (which “performed better”), Griffin-Lim; the learning "
            "rate and the weights are not stated"
        ),
        settings={
            "method": "audio-cnn",
            "iterations": 20_000,
            "phase": "griffin-lim",
            "window_ms": 92.88,
        },
        options={
            "start": "noise",
            "optimiser": "adam",
            "content_weight": 1.0,
            "content_layers": ("conv1",),
        },
    ),
    "iiit-vadodara": Recipe(
        number="002",
        document="“Neural style transfer on audio signals”, IIIT Vadodara (undated slides)",
        stated=(
            "VGG-19 over a mel spectrogram in decibels, content and style losses weighted by alpha "
            "and beta; their values, the optimiser and the iterations are not stated"
        ),
        settings={"method": "vgg19", "phase": "griffin-lim"},
        options={"front_end": "mel-db", "content_layers": ("conv4_2",)},
    ),
    "gafar-2023": Recipe(
        number="003",
        document=(
            "Gafar, “An investigation into neural style transfer and its applications for creative "
            "expression in digital media”, University of Southampton, 2023"
        ),
        stated=(
            "a speaker classifier over complex STFTs of 512 samples, style conv1-2, content "
            "conv3-4, 1000 : 1, L-BFGS, 5000 steps, from the style behind the content; the "
            "weights are astfx's own, of other speakers"
        ),
        settings={"method": "voice-cnn", "iterations": 5000},
        options={
            "start": "frameshift",
            "optimiser": "lbfgs",
            "style_layers": ("conv1", "conv2"),
            "content_layers": ("conv3", "conv4"),
            "style_weight": 1000.0,
            "content_weight": 1.0,
            "normalisation": "mean",
        },
    ),
    "grinstein-2018": Recipe(
        number="004",
        document="Grinstein, Duong, Ozerov & Pérez, “Audio style transfer”, ICASSP 2018",
        stated=(
            "the shallow untrained network from the content, no content loss; optimiser and "
            "iterations as in the recipe of Ulyanov & Lebedev 2016, Griffin-Lim"
        ),
        settings={"method": "shallow-cnn", "iterations": 300, "phase": "griffin-lim"},
        options={"content_weight": 0.0, "start": "content", "optimiser": "lbfgs"},
    ),
}


def find_recipe(name: str) -> str | None:
    """Return the name of the recipe with this name or number, None if there is none."""
    if name in RECIPES:
        return name
    return next((key for key, recipe in RECIPES.items() if recipe.number == name), None)


def with_recipe(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the settings that were given with those of a recipe.

    Parameters
    ----------
    name : str
        A key of `RECIPES`, or the number of its document.
    given : mapping
        Settings by name, including "options", that override those of the recipe.

    Raises
    ------
    InvalidSettingError
        For an unknown recipe, or a method that is not that of the recipe.
    """
    found = find_recipe(name)
    if found is None:
        raise InvalidSettingError(f"recipe={name!r} must be one of {', '.join(RECIPES)}")
    recipe = RECIPES[found]
    method = recipe.settings["method"]
    if given.get("method", method) != method:
        raise InvalidSettingError(
            f"recipe={name!r} uses method={method!r}, not {given['method']!r}: give only one"
        )
    options = {**recipe.options, **given.get("options", {})}
    return {**recipe.settings, **given, "options": options}
