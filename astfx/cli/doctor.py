"""The checks of `astfx doctor`: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata, util

OPTIONAL = {
    "pystoi": ("speech intelligibility in `astfx.metrics`", 'pip install "astfx[metrics]"'),
    "mir_eval": ("the F1 score of onsets in `astfx.metrics`", 'pip install "astfx[metrics]"'),
}


@dataclass(frozen=True)
class Finding:
    """The result of one check: one line of the output."""

    ok: bool
    needed: bool
    subject: str
    text: str


def examine() -> list[Finding]:
    """Check versions, devices, audio formats and optional packages."""
    import soundfile

    from astfx.audio import readable_formats
    from astfx.runtime.threads import default_threads
    from astfx.runtime.versions import PACKAGES

    findings = [Finding(True, True, "python", f"{platform.python_version()} {platform.machine()}")]
    for name in PACKAGES:
        try:
            findings.append(Finding(True, True, name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            findings.append(Finding(False, True, name, "missing: pip install astfx"))
    from astfx.runtime.device import gpu_name

    findings.append(Finding(True, True, "cpu", f"{default_threads()} threads for renders"))
    gpu = gpu_name()
    text = gpu or "none that torch can use: renders run on the CPU"
    findings.append(Finding(gpu is not None, False, "gpu", text))
    formats = f"{', '.join(readable_formats())} (libsndfile {soundfile.__libsndfile_version__})"
    findings.append(Finding("MP3" in formats, False, "formats", formats))
    for name, (purpose, remedy) in OPTIONAL.items():
        found = util.find_spec(name) is not None
        detail = metadata.version(name) if found else f"missing, needed for {purpose}: {remedy}"
        findings.append(Finding(found, False, name, detail))
    return findings
