"""Packets and requests that no client should send: random, damaged, nested, and nearly right."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from astfx_bridge.addresses import PARAMETERS, ROWS
from astfx_bridge.table import Argument, Value
from astfx_bridge.wire.osc import encode

HARMLESS = [address for address in ROWS if address not in ("/astfx/quit",)]
TEXTS = [
    *("", "a", "../../../etc/passwd", "/etc/shadow", "content.wav", "x.wav", "ü\u2028", "x" * 3000),
    *("style", "style.wav", "strength", "..", "/", "~/x.wav", "$(touch x)", "'; drop table jobs"),
    *("../outside/x.wav", "quality", "draft", "nul\x01"),
]
# Texts of requests that fit: sounds, presets, names, and ids.
KNOWN = ["content.wav", "style.wav", "x.wav", "rain", "fire", "mine", "ours", "7", "8", "draft"]
ATTRIBUTES = ["VALUE", "RANGE", "TYPE", "HOST_INFO", "token=x", "FULL_PATH", "?", "%ff=%fe", "=="]
METHODS = ["GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X"]
HEADERS = [
    *("Accept: text/html", "Accept: */*", "Authorization: Bearer x", "Authorization: Basic eA=="),
    *("Origin: https://example.org", "Cookie: " + "c" * 2000, "Connection: close"),
    *(
        "Content-Length: 5",
        "Content-Length: -1",
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
    ),
    *("Upgrade: websocket", "Sec-WebSocket-Version: 13", "X: " + "y" * 6000),
]
FITTING_SHARE = 0.1  # of the messages


def _clip(file_format: str) -> bytes:
    noise = 0.1 * np.random.default_rng(0).standard_normal(800)
    buffer = io.BytesIO()
    soundfile.write(buffer, noise, 8000, format=file_format, subtype="PCM_16")
    return buffer.getvalue()


PRESET = Path(__file__).parents[1] / "presets" / "data" / "version-1.astfx"
FILES = [_clip("WAV"), _clip("FLAC"), PRESET.read_bytes()[:50_000]]


class Packets:
    """Random packets, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def value(self) -> Value:
        rng = self._random
        values: list[Value] = [
            rng.randrange(-(2**31), 2**31),
            rng.choice([0, 1, -1, 7]),
            rng.choice([0.5, -1.0, float("nan"), float("inf"), 1e38]),
            rng.choice(TEXTS),
            rng.randbytes(rng.randrange(1, 200)),
        ]
        return rng.choice(values)

    def fitting(self, argument: Argument) -> Value:
        """A value that an argument allows, or one that is known to be there."""
        rng = self._random
        low, high = argument.low or 0.0, min(argument.high or 9.0, 9.0)
        kinds: dict[str, Callable[[], Value]] = {
            "i": lambda: rng.randrange(int(low), int(high) + 1),
            "f": lambda: rng.uniform(low, high),
            "s": lambda: rng.choice(argument.choices or KNOWN),
            "b": lambda: self.file(),
        }
        return kinds[rng.choice(argument.types)]()

    def file(self) -> bytes:
        """A sound or a preset, whole or damaged."""
        rng = self._random
        data = bytearray(rng.choice(FILES))
        for _ in range(rng.choice((0, 1, 20))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])

    def request(self) -> bytes:
        """A message whose arguments fit, so that it gets as far as it can."""
        rng = self._random
        row = ROWS[rng.choice(HARMLESS)]
        values = [self.fitting(argument) for argument in row.arguments]
        if row.pairs:
            for parameter in rng.sample(list(PARAMETERS.values()), rng.randrange(4)):
                values += [parameter.name, self.fitting(parameter.argument)]
        if row.pairs and rng.random() < 0.1:
            values += ["completion", rng.choice(("/done", encode("/astfx/ping", [1])))]
        return encode(row.address, values)

    def message(self) -> bytes:
        rng = self._random
        if rng.random() < FITTING_SHARE:
            return self.request()
        address = rng.choice(HARMLESS)
        if rng.random() < 0.3:
            place = rng.randrange(len(address))
            address = address[:place] + rng.choice("*?[]{}!,-/x#é") + address[place + 1 :]
        values = [self.value() for _ in range(rng.randrange(6))]
        if "quit" in address:  # pragma: no cover - the one command that ends the test
            address = "/astfx/ping"
        return encode(address, values)

    def bundle(self, depth: int) -> bytes:
        rng = self._random
        inner = [
            self.bundle(depth - 1) if depth and rng.random() < 0.7 else self.message()
            for _ in range(rng.randrange(1, 4))
        ]
        parts = b"".join(struct.pack(">i", len(part)) + part for part in inner)
        return b"#bundle\0" + struct.pack(">Q", rng.randrange(2**64)) + parts

    def nested(self) -> bytes:
        packet = self.message()
        for _ in range(self._random.randrange(1, 400)):
            packet = b"#bundle\0" + bytes(8) + struct.pack(">i", len(packet)) + packet
        return packet[:60_000]

    def damaged(self) -> bytes:
        rng = self._random
        packet = bytearray(self.message() if rng.random() < 0.7 else self.bundle(2))
        for _ in range(rng.randrange(1, 4)):
            packet[rng.randrange(len(packet))] = rng.randrange(256)
        return bytes(packet[: rng.randrange(len(packet) + 1)])

    def one(self) -> bytes:
        rng = self._random
        kind = rng.random()
        if kind < 0.3:
            return rng.randbytes(rng.randrange(200))
        if kind < 0.6:
            return self.message()
        if kind < 0.85:
            return self.damaged()
        if kind < 0.95:
            return self.bundle(3)[:60_000]
        if kind < 0.995:
            return self.nested()
        return rng.randbytes(rng.randrange(60_000))

    def http(self) -> bytes:
        """A request by HTTP, of which some are damaged."""
        rng = self._random
        path = rng.choice(["/", *ROWS, "/astfx", "/astfx/param", "/..", "/%00", "/" + "x" * 3000])
        attributes = rng.sample(ATTRIBUTES, rng.randrange(4))
        query = "?" + "&".join(attributes) if attributes else ""
        lines = [f"{rng.choice(METHODS)} {path}{query} HTTP/1.{rng.choice((0, 1, 1, 1))}"]
        lines += [f"Host: {rng.choice(('localhost', '127.0.0.1:9102', 'example.org', '[::1]'))}"]
        lines += rng.sample(HEADERS, rng.randrange(4))
        data = bytearray("\r\n".join([*lines, "", ""]).encode())
        if rng.random() < 0.3:
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data if rng.random() < 0.98 else data[: rng.randrange(len(data))])
