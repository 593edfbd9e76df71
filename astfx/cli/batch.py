"""Which file `astfx render` writes for each content."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from astfx.audio.writing import output_format
from astfx.errors import AudioFileError, InvalidSettingError


class Job(NamedTuple):
    """A content and the file to write, each a path or "-"."""

    content: str
    output: str


class Batch(NamedTuple):
    """The jobs of a command, and the folder that they write to, if it is one folder."""

    jobs: list[Job]
    folder: Path | None

    def make_folder(self) -> None:
        """Make the folder, if there is none.

        Raises
        ------
        AudioFileError
            If it cannot be made.
        """
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AudioFileError(
                f"output folder '{self.folder}' cannot be made ({error.strerror})"
            ) from None


def plan(contents: Sequence[str], output: str) -> Batch:
    """Return a job for each content.

    Parameters
    ----------
    contents : sequence of str
        Audio files. A pattern that the shell has not replaced, as on Windows, stands for the files
        that match it.
    output : str
        A file, or a folder for several contents. The folder need not exist if it ends in "/".

    Raises
    ------
    InvalidSettingError
        If several contents would be written to one file.
    """
    contents = [path for text in contents for path in _matching(text)]
    named_folder = output.endswith(("/", os.sep))
    folder = Path(output)
    if len(contents) == 1 and not named_folder and not _is_plain_folder(folder):
        return Batch([Job(contents[0], output)], None)
    if not named_folder and not folder.is_dir():
        raise InvalidSettingError(
            f"output '{output}' is one file for {len(contents)} contents: name a folder, such as "
            f"{output}/"
        )
    found = [Job(content, str(folder / _name(content))) for content in contents]
    taken: dict[str, str] = {}
    for job in found:
        other = taken.setdefault(job.output, job.content)
        if other != job.content:
            raise InvalidSettingError(
                f"'{other}' and '{job.content}' would both be written to '{job.output}': render "
                "them to different folders"
            )
    return Batch(list(dict.fromkeys(found)), folder)


def _matching(text: str) -> list[str]:
    if os.path.exists(text) or not glob.has_magic(text):
        return [text]
    return sorted(glob.glob(text)) or [text]


def _is_plain_folder(path: Path) -> bool:
    """Whether a path is a folder that is not called like an audio file."""
    return path.is_dir() and not path.suffix


def _name(content: str) -> str:
    """Name of the file for a content: its own, or .wav where its format cannot be written."""
    if content == "-":
        raise InvalidSettingError("content on standard input needs an output file, not a folder")
    path = Path(content)
    try:
        output_format(path, float_samples=False)
    except InvalidSettingError:
        return f"{path.stem}.wav"
    return path.name
