"""The checks of `astfx doctor`: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata

_DISTRIBUTIONS = {"sklearn": "scikit-learn", "jack": "JACK-Client"}


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

    from astfx.audio import ffmpeg, readable_formats
    from astfx.runtime.extras import OPTIONAL, is_installed
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
    by_ffmpeg = "m4a, mp4, aac and webm"
    path = ffmpeg.program()
    text = f"missing, needed for {by_ffmpeg}: install it with your system's package manager"
    shown = text if path is None else f"{path}, for {by_ffmpeg}"
    findings.append(Finding(path is not None, False, "ffmpeg", shown))
    for name, row in OPTIONAL.items():
        found = is_installed(name)
        missing = f"missing, needed for {row.purpose}: {row.remedy}"
        version = metadata.version(_DISTRIBUTIONS.get(name, name)) if found else missing
        findings.append(Finding(found, False, name, version))
    return findings
