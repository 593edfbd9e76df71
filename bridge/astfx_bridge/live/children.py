"""The server's side of live sessions: each is a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from astfx_bridge.errors import RefusedError
from astfx_bridge.live.table import MOST_RUNNING
from astfx_bridge.table import Value

START_SECONDS = 120.0
ANSWER_SECONDS = 60.0
END_SECONDS = 15.0

Ended = Callable[[Value, str], None]


@dataclass
class _Child:
    """A process, and the questions that it has yet to answer."""

    request: Mapping[str, Any]
    process: asyncio.subprocess.Process | None = None
    latency: int = 0
    asked: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    closing: bool = False


class LiveSessions:
    """The live sessions of a server, by their ids.

    Parameters
    ----------
    tell : callable
        ``tell(id, reason)`` is called when a session ends by itself.
    """

    def __init__(self, tell: Ended = lambda session_id, reason: None) -> None:
        self._tell = tell
        self._children: dict[Value, _Child] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked = 0

    def free_id(self) -> int:
        """An id that no session has."""
        return next(k for k in range(1, MOST_RUNNING + 2) if k not in self._children)

    def rows(self) -> list[list[Value]]:
        """The values of `/astfx/live/session` for each session that runs."""
        return [
            [key, child.request["input"], child.request["output"], child.request["setup"]["engine"],
             child.latency]
            for key, child in self._children.items()
            if child.latency
        ]  # fmt: skip

    async def open(self, session_id: Value, request: Mapping[str, Any]) -> list[int]:
        """Start a session. Returns its sample rate, block size and latency.

        Raises
        ------
        RefusedError
            If the id is taken, too many run, or the session cannot be opened.
        """
        if session_id in self._children:
            raise RefusedError(f"the live session {session_id!r} runs already: close it first")
        if len(self._children) >= MOST_RUNNING:
            raise RefusedError(f"{MOST_RUNNING} live sessions run already: close one first")
        child = self._children[session_id] = _Child({**request, "id": session_id})
        try:
            message = await self._started(child)
        except BaseException:
            await self._end(session_id, child)
            raise
        if "ready" not in message:
            await self._end(session_id, child)
            raise RefusedError(str(message.get("failed", "the process of the session ended")))
        task = asyncio.create_task(self._listen(session_id, child))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        child.latency = int(message["ready"][2])
        return list(message["ready"])

    async def _started(self, child: _Child) -> dict[str, Any]:
        quiet = None if os.environ.get("ASTFX_DEBUG") else asyncio.subprocess.DEVNULL
        child.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # import nothing from the folder of the user's sounds
            "-m",
            "astfx_bridge.live.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=quiet,
        )
        self._write(child, dict(child.request))
        try:
            async with asyncio.timeout(START_SECONDS):
                return await self._read(child)
        except TimeoutError:
            return {"failed": f"the session was not ready after {START_SECONDS:g} seconds"}

    def _write(self, child: _Child, message: Mapping[str, Any]) -> None:
        assert child.process is not None
        assert child.process.stdin is not None
        with suppress(OSError, RuntimeError):
            child.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self, child: _Child) -> dict[str, Any]:
        """The next message; an empty one if the process has ended."""
        assert child.process is not None
        assert child.process.stdout is not None
        line = await child.process.stdout.readline()
        return dict(json.loads(line)) if line.endswith(b"\n") else {}

    async def _listen(self, session_id: Value, child: _Child) -> None:
        reason = "its process ended"
        while message := await self._read(child):
            if "ended" in message:
                reason = str(message["ended"])
                break
            waiting = child.asked.pop(int(message["n"]), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        await self._end(session_id, child)
        if not child.closing:
            self._tell(session_id, reason or "it was asked to")

    async def _end(self, session_id: Value, child: _Child) -> None:
        self._children.pop(session_id, None)
        for waiting in child.asked.values():
            if not waiting.done():
                waiting.set_result({"fail": f"the live session {session_id!r} has ended"})
        child.asked.clear()
        if child.process is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(child.process.wait(), END_SECONDS)
            if child.process.returncode is None:
                with suppress(ProcessLookupError):
                    child.process.kill()
                await child.process.wait()
            # Close the pipes here, or asyncio would do so after its loop has ended.
            child.process._transport.close()  # type: ignore[attr-defined]
        child.ended.set()

    def _find(self, session_id: Value) -> _Child:
        child = self._children.get(session_id)
        if child is None or not child.latency:
            raise RefusedError(f"there is no live session {session_id!r}: /astfx/live/list")
        return child

    async def ask(
        self,
        session_id: Value,
        address: str,
        values: Mapping[str, Value],
        pairs: Sequence[tuple[str, Value]],
    ) -> list[tuple[str, list[Value]]]:
        """Let a session carry out a command, and return its replies.

        Raises
        ------
        RefusedError
            If there is no such session, or it refuses.
        """
        child = self._find(session_id)
        self._asked += 1
        number = self._asked
        waiting = child.asked[number] = asyncio.get_running_loop().create_future()
        message = {"n": number, "address": address, "values": dict(values), "pairs": list(pairs)}
        self._write(child, message)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await waiting
        except TimeoutError:
            child.asked.pop(number, None)
            raise RefusedError(
                f"the live session {session_id!r} does not answer: close it"
            ) from None
        if "fail" in answer:
            raise RefusedError(str(answer["fail"]))
        return [(address, list(given)) for address, given in answer["replies"]]

    async def close(self, session_id: Value) -> None:
        """End a session, with its recording.

        Raises
        ------
        RefusedError
            If there is no such session.
        """
        child = self._find(session_id)
        child.closing = True
        self._write(child, {"close": True})
        try:
            async with asyncio.timeout(END_SECONDS):
                await child.ended.wait()
        except TimeoutError:
            if child.process is not None:
                with suppress(ProcessLookupError):
                    child.process.kill()
            await child.ended.wait()

    async def close_all(self) -> None:
        """End all sessions."""
        keys = [key for key, child in self._children.items() if child.latency]
        await asyncio.gather(*(self.close(key) for key in keys), return_exceptions=True)
