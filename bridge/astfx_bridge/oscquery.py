"""OSCQuery over HTTP: every address with its types, ranges and values, as a JSON tree.

It follows the 2018 draft of the OSCQuery proposal (Vidvox), read-only.
"""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from astfx_bridge.addresses import ROWS
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.parameters import ServerParameters
from astfx_bridge.settings import ServerSettings, is_loopback
from astfx_bridge.table import Argument, Row
from astfx_bridge.wire.access import Access, LockedOutError

READ, WRITE, READ_WRITE = 1, 2, 3
ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "RANGE", "DESCRIPTION")
MAX_REQUESTS = 16
TIMEOUT_SECONDS = 5.0


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
            "LISTEN": False,
            "PATH_CHANGED": False,
        },
    }


def find(root: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The node at a path, or None if there is none."""
    node: dict[str, Any] | None = root
    for part in path.strip("/").split("/") if path.strip("/") else []:
        node = None if node is None else node.get("CONTENTS", {}).get(part)
    return node


class OscQueryServer:
    """The HTTP server, in a thread of its own.

    Parameters
    ----------
    settings : ServerSettings
    parameters : ServerParameters
    access : Access
        Checks tokens, and counts the wrong ones of all doors together.
    osc_port : int

    Raises
    ------
    BridgeError
        If the port is taken.
    """

    def __init__(
        self,
        settings: ServerSettings,
        parameters: ServerParameters,
        access: Access,
        osc_port: int,
    ) -> None:
        assert settings.http_port is not None
        slots = threading.BoundedSemaphore(MAX_REQUESTS)

        class Handler(_Handler):
            pass

        Handler.settings, Handler.parameters, Handler.osc_port = settings, parameters, osc_port
        Handler.access = access

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET

            def process_request(self, request: Any, client_address: Any) -> None:
                if not slots.acquire(blocking=False):
                    return self.shutdown_request(request)
                return super().process_request(request, client_address)

            def process_request_thread(self, request: Any, client_address: Any) -> None:
                try:
                    super().process_request_thread(request, client_address)
                finally:
                    slots.release()

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Ignore clients that hang up."""

        try:
            self._server: BaseServer = Server((settings.host, settings.http_port), Handler)
        except OSError as error:
            raise BridgeError(
                f"cannot listen on {settings.host} port {settings.http_port} for OSCQuery "
                f"({error.strerror}): choose another --http-port"
            ) from None
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    settings: ServerSettings
    parameters: ServerParameters
    access: Access
    osc_port: int
    timeout = TIMEOUT_SECONDS
    protocol_version = "HTTP/1.1"
    server_version = "astfx-bridge"
    sys_version = ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        if self.access.needs_token:
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            given = given or query.pop("token", [""])[0]
            if not given:
                return self._answer(401, {"ERROR": "this server needs a token"})
            try:
                self.access.check_token(str(self.client_address[0]), given)
            except LockedOutError as error:
                return self._answer(429, {"ERROR": str(error)})
            except RefusedError as error:
                return self._answer(401, {"ERROR": str(error)})
        elif not is_loopback(self.headers.get("Host", "localhost").rsplit(":", 1)[0].strip("[]")):
            # A web page whose host name was made to point at this machine (DNS rebinding).
            return self._answer(403, {"ERROR": "ask for localhost"})
        if "HOST_INFO" in query:
            return self._answer(200, host_info(self.settings.host, self.osc_port))
        node = find(tree(self.parameters), unquote(url.path))
        if node is None:
            return self._answer(404, {"ERROR": f"there is no address {url.path[:256]}"})
        for attribute in query:
            if attribute not in ATTRIBUTES:
                return self._answer(400, {"ERROR": f"there is no attribute {attribute[:80]}"})
            if attribute not in node:
                return self._answer(204, None)
            return self._answer(200, {attribute: node[attribute]})
        return self._answer(200, node)

    def _answer(self, status: int, content: dict[str, Any] | None) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests: they may hold a token."""
