"""The verbs for Python callers: keywords, budgets, and what is refused."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, cast

import pytest
from record_factory import record_of, stand_in

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import named_root
from gexbench.errors import GexbenchError, PlanError
from gexbench.plan import Plan
from gexbench.record import RunRecord


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let runs on a small registry end at once; returns the plans started."""
    stand_in(tmp_path, monkeypatch)
    plans: list[Plan] = []

    def run(plan: Plan, catalog: object, out: Path, progress: bench.Progress) -> RunRecord:
        plans.append(plan)
        progress(f"below {out}", 0, 0)
        return record_of(plan)

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def test_every_keyword_reaches_the_plan(started: list[Plan]) -> None:
    seen: list[tuple[str, int, int]] = []
    record = bench.run(
        "sr",
        "srresnet",
        defense="jpeg",
        profile="paper",
        budget=700,
        seed=3,
        options={"steps": 9, "lr": 0.5},
        defense_options={"quality": 5},
        isolation="none",
        device="cpu",
        deadline=4,
        victim="net",
        dataset="photos",
        out="there",
        progress=lambda *tick: seen.append(tick),
    )
    (plan,) = started
    assert record.plan == plan
    assert plan.defense is not None
    assert (plan.profile.name, plan.budget, plan.seed, plan.defense.name) == ("paper", 700, 3, "jpeg")
    assert (plan.options, plan.defense_options) == ({"steps": 9, "lr": 0.5}, {"quality": 5})
    assert (plan.isolation, plan.device, plan.deadline) == ("none", "cpu", 4.0)
    assert seen == [("below there", 0, 0)]


@pytest.mark.parametrize(("given", "images"), [(None, 100), (50, 50), ("50", 50), ("50%", 50)])
def test_a_budget_is_a_number_or_a_text(started: list[Plan], given: int | str | None, images: int) -> None:
    assert bench.run("sr", "srresnet", budget=given).plan.budget == images


def test_an_attack_may_be_a_folder_and_cards_may_lie_in_one(started: list[Plan], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "card.toml").write_text('[attack]\nname = "me/mine"\nsummary = "M."\nentry = "mine:M"\n')
    bench.run("sr", folder)
    bench.run("sr", "me/mine", registry=folder)
    bench.run("sr", "me/mine", registry=[str(folder)])
    assert [plan.attack.name for plan in started] == ["me/mine"] * 3


@pytest.mark.parametrize(
    ("verb", "name", "hint"),
    [
        (bench.run, "buget", "budget"),
        (bench.run, "defence", "defense"),
        (bench.run, "sead", "seed"),
        (bench.score, "metric", "metrics"),
    ],
)
def test_a_misspelt_keyword_is_met_with_the_nearest(started: list[Plan], verb: Any, name: str, hint: str) -> None:
    with pytest.raises(PlanError, match=rf"^{verb.__name__}\(\) takes no argument '{name}'") as caught:
        verb("sr", "srresnet", **{name: 5})
    assert f"did you mean {hint}" in caught.value.hint
    assert started == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"budget": 0}, "allows 1 to 100"),
        ({"budget": "half"}, "neither a number of images nor a percentage"),
        ({"budget": 0.5}, "neither a number of images nor a percentage"),
        ({"seed": "1"}, "--seed '1' is not a whole number"),
        ({"isolation": "sandbox"}, "--isolation 'sandbox' is unknown"),
        ({"options": {"stepz": 3}}, "no option 'stepz'"),
        ({"defense_options": {"quality": 3}}, "but no defense"),
        ({"registry": "nowhere"}, "no folder of cards at nowhere"),
    ],
)
def test_bad_values_are_refused_before_anything_runs(started: list[Plan], given: dict[str, Any], told: str) -> None:
    with pytest.raises(GexbenchError, match=told):
        bench.run("sr", "srresnet", **given)
    assert started == []


def test_the_keywords_are_typed_and_only_by_name() -> None:
    parameters = inspect.signature(bench.run).parameters
    assert parameters["budget"].annotation == "int | str | None"
    assert all(each.annotation is not each.empty for each in parameters.values())
    assert [name for name, each in parameters.items() if each.kind == each.POSITIONAL_OR_KEYWORD] == ["task", "attack"]


def test_names_come_as_a_list_or_in_one_text() -> None:
    assert bench.listed("fid, kid,,fid") == bench.listed(["fid", "kid"]) == ("fid", "kid")
    assert bench.listed([128, "50%", Path("a/b")]) == ("128", "50%", "a/b")
    assert bench.listed(()) == bench.listed(" , ") == ()


@pytest.mark.parametrize("where", [".", "runs", "attacks/deep"])
def test_runs_never_lie_in_a_plug_ins_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    (tmp_path / "mine" / "attacks").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    catalog = Catalog((named_root(tmp_path / "mine"),))
    with pytest.raises(PlanError, match=r"--out .* lies inside .*mine, the folder of a plug-in"):
        bench.run_plan(cast(Plan, None), catalog, tmp_path / "mine" / where, bench.quiet)
