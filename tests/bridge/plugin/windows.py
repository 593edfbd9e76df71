"""The plugin's window without a host's program: as CLAP and as LV2 open it."""

from __future__ import annotations

import ctypes as c
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bridge.plugin.clap_host import ClapPlugin
from tests.bridge.plugin.screen import Screen

WIDTH, HEIGHT = 880, 540  # of bridge/plugin/window/theme.hpp
TAB_B, SEARCH, CLEAR, FIRST_FOUND = (230, 80), (120, 127), (290, 127), (100, 186)
PAD = (336.0, 110.0, 404.0, 232.0)  # what the middle of its knob reaches: left, top, width, height
DIALS = {"Strength": (373, 418), "Mix": (483, 418), "Morph": (593, 418), "Output gain": (703, 418)}
BYPASS, RENDER = (816, 30), (529, 30)
METERS, STATUS = (770, 104, 866, 470), (14, 505, 430, 535)
REGION = (440, 505, 866, 535)  # the right part of the bottom line

_Pointer = c.c_void_p
_ON = c.CFUNCTYPE(c.c_bool, _Pointer)
_SIZE = c.CFUNCTYPE(c.c_bool, _Pointer, c.c_uint32, c.c_uint32)


class _Gui(c.Structure):
    _fields_ = [
        ("is_api_supported", _Pointer),
        ("get_preferred_api", _Pointer),
        ("create", c.CFUNCTYPE(c.c_bool, _Pointer, c.c_char_p, c.c_bool)),
        ("destroy", c.CFUNCTYPE(None, _Pointer)),
        ("set_scale", c.CFUNCTYPE(c.c_bool, _Pointer, c.c_double)),
        ("get_size", c.CFUNCTYPE(c.c_bool, _Pointer, c.POINTER(c.c_uint32), c.POINTER(c.c_uint32))),
        ("can_resize", _ON),
        ("get_resize_hints", _Pointer),
        ("adjust_size", _Pointer),
        ("set_size", _SIZE),
        ("set_parent", _Pointer),
        ("set_transient", _Pointer),
        ("suggest_title", c.CFUNCTYPE(None, _Pointer, c.c_char_p)),
        ("show", _ON),
        ("hide", _ON),
    ]


class _HostGui(c.Structure):
    _fields_ = [
        ("resize_hints_changed", c.CFUNCTYPE(None, _Pointer)),
        ("request_resize", _SIZE),
        ("request_show", _ON),
        ("request_hide", _ON),
        ("closed", c.CFUNCTYPE(None, _Pointer, c.c_bool)),
    ]


class _HostTimer(c.Structure):
    _fields_ = [
        ("register", c.CFUNCTYPE(c.c_bool, _Pointer, c.c_uint32, c.POINTER(c.c_uint32))),
        ("unregister", c.CFUNCTYPE(c.c_bool, _Pointer, c.c_uint32)),
    ]


class _Timer(c.Structure):
    _fields_ = [("on_timer", c.CFUNCTYPE(None, _Pointer, c.c_uint32))]


class ClapWindow:
    """The window of a CLAP plugin. X11 must have been told of the screen by DISPLAY."""

    def __init__(self, path: Path, screen: Screen, scale: float = 1.0) -> None:
        gui = _HostGui(
            _HostGui._fields_[0][1](lambda host: None),
            _SIZE(lambda host, width, height: True),
            _ON(lambda host: True),
            _ON(lambda host: True),
            _HostGui._fields_[4][1](lambda host, destroyed: None),
        )
        timer = _HostTimer(
            _HostTimer._fields_[0][1](lambda host, milliseconds, number: True),
            _HostTimer._fields_[1][1](lambda host, number: True),
        )
        extensions = {b"clap.gui": gui, b"clap.timer-support": timer}
        self.plugin = ClapPlugin(path, "org.astfx.stereo", 48_000, 2, extensions=extensions)
        self.gui: Any = self.plugin.extension("clap.gui", _Gui)
        self._timer: Any = self.plugin.extension("clap.timer-support", _Timer)
        address = self.plugin.address
        assert self.gui.create(address, b"x11", True)
        self.gui.set_scale(address, scale)
        self.gui.suggest_title(address, b"astfx under test")
        assert self.gui.show(address)
        self.screen = screen
        self.window = screen.opened("astfx under test", self.idle)

    def idle(self) -> None:
        self._timer.on_timer(self.plugin.address, 0)

    def block(self, samples: Any) -> None:
        """Play a block, which brings parameters to the window and back."""
        self.plugin.process(samples)
        self.idle()

    def close(self) -> None:
        self.gui.destroy(self.plugin.address)
        self.plugin.close()


