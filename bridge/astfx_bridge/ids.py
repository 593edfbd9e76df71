"""The ids of jobs: one form for each, however a client writes it."""

from __future__ import annotations

import math
import re

MAX_ID_CHARACTERS = 80  # a fail names no more of an id
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,9}")


def canonical_id(value: int | float | str) -> int | str:
    """The form in which an id is kept and sent.

    It is an integer if it is written as a whole number that OSC's type i can hold, and a text
    otherwise. So 7, 7.0 and "7" are one id, and 2**40 and 2**40 + 1 are two.
    """
    if isinstance(value, float):
        # Pure Data sends every number as a float.
        value = int(value) if math.isfinite(value) and value.is_integer() else str(value)
    text = str(value)
    return int(text) if _WHOLE.fullmatch(text) and -(2**31) <= int(text) < 2**31 else text
