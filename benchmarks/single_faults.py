"""The single faults that may be put into a module, found in its syntax tree.

Each is what a slip or a careless edit does: a comparison or a number is off by one, a condition, a filter, an operand
or a decorator is gone, a statement is not there, what is returned is always the same, arguments are swapped. Left out
by rule is what no test should hold: texts and their parts, annotations (but not the bounds of fields in them),
assertions, what only type checkers run, sizes written as `n << 20`, instants compared with a clock, and options that
change no result.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_REACHED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length")
_NO_RESULT = ("frozen", "slots", "strict", "indent", "repr", "stacklevel", "daemon")
_NO_RESULT_DECORATORS = ("no_grad", "inference_mode", "lru_cache", "cache", "overload", "override", "runtime_checkable")
_FORMS = ("property", "staticmethod", "classmethod", "contextmanager", "dataclass", "cached_property", "setter")
_ANY_ORDER = ("isinstance", "issubclass", "getattr", "hasattr", "setattr", "min", "max", "isclose", "enumerate", "zip")
_CLOCKS = ("monotonic", "perf_counter", "time", "process_time")


@dataclass(frozen=True)
class Fault:
    """One fault: what takes the place of the bytes `start` to `end` of a module's source."""

    line: int
    start: int
    end: int
    new: str
    kind: str

    def put_into(self, source: bytes) -> bytes:
        """Return the source with the fault in it."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def told(self, source: bytes) -> str:
        """Return in one line what became what."""
        old = source[self.start : self.end].decode()
        return f"{self.kind}: {_short(old)} → {_short(self.new)}"


def faults(source: bytes) -> list[Fault]:
    """Return the faults of a module in the order of its lines; each leaves what Python can compile."""
    tree = ast.parse(source)
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    found = {}
    for node, new, kind in _Finder().of(tree):
        start = lines[node.lineno - 1] + node.col_offset
        end = lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        fault = Fault(node.lineno, start, end, new, kind)
        found[start, end, new] = fault
    kept = [each for each in found.values() if _compiles(each.put_into(source))]
    return sorted(kept, key=lambda it: (it.start, it.end, it.new))


Place = ast.expr | ast.stmt
Found = Iterator[tuple[Place, str, str]]


class _Finder:
    """Walks a tree, and yields what may be replaced, by what, and the kind of fault; a method a kind of node."""

    def __init__(self) -> None:
        self._truth = False  # whether the function at hand says yes or no

    def of(self, node: ast.AST) -> Found:
        own = getattr(self, f"_{type(node).__name__}", None)
        yield from own(node) if own else self._inside(node)

    def _inside(self, node: ast.AST) -> Found:
        for child in ast.iter_child_nodes(node):
            yield from self.of(child)

    def _nothing(self, node: ast.AST) -> Found:
        return iter(())

    _JoinedStr = _Assert = _nothing

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Found:
        yield from self._decorators(node.decorator_list)
        for default in (*node.args.defaults, *(each for each in node.args.kw_defaults if each)):
            yield from self.of(default)
        outer, self._truth = self._truth, isinstance(node.returns, ast.Name) and node.returns.id == "bool"
        for child in node.body:
            yield from self.of(child)
        self._truth = outer

    _AsyncFunctionDef = _FunctionDef

    def _ClassDef(self, node: ast.ClassDef) -> Found:
        yield from self._decorators(node.decorator_list)
        for child in node.body:
            yield from self.of(child)

    def _decorators(self, nodes: list[ast.expr]) -> Found:
        for node in nodes:
            name = _name(node.func if isinstance(node, ast.Call) else node)
            if name not in (*_FORMS, *_NO_RESULT_DECORATORS):
                yield node, "(lambda it: it)", "no decorator"

    def _AnnAssign(self, node: ast.AnnAssign) -> Found:
        for part in ast.walk(node.annotation):
            if isinstance(part, ast.Call):
                yield from self.of(part)
        if node.value is not None:
            yield from self.of(node.value)

    def _Assign(self, node: ast.Assign) -> Found:
        if _name(node.targets[0]) == "__all__":
            return
        if any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            yield node, "pass", "no statement"
        yield from self._inside(node)

    def _AugAssign(self, node: ast.AugAssign) -> Found:
        yield node, "pass", "no statement"
        yield from self.of(node.value)

    def _Delete(self, node: ast.Delete) -> Found:
        yield node, "pass", "no statement"

    _Continue = _Break = _Delete

    def _Raise(self, node: ast.Raise) -> Found:
        yield node, "pass", "no raise"

    def _Return(self, node: ast.Return) -> Found:
        if node.value is None:
            yield node, "pass", "no statement"
            return
        if self._truth and not isinstance(node.value, ast.Constant):
            yield node.value, "True", "always the same"
            yield node.value, "False", "always the same"
        yield from self.of(node.value)

    def _Expr(self, node: ast.Expr) -> Found:
        if isinstance(node.value, ast.Call):
            yield node, "pass", "no statement"
        elif isinstance(node.value, ast.YieldFrom) or (isinstance(node.value, ast.Yield) and node.value.value):
            yield node, "yield from ()", "no statement"
        yield from self._inside(node)

    def _With(self, node: ast.With) -> Found:
        for item in node.items:
            if item.optional_vars is None:
                yield item.context_expr, '__import__("contextlib").nullcontext()', "no context"
        yield from self._inside(node)

    def _If(self, node: ast.If) -> Found:
        if _name(node.test) == "TYPE_CHECKING" or _is_main(node.test):
            return
        alone = len(node.body) == 1 and not node.orelse
        if not (alone and any(found[0] is node.body[0] for found in self.of(node.body[0]))):
            yield node.test, "False", "never"
        yield from self._inside(node)

    def _IfExp(self, node: ast.IfExp) -> Found:
        yield node, f"({ast.unparse(node.body)})", "always"
        yield node, f"({ast.unparse(node.orelse)})", "never"
        yield from self._inside(node)

    def _comprehension(self, node: ast.comprehension) -> Found:
        for test in node.ifs:
            yield test, "True", "no filter"
        yield from self._inside(node)

    def _BoolOp(self, node: ast.BoolOp) -> Found:
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield node, _written(ast.BoolOp(other, node.values)), "and, or"
        for index in range(len(node.values)):
            rest = [*node.values[:index], *node.values[index + 1 :]]
            yield node, _written(ast.BoolOp(node.op, rest) if rest[1:] else rest[0]), "no operand"
        yield from self._inside(node)

    def _UnaryOp(self, node: ast.UnaryOp) -> Found:
        if isinstance(node.op, ast.Not):
            yield node, f"({ast.unparse(node.operand)})", "no not"
        yield from self._inside(node)

    def _Compare(self, node: ast.Compare) -> Found:
        of_clock = any(_name(part.func) in _CLOCKS for part in ast.walk(node) if isinstance(part, ast.Call))
        for index, op in enumerate(node.ops):
            if not (of_clock and isinstance(op, _ORDERED)):
                ops = [*node.ops[:index], _COMPARED[type(op)](), *node.ops[index + 1 :]]
                yield node, _written(ast.Compare(node.left, ops, node.comparators)), "comparison"
        for part in (node.left, *node.comparators):
            yield from self._both_ways(part)
            yield from self.of(part)

    def _Slice(self, node: ast.Slice) -> Found:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                yield from self._both_ways(part)
                yield from self.of(part)

    def _both_ways(self, node: ast.expr) -> Found:
        """One less, where a bound stands; one more is found with every number."""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            yield node, f"({node.value - 1})", "number"

    def _Call(self, node: ast.Call) -> Found:
        first, second = (*node.args[:2], None, None)[:2]
        shapes = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
        if isinstance(first, shapes) and isinstance(second, shapes) and _name(node.func) not in _ANY_ORDER:
            swapped = ast.Call(node.func, [second, first, *node.args[2:]], node.keywords)
            if ast.unparse(first) != ast.unparse(second):
                yield node, _written(swapped), "swapped"
        yield from self.of(node.func)
        for arg in node.args:
            yield from self.of(arg)
        for keyword in node.keywords:
            if keyword.arg in _BOUNDS:
                yield from self._both_ways(keyword.value)
            if keyword.arg not in _NO_RESULT:
                yield from self.of(keyword.value)

    def _BinOp(self, node: ast.BinOp) -> Found:
        if isinstance(node.op, ast.LShift) or _is_text(node.left) or _is_text(node.right):
            return
        other = _REACHED.get(type(node.op))
        if other is not None and not (isinstance(node.op, ast.Div) and not _is_number(node.right)):
            yield node, _written(ast.BinOp(node.left, other(), node.right)), "arithmetic"
        yield from self._inside(node)

    def _Constant(self, node: ast.Constant) -> Found:
        if isinstance(node.value, bool):
            yield node, str(not node.value), "yes, no"
        elif isinstance(node.value, int):
            yield node, f"({node.value + 1})", "number"
        elif isinstance(node.value, float):
            yield node, f"({node.value * 10 or 1.0!r})", "number"


def _name(node: ast.expr) -> str:
    """Return the last word of a name; empty for what is none."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_main(node: ast.expr) -> bool:
    return isinstance(node, ast.Compare) and _name(node.left) == "__name__"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_number(node: ast.expr) -> bool:
    """Tell whether what is divided by is surely a number, and no part of a path."""
    return isinstance(node, ast.BinOp | ast.Constant) or (isinstance(node, ast.Call) and _name(node.func) == "len")


def _written(node: ast.expr) -> str:
    return f"({ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))})"


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "a fault", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _short(text: str, most: int = 90) -> str:
    line = " ".join(text.split())
    return f"`{line if len(line) <= most else line[: most - 1] + '…'}`"