class _Feature(c.Structure):
    _fields_ = [("uri", c.c_char_p), ("data", _Pointer)]


_MAP = c.CFUNCTYPE(c.c_uint32, _Pointer, c.c_char_p)


class _UridMap(c.Structure):
    _fields_ = [("handle", _Pointer), ("map", _MAP)]


class _Option(c.Structure):
    _fields_ = [
        ("context", c.c_int),
        ("subject", c.c_uint32),
        ("key", c.c_uint32),
        ("size", c.c_uint32),
        ("type", c.c_uint32),
        ("value", _Pointer),
    ]


_WRITE = c.CFUNCTYPE(None, _Pointer, c.c_uint32, c.c_uint32, c.c_uint32, _Pointer)


class _Descriptor(c.Structure):
    _fields_ = [
        ("uri", c.c_char_p),
        (
            "instantiate",
            c.CFUNCTYPE(
                _Pointer,
                _Pointer,
                c.c_char_p,
                c.c_char_p,
                _WRITE,
                _Pointer,
                c.POINTER(_Pointer),
                c.POINTER(c.POINTER(_Feature)),
            ),
        ),
        ("cleanup", c.CFUNCTYPE(None, _Pointer)),
        (
            "port_event",
            c.CFUNCTYPE(None, _Pointer, c.c_uint32, c.c_uint32, c.c_uint32, _Pointer),
        ),
        ("extension_data", c.CFUNCTYPE(_Pointer, c.c_char_p)),
    ]


class _Idle(c.Structure):
    _fields_ = [("idle", c.CFUNCTYPE(c.c_int, _Pointer))]


class _Show(c.Structure):
    _fields_ = [("show", c.CFUNCTYPE(c.c_int, _Pointer)), ("hide", c.CFUNCTYPE(c.c_int, _Pointer))]


class Lv2Window:
    """The window of the LV2 plugin, which knows nothing of the plugin but the ports' numbers.

    Attributes
    ----------
    written : list of (int, float)
        What the window has written to the ports.
    """

    def __init__(self, bundle: Path, uri: str, screen: Screen) -> None:
        library = c.CDLL(str(bundle / f"{bundle.stem}_ui.so"))
        library.lv2ui_descriptor.restype = c.POINTER(_Descriptor)
        self._descriptor = library.lv2ui_descriptor(0).contents
        self.written: list[tuple[int, float]] = []
        known: list[bytes] = []

        def number(handle: Any, name: bytes) -> int:
            if name not in known:
                known.append(name)
            return known.index(name) + 1

        def write(controller: Any, port: int, size: int, protocol: int, data: int) -> None:
            assert (size, protocol) == (4, 0)
            self.written.append((port, c.c_float.from_address(data).value))

        self._write, self._map = _WRITE(write), _UridMap(None, _MAP(number))
        self._options = (_Option * 1)()
        features = [
            _Feature(b"http://lv2plug.in/ns/ext/urid#map", c.addressof(self._map)),
            _Feature(b"http://lv2plug.in/ns/ext/options#options", c.addressof(self._options)),
        ]
        self._features = (c.POINTER(_Feature) * 3)(*map(c.pointer, features))
        widget = _Pointer()
        folder = f"{bundle}/".encode()
        self.handle = self._descriptor.instantiate(
            c.addressof(self._descriptor),
            uri.encode(),
            folder,
            self._write,
            None,
            c.byref(widget),
            self._features,
        )
        assert self.handle
        self._idle = self._interface("idleInterface", _Idle)
        assert self._interface("showInterface", _Show).show(self.handle) == 0
        self.screen = screen
        self.window = screen.opened("astfx", self.idle)

    def _interface(self, name: str, kind: Any) -> Any:
        uri = f"http://lv2plug.in/ns/extensions/ui#{name}".encode()
        return c.cast(self._descriptor.extension_data(uri), c.POINTER(kind)).contents

    def idle(self) -> None:
        self._idle.idle(self.handle)

    def tell(self, port: int, value: float) -> None:
        """What a host does where a port has a new value."""
        number = c.c_float(value)
        self._descriptor.port_event(self.handle, port, 4, 0, c.addressof(number))

    def close(self) -> None:
        self._descriptor.cleanup(self.handle)


def on_screen(screen: Screen, open_window: Callable[[], Any]) -> Any:
    """Open a window of this process on a screen."""
    before = os.environ.get("DISPLAY")
    os.environ["DISPLAY"] = screen.display
    try:
        return open_window()
    finally:
        if before is None:
            del os.environ["DISPLAY"]
        else:
            os.environ["DISPLAY"] = before
