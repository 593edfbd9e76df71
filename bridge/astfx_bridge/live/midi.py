"""MIDI controllers: control changes move parameters, which they are bound to by learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_CONTROL_CHANGE = 0xB0
LEARNABLE = ("strength", "mix", "morph", "gain", "bypass")


class MidiLearn:
    """Binds control changes to parameters, and passes their values on.

    Parameters
    ----------
    change : callable
        ``change(name, share)`` sets a parameter to a share of its range, 0 to 1.
    waiting : sequence of str
        Parameters to bind: the first control that moves gets the first of them, and so on.

    Attributes
    ----------
    bound : mapping of (channel, control) to str
    """

    def __init__(self, change: Callable[[str, float], None], waiting: Sequence[str] = ()) -> None:
        self._change = change
        self.bound: dict[tuple[int, int], str] = {}
        self.waiting = list(waiting)

    def learn(self, name: str) -> None:
        """Bind a parameter to the next control that moves."""
        self.waiting = [*(other for other in self.waiting if other != name), name]

    def take(self, message: bytes) -> None:
        """Take a MIDI message. All but control changes are ignored."""
        if len(message) < 3 or message[0] & 0xF0 != _CONTROL_CHANGE:
            return
        control = (message[0] & 0x0F, message[1])
        if self.waiting and (control not in self.bound or self.bound[control] in self.waiting):
            name = self.waiting.pop(0)
            self.bound = {key: other for key, other in self.bound.items() if other != name}
            self.bound[control] = name
        if control in self.bound:
            self._change(self.bound[control], min(message[2], 127) / 127.0)
