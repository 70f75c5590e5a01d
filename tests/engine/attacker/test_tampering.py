"""What is changed in the process that an attack shares with gexbench has a name."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import pytest
import torch

from gexbench.engine.attacker.tampering import MOST, Snapshot, changes, short, snapshot

MODULE = "gexbench.toy_module"
CODE = f"""
class Meter:
    def ask(self, n): return n
    @staticmethod
    def static(n): return n
    @classmethod
    def made(cls): return cls()
    @property
    def left(self): return 1

def count(n, most=3, *, least=1): return n

count.__module__ = {MODULE!r}
LIMIT = 5
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of gexbench that tests may spoil, and another one that has its function too."""
    made, other = ModuleType(MODULE), ModuleType(f"{MODULE}_too")
    exec(CODE, vars(made))
    vars(other)["count"] = vars(made)["count"]
    monkeypatch.setitem(sys.modules, MODULE, made)
    monkeypatch.setitem(sys.modules, f"{MODULE}_too", other)
    return made


def told(before: Snapshot) -> list[str]:
    return [text.removeprefix("gexbench.").removeprefix("toy_module.") for text in changes(before)]


SPOILT: dict[str, tuple[str, str]] = {
    "function": ("module.count = lambda n: n", "count was replaced"),
    "number": ("module.LIMIT = 50", "LIMIT was replaced"),
    "class": ("module.Meter = int", "Meter was replaced"),
    "method": ("module.Meter.ask = lambda self, n: 0", "Meter.ask was replaced"),
    "static": ("module.Meter.static = staticmethod(len)", "Meter.static was replaced"),
    "class method": ("module.Meter.made = classmethod(len)", "Meter.made was replaced"),
    "property": ("module.Meter.left = property(len)", "Meter.left was replaced"),
    "gone": ("del module.LIMIT", "LIMIT was replaced"),
    "code within a static method": (
        "module.Meter.static.__code__ = (lambda n: 0).__code__",
        "Meter.static was replaced",
    ),
}


@pytest.mark.parametrize(("deed", "sentence"), SPOILT.values(), ids=SPOILT)
def test_a_part_that_was_replaced_is_named(module: ModuleType, deed: str, sentence: str) -> None:
    before = snapshot()
    exec(deed, {"module": module})
    found = told(before)
    assert sentence in found
    assert all(text.startswith(sentence.split()[0]) for text in found)  # a class goes with its methods


@pytest.mark.parametrize(
    "deed",
    [
        "module.count.__code__ = (lambda n, most, *, least: 0).__code__",
        "module.count.__defaults__ = (5,)",
        "module.count.__kwdefaults__ = {'least': 0}",
    ],
)
def test_a_function_altered_in_place_is_named_once_by_where_it_was_defined(module: ModuleType, deed: str) -> None:
    before = snapshot()
    exec(deed, {"module": module})
    assert told(before) == ["count was replaced"]


def test_what_was_loaded_or_added_since_is_no_change(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot()
    monkeypatch.setitem(sys.modules, "gexbench.later", ModuleType("gexbench.later"))
    vars(module)["more"] = 1
    monkeypatch.setenv("A_NEW_ONE", "1")
    assert changes(before) == []


def test_at_most_twenty_changes_are_named(module: ModuleType) -> None:
    vars(module).update({f"part{number}": number for number in range(3 * MOST)})
    before = snapshot()
    vars(module).update({f"part{number}": -1 for number in range(3 * MOST)})
    assert told(before) == [f"part{number} was replaced" for number in range(MOST)]


def signals() -> Iterator[None]:
    old = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGUSR2, old)


def floating_points() -> Iterator[None]:
    with np.errstate(divide="raise"):
        yield


def printing() -> Iterator[None]:
    with np.printoptions(precision=3):
        yield


def device() -> Iterator[None]:
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (signals, f"the handler of signal {int(signal.SIGUSR2)} was changed to {signal.SIG_IGN}"),
        (floating_points, "numpy's handling of floating-point errors was changed to {'divide': 'raise'"),
        (printing, "numpy's way of printing was changed to {"),
        (device, "torch's default device was changed to meta"),
    ],
)
def test_a_setting_of_the_whole_process_is_named_with_its_value(
    change: Callable[[], Iterator[None]], sentence: str
) -> None:
    before, changed = snapshot(), change()
    next(changed)
    found = changes(before)
    next(changed, None)
    assert [text[: len(sentence)] for text in found] == [sentence]
    assert changes(before) == []


def test_a_secret_in_the_environment_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "first")
    before = snapshot()
    monkeypatch.setenv("SECRET", "second")
    assert changes(before) == ["the environment variable SECRET was changed"]


def test_a_long_text_is_cut_to_one_line_with_its_end_kept() -> None:
    assert short("tried\n to  read\t/x") == "tried to read /x"
    cut = short("a" * 500 + "/the/end")
    assert len(cut) == 200
    assert cut.endswith("a/the/end")
    assert "…" in cut
    assert short("b" * 200) == "b" * 200
