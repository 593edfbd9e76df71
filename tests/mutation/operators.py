"""Small mistakes in a source text: every mutant changes one thing on one line.

Docstrings, imports, annotations, decorators, assertions, text (messages included) and what is
there for type checkers only stay as they are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_OTHER_WAY = {
    ast.Lt: ">=",
    ast.Gt: "<=",
    ast.LtE: ">",
    ast.GtE: "<",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_BORDER = {ast.Lt: "<=", ast.Gt: ">=", ast.LtE: "<", ast.GtE: ">"}
_COMPARISON = re.compile(r"<=|>=|==|!=|<|>|\bis\s+not\b|\bis\b|\bnot\s+in\b|\bin\b")
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
}
_PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("clamp_min", "clamp_max"),
    ("floor", "ceil"),
    ("any", "all"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
)
_OPPOSITE = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
# These change nothing that a program computes.
_IDLE_KEYWORDS = {"strict", "copy", "flush", "daemon", "nogil", "cache"}
_PLAIN_DECORATORS = {
    *("property", "setter", "staticmethod", "classmethod", "abstractmethod"),
    *("contextmanager", "asynccontextmanager", "override"),
}
_TYPING_CALLS = {"TypeVar", "ParamSpec", "NewType", "TypeAliasType", "cast", "namedtuple"}
_SMALL_INT = 16  # larger ones are sizes, which one more does not change noticeably
_GUARD = 1e-3  # floats up to this keep a quotient or a logarithm finite, or stop a search


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One mistake.

    Attributes
    ----------
    line : int
        From 1.
    kind : str
        What sort of mistake.
    old, new : str
        The line without and with it.
    owners : tuple of str
        The function that it is in; outside of functions the names that the line defines.
    body : (int, int)
        First and last line of that function's body; (0, 0) outside of functions, where the
        line runs on import.
    is_decorated : bool
        Whether the function may be compiled, or its results be kept, so that the lines seen
        to run do not tell which tests depend on it.
    """

    line: int
    kind: str
    old: str
    new: str
    owners: tuple[str, ...]
    body: tuple[int, int]
    is_decorated: bool


