"""A small host for CLAP plugins."""

from __future__ import annotations

import ctypes as c
from pathlib import Path
from typing import Any

import numpy as np

from astfx.audio import Waveform

_PARAM_VALUE = 5
_READ_ONLY = 1 << 3
_Pointer = c.c_void_p


class _Version(c.Structure):
    _fields_ = [("major", c.c_uint32), ("minor", c.c_uint32), ("revision", c.c_uint32)]


class _Entry(c.Structure):
    _fields_ = [
        ("version", _Version),
        ("init", c.CFUNCTYPE(c.c_bool, c.c_char_p)),
        ("deinit", c.CFUNCTYPE(None)),
        ("get_factory", c.CFUNCTYPE(_Pointer, c.c_char_p)),
    ]


_GET_EXTENSION = c.CFUNCTYPE(_Pointer, _Pointer, c.c_char_p)
_REQUEST = c.CFUNCTYPE(None, _Pointer)


class _Host(c.Structure):
    _fields_ = [
        ("version", _Version),
        ("host_data", _Pointer),
        ("name", c.c_char_p),
        ("vendor", c.c_char_p),
        ("url", c.c_char_p),
        ("own_version", c.c_char_p),
        ("get_extension", _GET_EXTENSION),
        ("request_restart", _REQUEST),
        ("request_process", _REQUEST),
        ("request_callback", _REQUEST),
    ]


class _Factory(c.Structure):
    _fields_ = [
        ("count", c.CFUNCTYPE(c.c_uint32, _Pointer)),
        ("descriptor", c.CFUNCTYPE(_Pointer, _Pointer, c.c_uint32)),
        ("create", c.CFUNCTYPE(_Pointer, _Pointer, _Pointer, c.c_char_p)),
    ]


class _Plugin(c.Structure):
    _fields_ = [
        ("descriptor", _Pointer),
        ("data", _Pointer),
        ("init", c.CFUNCTYPE(c.c_bool, _Pointer)),
        ("destroy", c.CFUNCTYPE(None, _Pointer)),
        ("activate", c.CFUNCTYPE(c.c_bool, _Pointer, c.c_double, c.c_uint32, c.c_uint32)),
        ("deactivate", c.CFUNCTYPE(None, _Pointer)),
        ("start_processing", c.CFUNCTYPE(c.c_bool, _Pointer)),
        ("stop_processing", c.CFUNCTYPE(None, _Pointer)),
        ("reset", c.CFUNCTYPE(None, _Pointer)),
        ("process", c.CFUNCTYPE(c.c_int32, _Pointer, _Pointer)),
        ("get_extension", c.CFUNCTYPE(_Pointer, _Pointer, c.c_char_p)),
        ("on_main_thread", c.CFUNCTYPE(None, _Pointer)),
    ]


class _Buffer(c.Structure):
    _fields_ = [
        ("data32", c.POINTER(_Pointer)),
        ("data64", _Pointer),
        ("channels", c.c_uint32),
        ("latency", c.c_uint32),
        ("constant_mask", c.c_uint64),
    ]


class _Event(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("time", c.c_uint32),
        ("space", c.c_uint16),
        ("type", c.c_uint16),
        ("flags", c.c_uint32),
        ("parameter", c.c_uint32),
        ("cookie", _Pointer),
        ("note", c.c_int32),
        ("port", c.c_int16),
        ("channel", c.c_int16),
        ("key", c.c_int16),
        ("value", c.c_double),
    ]


_SIZE = c.CFUNCTYPE(c.c_uint32, _Pointer)
_GET = c.CFUNCTYPE(_Pointer, _Pointer, c.c_uint32)
_PUSH = c.CFUNCTYPE(c.c_bool, _Pointer, _Pointer)


class _Inputs(c.Structure):
    _fields_ = [("context", _Pointer), ("size", _SIZE), ("get", _GET)]


class _Outputs(c.Structure):
    _fields_ = [("context", _Pointer), ("push", _PUSH)]


