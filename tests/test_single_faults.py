"""The benchmark that counts the faults which tests notice: what it calls a fault, and that it finds those that pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def single_faults(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the benchmark's module, which is no part of the package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return pytest.importorskip("single_faults")


@pytest.mark.parametrize(
    ("source", "become"),
    [
        ("a < b", {"(a <= b)"}),
        ("a == 3", {"(a != 3)", "a == (2)", "a == (4)"}),
        ("x = not a", {"x = (a)"}),
        ("x = a and b", {"x = (a or b)", "x = (a)", "x = (b)"}),
        ("x = a if b else c", {"x = (a)", "x = (c)"}),
        ("x = [a for a in b if c]", {"x = [a for a in b if True]"}),
        ("if a:\n    f()", {"if a:\n    pass"}),
        ("if a:\n    b = c", {"if False:\n    b = c"}),
        ("def f() -> bool:\n    return g()", {f"def f() -> bool:\n    return {it}" for it in (True, False)}),
        ("def f():\n    raise E(1)", {"def f():\n    pass"}),
        ("def f():\n    yield a", {"def f():\n    yield from ()"}),
        ("a.b = c", {"pass"}),
        ("x = f(a, b)", {"x = (f(b, a))"}),
        ("x = a - b", {"x = (a + b)"}),
        ("x = 5", {"x = (6)"}),
        ("x = True", {"x = False"}),
        ("x = a[:2]", {"x = a[:(1)]", "x = a[:(3)]"}),
        ("@d(1)\ndef f(): ...", {"@(lambda it: it)\ndef f(): ..."}),
        ("with lock():\n    b = c", {'with __import__("contextlib").nullcontext():\n    b = c'}),
        (
            "class A:\n    n: int = Field(ge=1)",
            {"class A:\n    n: int = Field(ge=(0))", "class A:\n    n: int = Field(ge=(2))"},
        ),
        ("n: Annotated[int, Field(ge=1)]", {f"n: Annotated[int, Field(ge=({it}))]" for it in (0, 2)}),
    ],
)
def test_a_fault_is_one_slip(single_faults: ModuleType, source: str, become: set[str]) -> None:
    text = source.encode()
    assert {fault.put_into(text).decode() for fault in single_faults.faults(text)} == become


@pytest.mark.parametrize(
    "source",
    [
        '"""A text with 3 words."""',
        '__all__ = ["a"]',
        "if TYPE_CHECKING:\n    import a",
        "def f(a: Literal[1] = b) -> Literal[2]: ...",
        "assert a < 3",
        'x = f"{a + 1} of {b:>3}"',
        'x = "about " + str(3)',
        "LARGEST = 16 << 20",
        "@dataclass(frozen=True)\nclass A: ...",
        "x = monotonic() > b",
        "x = isinstance(a, b)",
        "x = a / b",
    ],
)
def test_what_no_test_should_hold_is_no_fault(single_faults: ModuleType, source: str) -> None:
    assert single_faults.faults(source.encode()) == []


def test_lines_and_letters_of_any_alphabet_do_not_move_a_fault(single_faults: ModuleType) -> None:
    text = 'ä = "漢"\r\nx = "ü" < (\n    b)\n'.encode()
    (fault,) = single_faults.faults(text)
    assert fault.line == 2
    assert fault.put_into(text).decode() == "ä = \"漢\"\r\nx = ('ü' <= b)\n"


@pytest.mark.slow
def test_a_fault_that_passes_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    module, out = BENCHMARKS.parent / "gexbench" / "foreign_text.py", tmp_path / "out.jsonl"
    before = module.read_bytes()
    quick = 1 + [text.strip() for text in before.decode().splitlines()].index("if text.isprintable():")
    words = ["--modules", "foreign_text.py:7", f"foreign_text.py:{quick}", "--out", str(out)]
    command = [sys.executable, str(BENCHMARKS / "mutants.py"), *words]
    done = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert done[0] == done[1]
    assert f"gexbench/foreign_text.py:{quick}  never: `text.isprintable()` → `False`" in done[0]
    found = [json.loads(text) for text in out.read_text(encoding="utf-8").splitlines()]
    assert [(each["line"], bool(each["noticed_by"])) for each in found] == [(7, True), (quick, False)]
    assert module.read_bytes() == before
