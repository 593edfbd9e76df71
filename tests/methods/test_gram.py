from __future__ import annotations

from astfx.features.texture import TextureWeights
from astfx.methods.gram import GramOptions


def test_the_usual_weights_of_the_content_are_those_of_the_texture_loss() -> None:
    options, weights = GramOptions(), TextureWeights()
    assert options.contour_weight == weights.contour
    assert options.onset_weight == weights.onset