class _Process(c.Structure):
    _fields_ = [
        ("steady_time", c.c_int64),
        ("frames", c.c_uint32),
        ("transport", _Pointer),
        ("inputs", c.POINTER(_Buffer)),
        ("outputs", c.POINTER(_Buffer)),
        ("n_inputs", c.c_uint32),
        ("n_outputs", c.c_uint32),
        ("in_events", c.POINTER(_Inputs)),
        ("out_events", c.POINTER(_Outputs)),
    ]


class _Info(c.Structure):
    _fields_ = [
        ("id", c.c_uint32),
        ("flags", c.c_uint32),
        ("cookie", _Pointer),
        ("name", c.c_char * 256),
        ("module", c.c_char * 1024),
        ("lowest", c.c_double),
        ("highest", c.c_double),
        ("usual", c.c_double),
    ]


class _Parameters(c.Structure):
    _fields_ = [
        ("count", c.CFUNCTYPE(c.c_uint32, _Pointer)),
        ("info", c.CFUNCTYPE(c.c_bool, _Pointer, c.c_uint32, c.POINTER(_Info))),
        ("value", c.CFUNCTYPE(c.c_bool, _Pointer, c.c_uint32, c.POINTER(c.c_double))),
        (
            "text",
            c.CFUNCTYPE(c.c_bool, _Pointer, c.c_uint32, c.c_double, c.c_char_p, c.c_uint32),
        ),
        ("from_text", _Pointer),
        ("flush", _Pointer),
    ]


_STREAM = c.CFUNCTYPE(c.c_int64, _Pointer, _Pointer, c.c_uint64)


class _Stream(c.Structure):
    _fields_ = [("context", _Pointer), ("act", _STREAM)]


class _State(c.Structure):
    _fields_ = [
        ("save", c.CFUNCTYPE(c.c_bool, _Pointer, c.POINTER(_Stream))),
        ("load", c.CFUNCTYPE(c.c_bool, _Pointer, c.POINTER(_Stream))),
    ]


class _Latency(c.Structure):
    _fields_ = [("get", c.CFUNCTYPE(c.c_uint32, _Pointer))]


class _Render(c.Structure):
    _fields_ = [
        ("needs_realtime", c.CFUNCTYPE(c.c_bool, _Pointer)),
        ("set", c.CFUNCTYPE(c.c_bool, _Pointer, c.c_int32)),
    ]


