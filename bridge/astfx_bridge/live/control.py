"""The OSC port of `astfx live`: the bridge's addresses, for the one session that runs."""

from __future__ import annotations

import socket
import threading
from importlib import metadata

from astfx_bridge.addresses import PROTOCOL, ROWS
from astfx_bridge.commands.dispatch import failed_id
from astfx_bridge.errors import BridgeError, PacketError, RefusedError
from astfx_bridge.live.paths import LivePaths
from astfx_bridge.live.session import LiveSession, Reply, answer, reason_of
from astfx_bridge.live.table import LIVE_PARAMETERS, STANDALONE
from astfx_bridge.table import Value
from astfx_bridge.wire.osc import MAX_DATAGRAM_BYTES, Message, decode, encode

HOST = "127.0.0.1"


class ControlPort(threading.Thread):
    """Receives OSC messages over UDP from this machine, and answers them.

    Parameters
    ----------
    session : LiveSession
    port : int
        0 takes a free one.
    paths : LivePaths

    Attributes
    ----------
    port : int

    Raises
    ------
    BridgeError
        If the port is taken.
    """

    def __init__(self, session: LiveSession, port: int, paths: LivePaths) -> None:
        super().__init__(name="astfx OSC", daemon=True)
        self._session, self._paths = session, paths
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            raise BridgeError(
                f"OSC port {port} cannot be used ({error.strerror}): choose another with "
                "--osc-port, or -1 for none"
            ) from None
        self.port = int(self._socket.getsockname()[1])
        self._closed = threading.Event()

    def run(self) -> None:
        """Called by the thread."""
        while not self._closed.is_set():
            try:
                packet, sender = self._socket.recvfrom(MAX_DATAGRAM_BYTES)
            except ConnectionError:  # an earlier reply reached nobody
                continue
            except OSError:
                break
            if self._closed.is_set():
                break
            for address, values in self.replies(packet):
                try:
                    self._socket.sendto(encode(address, values), sender)
                except OSError:
                    break

    def close(self) -> None:
        """End the thread, and free the port."""
        self._closed.set()
        if self.is_alive():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waking:
                waking.sendto(b"", (HOST, self.port))
            self.join()
        self._socket.close()

    def replies(self, packet: bytes) -> list[Reply]:
        """Carry out the messages of a packet, and return the replies."""
        try:
            messages = decode(packet)
        except PacketError as error:
            return [("/astfx/fail", [error.address or "/astfx/packet", 0, str(error)])]
        found: list[Reply] = []
        for message in messages:
            try:
                found += self._carry_out(message)
            except Exception as error:
                text = reason_of(error)[:1000]
                found.append(
                    ("/astfx/fail", [message.address[:256], failed_id(message.values), text])
                )
        return found

    def _carry_out(self, message: Message) -> list[Reply]:
        address = message.address
        if address not in ROWS:
            raise RefusedError(f"there is no address {address}")
        given = message.values
        if address in ("/astfx/set", "/astfx/get"):  # they mean this session, and its parameters
            address, given = f"/astfx/live/{address[-3:]}", (STANDALONE, *given)
            values, _ = ROWS[address].check(given)
            keys = [str(values["key"])] if "key" in values else list(LIVE_PARAMETERS)
            return [reply for key in keys for reply in self._parameter(key, values.get("value"))]
        row = ROWS[address]
        values, pairs = row.check(given)
        if address == "/astfx/ping":
            return [("/astfx/pong", [values.get("token", 0)])]
        if address == "/astfx/version":
            return [("/astfx/version", [metadata.version("astfx"), PROTOCOL])]
        if address == "/astfx/quit":
            self._session.end()
            return [("/astfx/bye", [])]
        if address == "/astfx/preset":
            return self._parameter("style", values["name"])
        if row.parameter is not None:
            return self._parameter(row.parameter.name, values.get(row.parameter.name))
        if row.handler not in ("live_command", "live_close", "live_list"):
            raise RefusedError(
                f"{address} is for `astfx serve`: `astfx live` has only its parameters, "
                "/astfx/live/... and /astfx/preset"
            )
        if "id" in values and values["id"] not in (STANDALONE, 0):
            raise RefusedError(
                f"there is no live session {values['id']!r}: that of `astfx live` is {STANDALONE!r}"
            )
        if row.handler == "live_close":
            self._session.end()
            return [("/astfx/live/closed", [STANDALONE, ""])]
        if row.handler == "live_list":
            session = self._session
            shown = [session.id, "", "", session.setup.engine, session.player.latency_samples]
            return [("/astfx/live/sessions", [1]), ("/astfx/live/session", shown)]
        return answer(self._session, address, *self._paths.confined(address, values, pairs))

    def _parameter(self, key: str, value: Value | None) -> list[Reply]:
        if key not in LIVE_PARAMETERS:
            raise RefusedError(
                f"{key} cannot be changed while it plays: {', '.join(LIVE_PARAMETERS)} can"
            )
        if value is not None:
            address = "/astfx/live/set"
            checked, _ = self._paths.confined(address, {"key": key, "value": value}, [])
            self._session.set(key, checked["value"])
        return [("/astfx/value", [key, self._session.get(key)])]
