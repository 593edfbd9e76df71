"""Makes the tables of the bridge's README from the address table.

`python -m astfx_bridge.readme` writes them into bridge/README.md of a checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path

from astfx_bridge.addresses import PARAMETERS, REPLIES, ROWS
from astfx_bridge.table import Argument, Row

PAGE = Path(__file__).resolve().parents[1] / "README.md"


def _types(types: str) -> str:
    return "/".join(types)


def _argument(argument: Argument) -> str:
    text = f"{argument.name}:{_types(argument.types)}"
    return f"[{text}]" if argument.optional else text


def _range(argument: Argument) -> str:
    if argument.choices:
        return ", ".join(argument.choices)
    if argument.low is not None and argument.high is not None:
        return f"{argument.low:.10g} to {argument.high:.10g}"
    return ""


def _row(row: Row) -> str:
    words = [_argument(argument) for argument in row.arguments]
    words += {"settings": ["[key value ...]"], "weights": ["preset weight ..."]}.get(row.pairs, [])
    replies = " ".join(f"`{reply.removeprefix('/astfx/')}`" for reply in row.replies)
    notes = row.summary + (" TCP only." if row.tcp_only else "")
    return f"| `{row.address}` | {' '.join(words)} | {replies} | {notes} |"


def sections() -> dict[str, str]:
    """The tables in Markdown by the names of their sections."""
    commands = ["| address | arguments | replies | |", "| --- | --- | --- | --- |"]
    commands += [_row(row) for row in ROWS.values() if row.parameter is None]
    parameters = ["| key | type | range | default | |", "| --- | --- | --- | --- | --- |"]
    for parameter in PARAMETERS.values():
        argument = parameter.argument
        default = parameter.default if parameter.default != "" else '""'
        parameters.append(
            f"| `{argument.name}` | {_types(argument.types)} | {_range(argument)} | {default} | "
            f"{parameter.summary} |"
        )
    replies = ["| reply | arguments | |", "| --- | --- | --- |"]
    for reply in REPLIES.values():
        words = [
            f"{name}:{_types(types)}"
            for name, types in zip(reply.arguments, reply.types, strict=True)
        ]
        if reply.repeats:
            words.append("...")
        replies.append(f"| `{reply.address}` | {' '.join(words)} | {reply.summary} |")
    return {
        "commands": "\n".join(commands),
        "parameters": "\n".join(parameters),
        "replies": "\n".join(replies),
    }


def written(page: str) -> str:
    """A page whose sections are replaced by the current tables."""
    for name, text in sections().items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, rest = page.split(begin, 1)
        after = rest.split(end, 1)[1]
        page = f"{before}{begin}\n{text}\n{end}{after}"
    return page


if __name__ == "__main__":
    if not PAGE.exists():
        sys.exit(f"there is no {PAGE}: this is for a checkout")
    PAGE.write_text(written(PAGE.read_text()))
