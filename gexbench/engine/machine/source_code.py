"""What the source of a module comes to: a hash of what it computes, and what it imports."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The fields of a statement that hold statements."""


class Import(NamedTuple):
    """An import: the dots before the module's name, the name, and what is taken from it, which may be modules too."""

    dots: int
    module: str
    taken: tuple[str, ...]


class Code(NamedTuple):
    """A module's hash, hex, and its imports, wherever they stand in it."""

    digest: str
    imports: tuple[Import, ...]


@cache
def read_code(source: bytes) -> Code:
    """Return what a module's source comes to; raises SyntaxError or ValueError for what is no Python.

    Layout, comments, strings that stand alone (docstrings) and what is for type checkers alone do not count.
    """
    tree, words = _parsed(source), list[str]()
    _write(tree, words)
    return Code(hashlib.sha256("\0".join(words).encode()).hexdigest(), tuple(_imports(tree)))


def read_imports(source: bytes) -> tuple[Import, ...]:
    """Return what foreign source imports; nothing where Python cannot read it, since nothing can import it then."""
    try:
        return tuple(_imports(_parsed(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two where it is nested too deep
        return ()


def _parsed(source: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in somebody's strings
        return ast.parse(source)


def _imports(tree: ast.Module) -> Iterator[Import]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for block in ("orelse",) if _is_for_type_checkers(node) else BLOCKS:
            waiting += getattr(node, block, ())
        if isinstance(node, ast.Import):
            yield from (Import(0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.level, node.module or "", tuple(alias.name for alias in node.names))


def _write(node: object, words: list[str]) -> None:
    """Write a part of a tree down as words, the same ones under every Python."""
    if isinstance(node, ast.AST):
        if not _stands_alone(node):
            _write_node(node, words)
    elif isinstance(node, list):
        words.append("[")
        for part in node:
            _write(part, words)
        words.append("]")
    else:
        words.append(ascii(node))  # what repr() escapes depends on the Python


def _write_node(node: ast.AST, words: list[str]) -> None:
    words.append(f"{type(node).__name__}(")
    for field in ("orelse",) if _is_for_type_checkers(node) else node._fields:
        value = getattr(node, field, None)
        if isinstance(node, ast.JoinedStr):
            value = [part for part in node.values if not _is_empty(part)]  # Python 3.12 adds some
        if value is not None and value != []:  # a field that a later Python adds is empty in what an earlier reads
            words.append(field)
            _write(value, words)
    words.append(")")


def _stands_alone(node: ast.AST) -> bool:
    """Say whether a statement is a string and no more, as a docstring is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_empty(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value == ""


def _is_for_type_checkers(node: ast.AST) -> bool:
    test = node.test if isinstance(node, ast.If) else None
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"
