"""Curve and matrix for Python callers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from record_factory import record_of, stand_in

from gexbench import bench
from gexbench.errors import GexbenchError, PlanError
from gexbench.plan import Plan, Request
from gexbench.record import RunRecord
from gexbench.studies import cross, curve


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let runs on a small registry end at once, better with more data; returns the plans started."""
    stand_in(tmp_path, monkeypatch)
    plans: list[Plan] = []

    def run(plan: Plan, catalog: object, out: Path, progress: bench.Progress, keep: bool) -> RunRecord:
        plans.append(plan)
        progress("training", 1, 2)
        return record_of(plan, b=20.0 + plan.budget / 20)

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def test_a_curve_has_the_budgets_and_seeds_asked_for(started: list[Plan]) -> None:
    made = curve("sr", "srresnet", budgets=(25, "50%"), seeds=2, options={"steps": 7}, defense="jpeg")
    assert [(plan.budget, plan.seed, plan.options["steps"]) for plan in started] == [
        (25, 0, 7),
        (25, 1, 7),
        (50, 0, 7),
        (50, 1, 7),
    ]
    found = made.spread(50, "B", "set5")
    assert found is not None
    assert (found.mean, found.n, made.title.count("against jpeg")) == (22.5, 2, 1)


def test_a_curve_has_the_cards_budgets_and_the_profiles_seeds_where_none_are_named(started: list[Plan]) -> None:
    assert curve("sr", "srresnet").budgets == (50, 100)
    assert [plan.seed for plan in started] == [0, 1, 2] * 2


def test_seeds_may_be_listed(started: list[Plan]) -> None:
    curve("sr", "srresnet", budgets="50%,100%", seeds=[4, 2])
    assert [(plan.budget, plan.seed) for plan in started] == [(50, 4), (50, 2), (100, 4), (100, 2)]


def test_a_matrix_has_every_attack_on_every_victim(started: list[Plan]) -> None:
    made = cross("sr", "net", ["srresnet", "copycat"], seeds=1, budget=50, defense="jpeg")
    assert [(plan.victim.name, plan.attack.name, plan.budget) for plan in started] == [
        ("net", "srresnet", 50),
        ("net", "copycat", 50),
    ]
    assert (made.victims, made.attacks) == (("net",), ("srresnet", "copycat"))


def test_progress_says_of_which_run_it_is(started: list[Plan]) -> None:
    seen: list[tuple[str, int, int]] = []
    curve("sr", "srresnet", budgets=[50], seeds=1, progress=lambda *tick: seen.append(tick))
    assert seen == [(f"{started[0].run_name}: training", 1, 2)]


@pytest.mark.parametrize(
    ("verb", "given", "told"),
    [
        (curve, {"attack": "srresnet", "budget": 3}, r"curve\(\) takes no argument 'budget'"),
        (curve, {"attack": "srresnet", "seeds": 0}, "seeds 0 names none"),
        (curve, {"attack": "srresnet", "budgets": "lots"}, "--budget 'lots'"),
        (cross, {"victims": "net", "attacks": ""}, "attacks names none"),
        (cross, {"victims": [], "attacks": "copycat"}, "victims names none"),
        (cross, {"victims": "net", "attacks": "copycat", "victim": "net"}, r"cross\(\) takes no argument 'victim'"),
    ],
)
def test_bad_input_is_refused_before_any_run(started: list[Plan], verb: Any, given: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanError, match=told):
        verb("sr", **given)
    assert started == []


def test_the_nearest_keyword_is_named(started: list[Plan]) -> None:
    with pytest.raises(GexbenchError) as caught:
        curve("sr", "srresnet", budget=3)  # type: ignore[call-arg]
    assert caught.value.hint.startswith("did you mean budgets")


def test_a_study_without_a_profile_leaves_the_choice_to_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def stop(request: Request, *_: object) -> Request:
        asked.append(request.profile)
        raise PlanError("asked", "enough")

    monkeypatch.setattr(bench, "settle", stop)
    for study in (lambda: curve("sr", "srresnet"), lambda: cross("sr", "net", "srresnet")):
        with pytest.raises(PlanError, match="asked"):
            study()
    assert asked == ["", ""]
