"""Every kind that a card can name says all that a kind has to say."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest

from gexbench.cards.fields import TaskKindName
from gexbench.engine.kinds.kind import TaskKind, task_kind

WORDS = get_args(TaskKindName)
METHODS = [name for name, value in vars(TaskKind).items() if inspect.isfunction(value) and not name.startswith("_")]


def test_kinds_say_all_in_which_they_differ() -> None:
    assert {"check", "endpoint", "packed", "infer", "evidence", "try_defense"} <= set(METHODS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("word", WORDS)
def test_a_kind_answers_itself_and_is_asked_as_every_other(word: TaskKindName, method: str) -> None:
    own, due = getattr(type(task_kind(word)), method), getattr(TaskKind, method)
    assert own is not due, f"{word} leaves {method} to the protocol, which does nothing"
    assert list(inspect.signature(own).parameters) == list(inspect.signature(due).parameters)


@pytest.mark.parametrize("word", WORDS)
def test_a_kind_is_found_by_its_word_and_holds_no_state(word: TaskKindName) -> None:
    kind = task_kind(word)
    assert type(kind).__module__ == f"gexbench.engine.kinds.{word.replace('-', '_')}"
    assert task_kind(word) is kind
    assert vars(kind) == {}