@dataclass(frozen=True)
class _Place:
    """Where in the program a node stands."""

    owners: tuple[str, ...] = ()
    body: tuple[int, int] = (0, 0)
    is_decorated: bool = False
    returns: str = ""
    last_statements: frozenset[int] = frozenset()  # lines of statements that end a block
    assigned: Mapping[str, int] = field(default_factory=dict)  # in which line first


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str) -> None:
        self.lines = [line.encode() for line in source.splitlines(keepends=True)]
        self.found: list[tuple[int, int, int, str, str, _Place]] = []
        self.place = _Place()

    def add(self, kind: str, line: int, start: int, end: int, text: str) -> None:
        """Note that bytes [start, end) of a line may be replaced by a text."""
        self.found.append((line, start, end, kind, text, self.place))

    def replace(self, kind: str, node: ast.expr | ast.stmt, text: str) -> None:
        """The same for a whole node, if it stands on one line."""
        if node.lineno == node.end_lineno and node.end_col_offset is not None:
            self.add(kind, node.lineno, node.col_offset, node.end_col_offset, text)

    def text(self, node: ast.expr) -> str:
        return self.lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()

    def between(self, left: ast.expr, right: ast.expr) -> tuple[int, int, str] | None:
        """Line, first byte and text of what stands between two nodes on one line."""
        if left.end_lineno != right.lineno or left.end_col_offset is None:
            return None
        text = self.lines[right.lineno - 1][left.end_col_offset : right.col_offset].decode()
        return right.lineno, left.end_col_offset, text

    # What is left alone

    def visit_Import(self, node: ast.Import) -> None: ...

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None: ...

    def visit_Assert(self, node: ast.Assert) -> None: ...

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None: ...

    def visit_Global(self, node: ast.Global) -> None: ...

    # Definitions

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = [ast.unparse(d).split("(")[0].split(".")[-1] for d in node.decorator_list]
        if "overload" in decorators or node.name == "__hash__":  # another hash is as good
            return
        outer, arguments = self.place, node.args
        if outer.body == (0, 0):
            self.place = _Place(owners=outer.owners or (node.name,))
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.visit(default)
        is_decorated = any(name not in _PLAIN_DECORATORS for name in decorators)
        keeps_owner = outer.is_decorated and not is_decorated
        stored = [n for n in ast.walk(node) if isinstance(n, ast.Name) and _is_stored(n)]
        first = {name.id: name.lineno for name in sorted(stored, key=lambda n: -n.lineno)}
        first |= {a.arg: node.lineno for a in ast.walk(arguments) if isinstance(a, ast.arg)}
        self.place = _Place(
            owners=outer.owners if keeps_owner else (node.name,),
            body=(node.body[0].lineno, node.end_lineno or node.lineno),
            is_decorated=is_decorated or outer.is_decorated,
            returns=ast.unparse(node.returns) if node.returns else "",
            last_statements=frozenset(_ends(node)),
            assigned=first,
        )
        self._visit_block(node.body)
        self.place = outer

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if any("Protocol" in ast.unparse(base) for base in node.bases):
            return
        outer = self.place
        if outer.body == (0, 0):
            self.place = _Place(owners=outer.owners or (node.name,))
        self._visit_block(node.body)
        self.place = outer

    def _visit_block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    # Statements

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # docstrings and what is written below an attribute
        if isinstance(node.value, ast.Call | ast.Await):
            self.replace("statement deleted", node, "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        names = [n.id for n in ast.walk(target) if isinstance(n, ast.Name) and _is_stored(n)]
        if self.place == _Place():
            if not any(name.startswith("__") for name in names):
                self._visit_as(tuple(names), node.value)
            return
        # Without its first assignment a name is missing, which every test notices.
        is_first = any(self.place.assigned.get(name, 0) >= node.lineno for name in names)
        if not is_first and self.place.owners != ("__init__",):
            self.replace("statement deleted", node, "pass")
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is None or ast.unparse(node.annotation).endswith("TypeAlias"):
            return
        if isinstance(node.target, ast.Name) and self.place == _Place():
            self._visit_as((node.target.id,), node.value)
        else:
            self.visit(node.value)

    def _visit_as(self, owners: tuple[str, ...], value: ast.expr) -> None:
        outer, self.place = self.place, _Place(owners=owners)
        self.visit(value)
        self.place = outer

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.replace("statement deleted", node, "pass")
        there = self.between(node.target, node.value)
        if there is not None and type(node.op) in _ARITHMETIC and not _is_text(node.value):
            old, new = _ARITHMETIC[type(node.op)]
            line, start, text = there
            at = start + text.index(f"{old}=")
            self.add("arithmetic", line, at, at + len(old), new)
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.replace("statement deleted", node, "pass")

    def visit_Continue(self, node: ast.Continue) -> None:
        if node.lineno not in self.place.last_statements:
            self.replace("statement deleted", node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self.replace("statement deleted", node, "pass")

    def visit_Return(self, node: ast.Return) -> None:
        value = node.value
        if value is None:
            if node.lineno not in self.place.last_statements:
                self.replace("statement deleted", node, "pass")
            return
        if not isinstance(value, ast.Constant) and value.lineno == value.end_lineno:
            text = self.text(value)
            other = {"bool": f"not ({text})", "float": f"({text}) + 1.0", "int": f"({text}) + 1"}
            self.replace("return value", node, f"return {other.get(self.place.returns, 'None')}")
        self.visit(value)

    def visit_If(self, node: ast.If) -> None:
        test = ast.unparse(node.test)
        if "TYPE_CHECKING" in test or "__name__" in test:
            self._visit_block(node.orelse)
            return
        self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            self.replace("condition", test, f"(not {self.text(test)})")

    # Expressions

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            there = self.between(left, right)
            if there is not None:
                line, start, text = there
                match = _COMPARISON.search(text)
                assert match is not None
                # At other borders, whether the border belongs to it shows in no test.
                is_count = any(_is_whole(side) or _is_len(side) for side in (left, right))
                others = [_OTHER_WAY[type(operator)]]
                if is_count and type(operator) in _BORDER:
                    others.append(_BORDER[type(operator)])
                for other in others:
                    self.add("comparison", line, start + match.start(), start + match.end(), other)
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            there = self.between(left, right)
            if there is not None:
                line, start, text = there
                at = start + text.index(old)
                self.add("logic", line, at, at + len(old), new)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        there = self.between(node.left, node.right)
        sides = (node.left, node.right)
        if there is not None and type(node.op) in _ARITHMETIC and not any(map(_is_text, sides)):
            old, new = _ARITHMETIC[type(node.op)]
            line, start, text = there
            at = start + text.index(old)
            self.add("arithmetic", line, at, at + len(old), new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self.replace("negation", node, f"({self.text(node.operand)})")
        elif isinstance(node.op, ast.USub):
            self.replace("sign", node, f"({self.text(node.operand)})")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func).split(".")[-1]
        if name in _TYPING_CALLS:
            return
        end = node.func.end_col_offset or 0
        if name in _OPPOSITE and isinstance(node.func, ast.Name | ast.Attribute):
            line = node.func.end_lineno or node.lineno
            self.add("function", line, end - len(name), end, _OPPOSITE[name])
        self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in _IDLE_KEYWORDS:
            self.visit(node.value)

    def visit_Slice(self, node: ast.Slice) -> None:
        for border in (node.lower, node.upper):
            if border is not None and not _is_number(border):
                self.replace("slice", border, f"{self.text(border)} + 1")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        others: list[object] = []
        if isinstance(value, bool):
            others = [not value]
        elif isinstance(value, int):
            others = [value + 1, value - 1] if 0 < value < _SMALL_INT else [2 * value or 1]
        elif isinstance(value, float):
            others = [1.0 if abs(value) <= _GUARD else 2.0 * value]
        for other in others:
            self.replace("constant", node, repr(other))


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _is_text(node: ast.expr) -> bool:
    """Whether it is text or a list, of which only a sum or a multiple makes sense."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp)


def _is_len(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "len"


def _is_whole(node: ast.expr) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, int | float) and value == int(value)


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant)


def _ends(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    """Lines of the statements after which the function, or a round of a loop, ends anyway."""
    for node in ast.walk(function):
        if node is function or isinstance(node, ast.For | ast.AsyncFor | ast.While):
            yield from _last_lines(node.body)


def _last_lines(block: list[ast.stmt]) -> Iterator[int]:
    last = block[-1]
    yield last.lineno
    if isinstance(last, ast.If | ast.With):
        yield from _last_lines(last.body)
        if isinstance(last, ast.If) and last.orelse:
            yield from _last_lines(last.orelse)


def possible(source: str) -> list[Mutant]:
    """Every mutant of a source text, by line; `mutated` tells which of them are programs."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    found = []
    for line, start, end, kind, text, place in sorted(finder.found, key=lambda item: item[:3]):
        old = finder.lines[line - 1]
        new = old[:start] + text.encode() + old[end:]
        found.append(
            Mutant(
                line=line,
                kind=kind,
                old=old.decode(),
                new=new.decode(),
                owners=place.owners,
                body=place.body,
                is_decorated=place.is_decorated,
            )
        )
    return found


def mutated(source: str, mutant: Mutant) -> str | None:
    """The source text with a mutant's line; None unless it is another program, and one at all."""
    lines = source.splitlines(keepends=True)
    lines[mutant.line - 1] = mutant.new
    text = "".join(lines)
    try:
        is_other = ast.dump(ast.parse(text)) != _meaning(source)
    except SyntaxError:
        return None
    return text if is_other else None


@lru_cache(1)
def _meaning(source: str) -> str:
    return ast.dump(ast.parse(source))
