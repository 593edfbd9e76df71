"""What ``astfx send`` does: it makes a message of words, and shows its replies as lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from astfx_bridge.addresses import PARAMETERS, ROWS
from astfx_bridge.client import Client
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.table import Value
from astfx_bridge.wire.osc import Message

BLOB_ADDRESS = "/astfx/render/blob"


def values_of(address: str, words: Sequence[str]) -> list[Value]:
    """Convert words to the arguments of an address, by the types of the address table.

    Where the address takes a blob, ``@FILE`` stands for the bytes of a file. A style that is sent
    with a blob may be ``@FILE`` too.

    Raises
    ------
    RefusedError
        If a word does not fit.
    """
    row = ROWS.get(address)
    values: list[Value] = []
    for position, word in enumerate(words):
        types = "ifs"
        if row is not None and position < len(row.arguments):
            types = row.arguments[position].types
        elif row is not None and row.pairs == "settings":
            extra = position - len(row.arguments)
            key = words[position - 1]
            types = PARAMETERS[key].argument.types if extra % 2 and key in PARAMETERS else "s"
            if address == BLOB_ADDRESS and key == "style" and extra % 2 and word[:1] == "@":
                types = "b"
        elif row is not None and row.pairs == "weights":
            types = "f" if (position - len(row.arguments)) % 2 else "s"
        values.append(_value(word, types))
    return values


def _value(word: str, types: str) -> Value:
    if types == "b":
        if not word.startswith("@"):
            raise RefusedError(f"{word!r} must be @FILE, the file whose bytes are sent")
        try:
            return Path(word[1:]).read_bytes()
        except OSError as error:
            raise RefusedError(f"file '{word[1:]}' cannot be read ({error.strerror})") from None
    for tag, kind in (("i", int), ("f", float)):
        if tag in types:
            try:
                return kind(word)
            except ValueError:
                continue
    if "s" not in types and "f" in types:
        raise RefusedError(f"{word!r} is not a number")
    if types == "i":
        raise RefusedError(f"{word!r} is not a whole number")
    return word


def line(message: Message) -> str:
    """A message as a line that a shell could split."""
    words = [
        f"({len(value)} bytes)" if isinstance(value, bytes) else _word(value)
        for value in message.values
    ]
    return " ".join([message.address, *words])


def _word(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return f'"{text}"' if " " in text or not text else text


def converse(
    client: Client,
    address: str,
    values: Sequence[Value],
    show: Callable[[Message], None],
    *,
    wait: bool = True,
    timeout_seconds: float = 3600.0,
) -> bool:
    """Send a message, show every reply, and wait for the jobs that it started.

    Returns
    -------
    bool
        Whether no fail has come.

    Raises
    ------
    BridgeError
        If the server does not answer, or a job does not end in time.
    """
    well, open_jobs = True, set[Value]()
    starts_jobs = address in ROWS and ROWS[address].job

    def take(message: Message) -> None:
        nonlocal well
        show(message)
        said = message.values
        if message.address == "/astfx/queued" and starts_jobs:  # a subscriber hears of others' too
            open_jobs.add(said[0])
        elif message.address in ("/astfx/done", "/astfx/fail"):
            open_jobs.discard(said[1])
            well = well and message.address == "/astfx/done"

    deadline = time.monotonic() + timeout_seconds
    for message in client.replies(address, *values):
        take(message)
    while wait and open_jobs:
        late = client.receive(deadline - time.monotonic())
        if late is None:
            names = ", ".join(str(job) for job in sorted(open_jobs, key=str))
            raise BridgeError(f"jobs {names} did not end in {timeout_seconds:g} seconds")
        take(late)
    return well


def read_request(path: Path) -> list[str]:
    """The address and the arguments that a file holds, one on each line.

    A program that starts ``astfx send`` passes them so, and need not quote them for a shell.

    Raises
    ------
    BridgeError
        If the file cannot be read, or is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BridgeError(f"request '{path}' cannot be read ({reason})") from None
    if not lines:
        raise BridgeError(f"request '{path}' is empty: its first line must be an OSC address")
    return lines


class Transcript:
    """A file of replies, which another program reads while it is written.

    Parameters
    ----------
    path : Path or None
        None writes nothing.

    Raises
    ------
    BridgeError
        If the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            try:
                path.write_text("")
            except OSError as error:
                raise BridgeError(
                    f"replies '{path}' cannot be written ({error.strerror})"
                ) from None

    def write(self, text: str) -> None:
        """Add a line."""
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
