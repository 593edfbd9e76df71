"""OSCQuery: every address with its types, ranges and values, as a JSON tree.

It follows the 2018 draft of the OSCQuery proposal (Vidvox). Values are changed by OSC messages.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from astfx_bridge.addresses import ROWS
from astfx_bridge.errors import RefusedError
from astfx_bridge.parameters import ServerParameters
from astfx_bridge.table import Argument, Row

READ, WRITE, READ_WRITE = 1, 2, 3
ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "RANGE", "DESCRIPTION")


def tree(parameters: ServerParameters) -> dict[str, Any]:
    """The whole address space as nested OSCQuery nodes."""
    root: dict[str, Any] = {"FULL_PATH": "/", "ACCESS": 0, "CONTENTS": {}}
    for row in ROWS.values():
        node, path = root, ""
        for part in row.address.strip("/").split("/"):
            path += f"/{part}"
            contents = node.setdefault("CONTENTS", {})
            node = contents.setdefault(part, {"FULL_PATH": path, "ACCESS": 0})
        node.update(_method(parameters, row))
    return root


def _method(parameters: ServerParameters, row: Row) -> dict[str, Any]:
    method: dict[str, Any] = {
        "DESCRIPTION": f"{row.summary} {row.usage()}",
        "TYPE": row.type_tags(),
        "ACCESS": WRITE,
    }
    if row.arguments:
        method["RANGE"] = [_range(parameters, argument) for argument in row.arguments]
    if row.parameter is not None:
        method["ACCESS"] = READ_WRITE
        method["VALUE"] = [parameters[row.parameter.name]]
    return method


def _range(parameters: ServerParameters, argument: Argument) -> dict[str, Any]:
    limits = {"MIN": argument.low, "MAX": argument.high}
    found: dict[str, Any] = {key: value for key, value in limits.items() if value is not None}
    if choices := parameters.choices(argument):
        found["VALS"] = list(choices)
    return found


def host_info(host: str, osc_port: int) -> dict[str, Any]:
    """What OSCQuery clients ask first: where and how OSC is spoken."""
    return {
        "NAME": "astfx",
        # A server that listens everywhere names no address: clients use the one they found it at.
        **({} if host in ("0.0.0.0", "::") else {"OSC_IP": host}),
        "OSC_PORT": osc_port,
        "OSC_TRANSPORT": "UDP",
        "EXTENSIONS": {
            "ACCESS": True,
            "VALUE": True,
            "RANGE": True,
            "DESCRIPTION": True,
            "LISTEN": True,
            "PATH_CHANGED": False,
        },
    }


def find(root: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The node at a path, or None if there is none."""
    node: dict[str, Any] | None = root
    for part in path.strip("/").split("/") if path.strip("/") else []:
        node = None if node is None else node.get("CONTENTS", {}).get(part)
    return node


def attributes(node: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The attributes of a node that were asked for, without those that it lacks; all for none.

    Raises
    ------
    RefusedError
        If there is no such attribute in OSCQuery.
    """
    for name in names:
        if name not in ATTRIBUTES:
            raise RefusedError(f"there is no attribute {name[:80]}")
    return {name: node[name] for name in names if name in node} if names else node
