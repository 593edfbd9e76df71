"""numba's type of packed named tuples (`astfx.runtime.packed`).

numba's manual describes what is used here under "Low-level extension API".
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.core.imputils import impl_ret_borrowed
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    register_model,
    typeof_impl,
    unbox,
)

from astfx.runtime.packed_memory import WORD_BYTES, Packed


class PackedType(types.Type):
    """Type of a packed named tuple.

    Attributes
    ----------
    places : dict of name to (place, type)
        First word of each field.
    n_words : int
    """

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        super().__init__(f"Packed {name}{fields}")
        self.places: dict[str, tuple[int, Any]] = {}
        self.n_words = 0
        for field, kind in fields:
            self.places[field] = self.n_words, kind
            self.n_words += _n_words(kind)


def _n_words(kind: Any) -> int:
    if isinstance(kind, PackedType):
        return kind.n_words
    return 5 + 2 * kind.ndim if isinstance(kind, types.Array) else 1


def type_of(values: Any) -> PackedType:
    """Type of a packed named tuple."""
    kinds = [
        type_of(value) if isinstance(value, tuple) else numba.typeof(value) for value in values
    ]
    return PackedType(type(values).__name__, tuple(zip(values._fields, kinds, strict=True)))


@typeof_impl.register(Packed)
def _typeof(value: Packed, _context: Any) -> Any:
    return value.kind


@register_model(PackedType)
class _Model(models.OpaqueModel):
    """An address."""


@unbox(PackedType)
def _unbox(_kind: PackedType, value: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(value, "address")
    address = c.pyapi.long_as_voidptr(number)
    c.pyapi.decref(number)
    return NativeValue(address)


@infer_getattr
class _Fields(AttributeTemplate):
    key = PackedType

    def generic_resolve(self, value: Any, attr: str) -> Any:  # type: ignore[override]
        return value.places[attr][1] if attr in value.places else None


@lower_getattr_generic(PackedType)
def _field(context: Any, builder: Any, packed: PackedType, address: Any, name: str) -> Any:
    place, kind = packed.places[name]
    if isinstance(kind, PackedType):
        return _word(builder, address, place)
    value, _ = _load(builder, address, context.get_value_type(kind), place)
    return impl_ret_borrowed(context, builder, kind, value)


def _word(builder: Any, address: Any, place: int) -> Any:
    """Address of a word."""
    return builder.gep(address, [ir.Constant(ir.IntType(64), WORD_BYTES * place)])


def _load(builder: Any, address: Any, kind: Any, place: int) -> tuple[Any, int]:
    """Load a value that begins at a word, and return the place of the next word too.

    The compiler is told that the words never change. It need not load them again whenever an
    element of an array has been written.
    """
    if isinstance(kind, ir.Aggregate):
        value = ir.Constant(kind, ir.Undefined)
        for i, element in enumerate(kind.elements):
            part, place = _load(builder, address, element, place)
            value = builder.insert_value(value, part, i)
        return value, place
    at = _word(builder, address, place)
    word = builder.load(builder.bitcast(at, kind.as_pointer()))
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return word, place + 1
