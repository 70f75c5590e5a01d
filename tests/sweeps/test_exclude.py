"""What a sweep leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from record_factory import stand_in

from gexbench.errors import PlanError
from gexbench.plan import Plan, Request
from gexbench.sweeps.plans import Sweep, plan_all


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch)


def plans(*exclude: dict[str, tuple[str, ...]], **axes: Any) -> list[Plan]:
    return plan_all(Sweep(Request("sr", "srresnet"), exclude=exclude, **axes))[1]


def test_a_rule_leaves_out_what_has_one_value_of_every_key() -> None:
    axes: dict[str, Any] = {"attacks": ("srresnet", "bicubic"), "defenses": (None, "jpeg"), "seeds": (0, 1, 2)}
    left = plans({"attack": ("bicubic",), "seed": ("1", "2")}, {"defense": ("none",), "seed": ("2",)}, **axes)
    made = [(p.attack.name, p.defense.name if p.defense else None, p.seed) for p in left]
    assert made == [
        ("srresnet", None, 0), ("srresnet", None, 1), ("srresnet", "jpeg", 0), ("srresnet", "jpeg", 1),
        ("srresnet", "jpeg", 2), ("bicubic", None, 0), ("bicubic", "jpeg", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["50%", "50"])
def test_a_budget_is_left_out_as_it_was_written_and_as_images(text: str) -> None:
    assert [plan.budget for plan in plans({"budget": (text,)}, budgets=("50%", "100%"))] == [100]


def test_an_option_is_left_out_by_its_value_however_it_is_written() -> None:
    left = plans({"lr": ("1e-1",), "steps": ("2",)}, options={"lr": ("0.1", "0.2"), "steps": ("1", "2")})
    assert [(plan.options["lr"], plan.options["steps"]) for plan in left] == [(0.1, 1), (0.2, 1), (0.2, 2)]


def test_what_is_left_out_by_name_is_not_planned_so_it_may_be_impossible() -> None:
    rule = {"attack": ("bicubic",), "profile": ("huge",)}
    with pytest.raises(PlanError, match="no profile 'huge'"):
        plans(attacks=("srresnet", "bicubic"), profiles=("mini", "huge"))
    rules = (rule, {"profile": ("huge",), "attack": ("srresnet",)})
    left = plans(*rules, attacks=("srresnet", "bicubic"), profiles=("mini", "huge"))
    assert {plan.profile.name for plan in left} == {"mini"}


@pytest.mark.parametrize(
    ("rule", "hint"),
    [({"attack": ("srresnte",)}, "correct it"), ({"atack": ("srresnet",)}, "did you mean attack"), ({}, "correct it")],
)
def test_a_rule_that_leaves_nothing_out_is_refused(rule: dict[str, tuple[str, ...]], hint: str) -> None:
    with pytest.raises(PlanError, match="leaves no run out") as refused:
        plans(rule)
    assert hint in refused.value.hint
