"""The constants of the engine in C++ are those of the Python files that they name."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from astfx_bridge.building import plugin_sources

NAMES = {
    "kWindowMs": None,  # a default of Settings, compared below
    "kStrengthCurve": "_STRENGTH_CURVE",
    "kLongestKernelMs": None,  # a default of GramOptions, compared below
    "kGridOverlap": "_OVERLAP",
    "kReferenceRms": "REFERENCE_RMS",
    "kReferenceNFft": "REFERENCE_N_FFT",
    "kSilence": "SILENCE",
    "kHopsPerWindow": "HOPS_PER_WINDOW",
    "kMemorySeconds": "_MEMORY_SECONDS",
    "kUpdateEverySeconds": "_UPDATE_EVERY_SECONDS",
    "kHeardHops": "HEARD_HOPS",
    "kStreamHeardHops": "HEARD_HOPS",
    "kQuantileShare": "_QUANTILE_SHARE",
    "kEnvelopeOverlap": "OVERLAP",
    "kBands": "N_BANDS",
    "kLowestHz": "LOWEST_HZ",
    "kHighestHz": "HIGHEST_HZ",
    "kMostLogGain": "MOST_LOG_GAIN",
    "kMostLogCut": "MOST_LOG_CUT",
    "kMostDeviations": "_MOST_DEVIATIONS",
    "kLeastDeviation": "_LEAST_DEVIATION",
    "kRegularisation": "_REGULARISATION",
    "kBandFloor": "_FLOOR",
    "kPriorFramesOfGaussian": "PRIOR_FRAMES",
    "kLeastEigenvalue": "_LEAST_EIGENVALUE",
    "kMapSteps": "_MAP_STEPS",
    "kFloor": "FLOOR",
    "kLevels": "N_LEVELS",
    "kQuantiles": "N_QUANTILES",
    "kPriorFramesOfHistogram": "PRIOR_FRAMES",
    "kCorrection": "_CORRECTION",
    "kMostCorrection": "_MOST_CORRECTION",
    "kRenormalise": "_RENORMALISE",
    "kHighestLevel": "HIGHEST",
    "kMostLoudnessGain": "_MOST_GAIN",
    "kLoudnessMemory": "_LOUDNESS_MEMORY",
    "kMostOfFrame": "MOST_OF_FRAME",
    "kMostInAll": "MOST_IN_ALL",
    "kTiny": "_TINY",
    "kFullStrength": "_FULL_STRENGTH",
    "kQuantileFollow": "_QUANTILE_FOLLOW",
    "kMostFramePower": "_MOST_FRAME_POWER",
    "kMostOfUsual": "_MOST_OF_USUAL",
    "kBurst": "_BURST",
    "kLatest": "_LATEST",
    "kFewest": "_FEWEST",
    "kLoudest": "_LOUDEST",
    "kQuietest": "_QUIETEST",
    "kRampSeconds": "RAMP_SECONDS",
    "kLeastStrength": "_LEAST_STRENGTH",
    "kFadeSeconds": "FADE_SECONDS",
    "kHighestLogMagnitude": "HIGHEST",
    "kMaxFrames": "MAX_FRAMES",
    "kMaxBins": "MAX_BINS",
    "kFormatVersion": "FORMAT_VERSION",
    "kMaxFileBytes": "MAX_FILE_BYTES",
    "kMaxTextBytes": "MAX_TEXT_BYTES",
}


def constants() -> dict[str, tuple[str, float]]:
    """Each constant's Python module and its value."""
    text = (plugin_sources() / "engine" / "constants.hpp").read_text("utf-8")
    found, module = {}, ""
    for line in text.splitlines():
        if match := re.match(r"// (astfx/\S+)\.py$", line):
            module = match[1].replace("/", ".")
        elif line.startswith("constexpr") and "[]" not in line:
            for name, value in re.findall(r"(k\w+) = ([^,;]+)", line):
                number, _, shift = value.rstrip("f").replace("L", "").partition("<<")
                found[name] = (module, float(number) * 2.0 ** int(shift or 0))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_is_pythons(name: str) -> None:
    module, value = constants()[name]
    python = NAMES[name]
    if name == "kWindowMs":
        from astfx.settings import Settings

        assert value == Settings().window_ms
    elif name == "kLongestKernelMs":
        from astfx.methods.gram import GramOptions

        assert value == max(GramOptions().kernel_ms)
    else:
        assert python is not None
        assert value == pytest.approx(getattr(import_module(module), python), rel=1e-7)


def test_all_constants_are_compared() -> None:
    assert set(constants()) == set(NAMES)


def test_the_groups_are_pythons() -> None:
    from astfx.features.quantiles import GROUPS

    text = (plugin_sources() / "engine" / "constants.hpp").read_text("utf-8")
    line = next(line for line in text.splitlines() if "kGroups[]" in line)
    found = re.findall(r"\{(\d+), ([\d.]+)\}", line)
    assert [(int(size), float(hz)) for size, hz in found] == list(GROUPS)
