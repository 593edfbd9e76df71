"""Atomic writing: a file appears complete or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from astfx.errors import AudioFileError


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Context manager: yield a temporary path beside `path`, and rename it on success.

    After an error, nothing is left of the temporary file.

    Raises
    ------
    AudioFileError
        If the file cannot be written.
    """
    part = path.with_name(f".{path.name[:60]}.{secrets.token_hex(6)}.part")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        if isinstance(error, AudioFileError):
            raise
        raise AudioFileError(
            f"output file '{path}' cannot be written ({error.strerror or error})"
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
