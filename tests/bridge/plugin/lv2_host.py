"""A small host for LV2 plugins on lilv, the library that most hosts of LV2 use."""

from __future__ import annotations

import ctypes as c
from pathlib import Path
from typing import Any

import numpy as np

from astfx.audio import Waveform

LIBRARY = "liblilv-0.so.0"
_FLOAT = b"http://lv2plug.in/ns/ext/atom#Float"
_Pointer = c.c_void_p


class _Feature(c.Structure):
    _fields_ = [("uri", c.c_char_p), ("data", _Pointer)]


_Features = c.POINTER(c.POINTER(_Feature))
_MAP = c.CFUNCTYPE(c.c_uint32, _Pointer, c.c_char_p)
_UNMAP = c.CFUNCTYPE(_Pointer, _Pointer, c.c_uint32)


class _UridMap(c.Structure):
    _fields_ = [("handle", _Pointer), ("map", _MAP)]


class _UridUnmap(c.Structure):
    _fields_ = [("handle", _Pointer), ("unmap", _UNMAP)]


class _Descriptor(c.Structure):
    _fields_ = [
        ("uri", c.c_char_p),
        ("instantiate", _Pointer),
        ("connect_port", c.CFUNCTYPE(None, _Pointer, c.c_uint32, _Pointer)),
        ("activate", c.CFUNCTYPE(None, _Pointer)),
        ("run", c.CFUNCTYPE(None, _Pointer, c.c_uint32)),
        ("deactivate", c.CFUNCTYPE(None, _Pointer)),
        ("cleanup", _Pointer),
        ("extension_data", _Pointer),
    ]


class _Instance(c.Structure):
    _fields_ = [
        ("descriptor", c.POINTER(_Descriptor)),
        ("handle", _Pointer),
        ("private", _Pointer),
    ]


_GET_PORT = c.CFUNCTYPE(
    _Pointer, c.c_char_p, _Pointer, c.POINTER(c.c_uint32), c.POINTER(c.c_uint32)
)
_SET_PORT = c.CFUNCTYPE(None, c.c_char_p, _Pointer, _Pointer, c.c_uint32, c.c_uint32)