class ClapPlugin:
    """A CLAP plugin, made and activated.

    Parameters
    ----------
    path : Path
    plugin_id : str
    sample_rate : float, hertz
    channels : int
    offline : bool
    extensions : dict of bytes to ctypes.Structure
        What the host offers, by the names of CLAP.

    Attributes
    ----------
    sent : list of (str, float)
        The parameters that the plugin has set itself, by its window.
    """

    def __init__(
        self,
        path: Path,
        plugin_id: str,
        sample_rate: float,
        channels: int,
        *,
        offline: bool = True,
        extensions: dict[bytes, c.Structure] | None = None,
    ) -> None:
        self.channels = channels
        self._entry = _Entry.in_dll(c.CDLL(str(path)), "clap_entry")
        assert self._entry.init(str(path).encode())
        self._factory = self._at(self._entry.get_factory(b"clap.plugin-factory"), _Factory)
        offered = extensions or {}
        self.sent: list[tuple[str, float]] = []
        self._offered = _GET_EXTENSION(
            lambda host, name: c.addressof(offered[name]) if name in offered else None
        )
        self._nothing = _REQUEST(lambda host: None)
        version = self._entry.version
        texts = (b"host", b"astfx", b"", b"1")
        asks = (self._offered, self._nothing, self._nothing, self._nothing)
        self._host = _Host(version, None, *texts, *asks)
        factory = c.addressof(self._factory)
        self.address = self._factory.create(factory, c.byref(self._host), plugin_id.encode())
        self.plugin = self._at(self.address, _Plugin)
        assert self.plugin.init(self.address)
        self.parameters = self.extension("clap.params", _Parameters)
        assert self.extension("clap.render", _Render).set(self.address, int(offline))
        self._changes: list[_Event] = []
        self._offset = 0
        self._size = _SIZE(lambda events: len(self._changes))
        self._get = _GET(lambda events, index: c.addressof(self._changes[index]))
        self._push = _PUSH(self._receive)
        self._sample_rate = sample_rate
        self.activate()

    @staticmethod
    def _at(address: Any, kind: Any) -> Any:
        assert address
        return c.cast(address, c.POINTER(kind)).contents

    def extension(self, name: str, kind: Any) -> Any:
        return self._at(self.plugin.get_extension(self.address, name.encode()), kind)

    def _receive(self, events: Any, address: int) -> bool:
        event = _Event.from_address(address)
        names = {
            info.id: name for name, info in self.infos().items() if not info.flags & _READ_ONLY
        }
        if event.type == _PARAM_VALUE and event.parameter in names:
            self.sent.append((names[event.parameter], event.value))
        return True

    def activate(self) -> None:
        assert self.plugin.activate(self.address, self._sample_rate, 1, 8192)
        assert self.plugin.start_processing(self.address)

    def deactivate(self) -> None:
        self.plugin.stop_processing(self.address)
        self.plugin.deactivate(self.address)

    def close(self) -> None:
        self.deactivate()
        self.plugin.destroy(self.address)
        self._entry.deinit()

    @property
    def latency(self) -> int:
        return int(self.extension("clap.latency", _Latency).get(self.address))

    def infos(self) -> dict[str, _Info]:
        found = {}
        for index in range(self.parameters.count(self.address)):
            info = _Info()
            assert self.parameters.info(self.address, index, c.byref(info))
            found[info.name.decode()] = info
        return found

    def value(self, name: str) -> float:
        found = c.c_double()
        assert self.parameters.value(self.address, self.infos()[name].id, c.byref(found))
        return found.value

    def text(self, name: str, value: float) -> str:
        text = c.create_string_buffer(100)
        parameter = self.infos()[name].id
        assert self.parameters.text(self.address, parameter, value, text, 100)
        return text.value.decode()

    def set(self, name: str, value: float) -> None:
        """Set a parameter at the start of the next block."""
        event = _Event(c.sizeof(_Event), 0, 0, _PARAM_VALUE, 0, self.infos()[name].id)
        event.note, event.port, event.channel, event.key = -1, -1, -1, -1
        event.value = value
        self._changes.append(event)

    def process(self, block: Waveform) -> Waveform:
        block = np.ascontiguousarray(block, np.float32)
        output = np.zeros_like(block)
        n = block.shape[1]
        buffers = []
        for samples in (block, output):
            rows = (_Pointer * self.channels)(*(row.ctypes.data for row in samples))
            buffers.append((_Buffer(rows, None, self.channels, 0, 0), rows))
        inputs, outputs = _Inputs(None, self._size, self._get), _Outputs(None, self._push)
        ports = (c.pointer(buffers[0][0]), c.pointer(buffers[1][0]), 1, 1)
        request = _Process(self._offset, n, None, *ports, c.pointer(inputs), c.pointer(outputs))
        assert self.plugin.process(self.address, c.byref(request)) == 1
        self._changes.clear()
        self._offset += n
        return output

    def run(self, clip: Waveform, size: int) -> Waveform:
        parts = [self.process(clip[:, k : k + size]) for k in range(0, clip.shape[1], size)]
        return np.concatenate(parts, axis=1)

    def save(self) -> bytes:
        parts: list[bytes] = []

        def write(stream: Any, data: Any, size: int) -> int:
            parts.append(c.string_at(data, size))
            return size

        stream = _Stream(None, _STREAM(write))
        assert self.extension("clap.state", _State).save(self.address, c.byref(stream))
        return b"".join(parts)

    def load(self, state: bytes) -> bool:
        taken = 0

        def read(stream: Any, data: Any, size: int) -> int:
            nonlocal taken
            part = state[taken : taken + size]
            taken += len(part)
            c.memmove(data, part, len(part))
            return len(part)

        stream = _Stream(None, _STREAM(read))
        return bool(self.extension("clap.state", _State).load(self.address, c.byref(stream)))
