"""What of a module's source counts, and what it imports."""

from __future__ import annotations

import pytest

from gexbench.engine.machine.source_code import Import, read_code, read_imports

SOURCE = '''"""A module."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from a import b


def area(side: float) -> float:
    """Return it."""
    return side * side  # flat


class Nothing:
    """Hold nothing."""
'''


def digest(source: str) -> str:
    return read_code(source.encode()).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A module.", "Another one."),
        ("Return it.", "Return the area."),
        ("Hold nothing.", "Hold."),
        ("  # flat", ""),
        ("side * side", "(side\n        * side)"),
        ("from a import b", "from a import c, d"),
        ("\n\n\nclass", "\n\n\n\n'''A string that stands alone.'''\nclass"),
    ],
)
def test_what_computes_nothing_does_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert digest(SOURCE.replace(old, new, 1)) == digest(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("side * side", "side + side"),
        ("side * side", "side * 2"),
        ("side * side", "side, side"),
        ("side * side", "[side, side]"),
        ("def area", "def volume"),
        ("side: float", "side: float = 1.0"),
        ("import TYPE_CHECKING", "import Any"),
        ("class Nothing", "class Nothing(dict)"),
    ],
)
def test_what_computes_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert digest(SOURCE.replace(old, new, 1)) != digest(SOURCE)


@pytest.mark.parametrize(
    ("one", "other"), [("x = 1", "x = True"), ("x = 1", "x = 1.0"), ("x = 'a'", "x = b'a'"), ("f()", "f('')")]
)
def test_values_of_other_types_are_other_values(one: str, other: str) -> None:
    assert digest(one) != digest(other)


def test_a_hash_is_the_same_under_every_python() -> None:
    """The value was taken under 3.11, 3.12 and 3.13, whose trees of this source differ."""
    source = 'def f(x, w):\n    return f"{x!r:>{w}} {{}} {x = } {w:}" "ä" f"{x}\U0001fae8"\n'
    assert digest(f"{source}\n\ny = (1.5e300j, ..., None)\n")[:16] == "fde1a6791696639c"


def test_imports_are_found_wherever_they_stand() -> None:
    source = (
        "import a.b, c\nfrom . import d\nfrom ..e import f as g, h\n"
        "def i():\n    try:\n        import j\n    except ImportError:\n        from k import *\n"
        "if x:\n    pass\nelse:\n    match y:\n        case 1:\n            import m\n"
    )
    assert set(read_code(source.encode()).imports) == {
        Import(0, "a.b", ()), Import(0, "c", ()), Import(1, "", ("d",)), Import(2, "e", ("f", "h")),
        Import(0, "j", ()), Import(0, "k", ("*",)), Import(0, "m", ()),
    }  # fmt: skip


def test_imports_for_type_checkers_alone_are_none() -> None:
    source = "import typing\nif typing.TYPE_CHECKING:\n    import a\nelse:\n    import b\n"
    assert set(read_imports(source.encode())) == {Import(0, "typing", ()), Import(0, "b", ())}


@pytest.mark.parametrize("source", [b"def (", b"\xff\xfe", b"x = '\0'", b"-" * 100_000 + b"1", b"(" * 999, b'"\\d"'])
def test_foreign_source_that_is_no_python_imports_nothing(source: bytes) -> None:
    assert read_imports(source) == ()


def test_a_long_sum_hides_no_import_of_a_plug_in() -> None:
    assert read_imports(b"x = " + b" + ".join([b"1"] * 2000) + b"\nimport a\n") == (Import(0, "a", ()),)