class Lv2Plugin:
    """An LV2 plugin, made and not activated; LV2_PATH says where it is.

    Parameters
    ----------
    uri : str
    sample_rate : float, hertz
    channels : int
    """

    def __init__(self, uri: str, sample_rate: float, channels: int) -> None:
        self.lilv = c.CDLL(LIBRARY)
        self._known: list[bytes] = []
        self._texts: dict[int, int] = {}  # addresses of what is known
        self._buffers: list[Any] = []
        self._map = _UridMap(None, _MAP(lambda handle, name: self._number(name)))
        self._unmap = _UridUnmap(None, _UNMAP(lambda handle, number: self._texts[number]))
        features = [
            _Feature(b"http://lv2plug.in/ns/ext/urid#map", c.addressof(self._map)),
            _Feature(b"http://lv2plug.in/ns/ext/urid#unmap", c.addressof(self._unmap)),
        ]
        self._features = (c.POINTER(_Feature) * 3)(*map(c.pointer, features))
        self.world = self._call("lilv_world_new")
        self._call("lilv_world_load_all", self.world)
        name = self._call("lilv_new_uri", self.world, uri.encode())
        plugins = self._call("lilv_world_get_all_plugins", self.world)
        self.plugin = self._call("lilv_plugins_get_by_uri", plugins, name)
        assert self.plugin, f"lilv does not find {uri}"
        instantiate = self.lilv.lilv_plugin_instantiate
        instantiate.restype = _Pointer
        made = instantiate(_Pointer(self.plugin), c.c_double(sample_rate), self._features)
        assert made
        self.instance = _Instance.from_address(made)
        self.descriptor = self.instance.descriptor.contents
        self.channels = channels
        self.values: dict[str, Any] = {}
        self._audio: dict[str, list[int]] = {"in": [], "out": []}
        self._connect()

    def _call(self, name: str, *words: Any) -> Any:
        function = getattr(self.lilv, name)
        function.restype = _Pointer
        return function(*(_Pointer(word) if isinstance(word, int) else word for word in words))

    def _number(self, name: bytes) -> int:
        if name not in self._known:
            self._known.append(name)
            self._buffers.append(c.create_string_buffer(name))
            self._texts[len(self._known)] = c.addressof(self._buffers[-1])
        return self._known.index(name) + 1

    def _connect(self) -> None:
        """Give each port of a parameter a number, with its default."""
        n = int(self._call("lilv_plugin_get_num_ports", self.plugin))
        usual = (c.c_float * n)()
        self._call("lilv_plugin_get_port_ranges_float", self.plugin, None, None, usual)
        audio = self._uri("http://lv2plug.in/ns/lv2core#AudioPort")
        entry = self._uri("http://lv2plug.in/ns/lv2core#InputPort")
        is_a = self.lilv.lilv_port_is_a
        is_a.restype = c.c_bool
        for index in range(n):
            plugin = _Pointer(self.plugin)
            port = _Pointer(
                self._call("lilv_plugin_get_port_by_index", self.plugin, c.c_uint32(index))
            )
            if is_a(plugin, port, _Pointer(audio)):
                self._audio["in" if is_a(plugin, port, _Pointer(entry)) else "out"].append(index)
                continue
            symbol = c.c_char_p(
                self._call(
                    "lilv_node_as_string",
                    self._call("lilv_port_get_symbol", self.plugin, port.value),
                )
            ).value
            assert symbol
            value = self.values[symbol.decode()] = c.c_float(usual[index])
            self.descriptor.connect_port(self.instance.handle, index, c.addressof(value))

    def _uri(self, text: str) -> int:
        return int(self._call("lilv_new_uri", self.world, text.encode()))

    def activate(self) -> None:
        self.descriptor.activate(self.instance.handle)

    def run(self, clip: Waveform, size: int) -> Waveform:
        parts = []
        for first in range(0, clip.shape[1], size):
            block = np.ascontiguousarray(clip[:, first : first + size], np.float32)
            output = np.zeros_like(block)
            for ports, samples in ((self._audio["in"], block), (self._audio["out"], output)):
                for index, row in zip(ports, samples, strict=True):
                    self.descriptor.connect_port(self.instance.handle, index, row.ctypes.data)
            self.descriptor.run(self.instance.handle, block.shape[1])
            parts.append(output)
        return np.concatenate(parts, axis=1)

    def save(self, folder: Path) -> None:
        """Write the state to a folder, as hosts do for their projects."""

        def get(symbol: bytes, data: Any, size: Any, kind: Any) -> int:
            size[0], kind[0] = 4, self._number(_FLOAT)
            return c.addressof(self.values[symbol.decode()])

        place = str(folder).encode()
        state = self._call(
            "lilv_state_new_from_instance",
            self.plugin,
            c.addressof(self.instance),
            c.addressof(self._map),
            *[place] * 4,
            _GET_PORT(get),
            None,
            c.c_uint32(3),  # plain and portable values
            self._features,
        )
        assert state
        words = (self.world, c.addressof(self._map), c.addressof(self._unmap), state, None)
        assert self._call("lilv_state_save", *words, place, b"state.ttl") is None

    def load(self, folder: Path) -> None:
        """Take the state that `save` has written."""
        path = str(folder / "state.ttl").encode()
        state = self._call(
            "lilv_state_new_from_file", self.world, c.addressof(self._map), None, path
        )
        assert state

        def put(symbol: bytes, data: Any, value: int, size: int, kind: int) -> None:
            assert (size, kind) == (4, self._number(_FLOAT))
            self.values[symbol.decode()].value = c.c_float.from_address(value).value

        self._call(
            "lilv_state_restore",
            state,
            c.addressof(self.instance),
            _SET_PORT(put),
            None,
            c.c_uint32(0),
            self._features,
        )
