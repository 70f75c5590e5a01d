"""Many runs: which plans a sweep makes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from record_factory import Records, stand_in

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.errors import CardError, PlanError
from gexbench.plan import Identity, Request, resolve
from gexbench.sweeps.plans import Sweep, plan_all

ROOT = Path(__file__).resolve().parents[2]
BASE = Request("sr", "srresnet")


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    return stand_in(tmp_path, monkeypatch)


@pytest.mark.usefixtures("records")
def test_without_lists_the_plan_is_the_requests() -> None:
    plans = plan_all(Sweep(Request("sr", "srresnet", budget="50%", seed=4)))[1]
    assert [(plan.attack.name, plan.budget, plan.seed) for plan in plans] == [("srresnet", 50, 4)]
    assert plans == [bench.prepare(Request("sr", "srresnet", budget="50%", seed=4))[1]]


@pytest.mark.usefixtures("records")
def test_every_combination_is_planned_in_the_order_of_the_fields() -> None:
    sweep = Sweep(BASE, attacks=("srresnet", "copycat"), defenses=(None, "jpeg"), budgets=("50%", "7"), seeds=(1, 0))
    made = [(p.attack.name, p.defense.name if p.defense else None, p.budget, p.seed) for p in plan_all(sweep)[1]]
    wanted = [(a, d, b, s) for a in ("srresnet", "copycat") for d in (None, "jpeg") for b in (50, 7) for s in (1, 0)]
    assert made == wanted


@pytest.mark.usefixtures("records")
def test_tasks_victims_and_options_are_axes_too(records: Records) -> None:
    for folder, name, other in (("tasks", "sr", "sharp"), ("victims", "net", "wide")):
        text = (records.folder / folder / f"{name}.toml").read_text()
        (records.folder / folder / f"{other}.toml").write_text(text.replace(f'"{name}"', f'"{other}"', 1))
    axes = {"tasks": ("sr", "sharp"), "profiles": ("mini", "paper"), "victims": ("net", "wide")}
    sweep = Sweep(BASE, **axes, options={"steps": ("1", "2")})  # type: ignore[arg-type]
    made = [(p.task.name, p.profile.name, p.victim.name, p.options["steps"]) for p in plan_all(sweep)[1]]
    wanted = [(t, p, v) for t in ("sr", "sharp") for p in ("mini", "paper") for v in ("net", "wide")]
    assert made == [(*each, steps) for each in wanted for steps in (1, 2)]


@pytest.mark.usefixtures("records")
def test_options_are_met_by_those_that_have_them() -> None:
    sweep = Sweep(
        BASE,
        attacks=("srresnet", "copycat", "bicubic"),
        defenses=(None, "jpeg"),
        options={"steps": ("1", "2"), "purify": ("none", "jpeg")},
        defense_options={"quality": ("10", "20")},
    )
    plans = plan_all(sweep)[1]
    many = Counter((plan.attack.name, plan.defense.name if plan.defense else None) for plan in plans)
    assert many == {
        ("srresnet", None): 4, ("srresnet", "jpeg"): 8, ("copycat", None): 2, ("copycat", "jpeg"): 4,
        ("bicubic", None): 1, ("bicubic", "jpeg"): 2,
    }  # fmt: skip


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("axis", ["options", "defense_options"])
def test_an_option_that_none_of_them_has_is_refused_with_the_nearest(axis: str) -> None:
    given = {axis: {"stepz" if axis == "options" else "qualty": ("1",)}}
    with pytest.raises(PlanError, match="of the sweep has an option") as refused:
        plan_all(Sweep(BASE, defenses=("jpeg",), **given))  # type: ignore[arg-type]
    assert "did you mean" in refused.value.hint


@pytest.mark.usefixtures("records")
def test_all_budgets_are_the_cards_and_all_seeds_the_profiles() -> None:
    plans = plan_all(Sweep(BASE, budgets="all", seeds="all"))[1]
    assert [(plan.budget, plan.seed) for plan in plans] == [(b, s) for b in (50, 100) for s in range(3)]


@pytest.mark.usefixtures("records")
def test_what_comes_out_the_same_is_planned_once() -> None:
    sweep = Sweep(BASE, victims=("net",), attacks=("srresnet", "srresnet"), budgets=("100%", "100"), seeds=(0, 0))
    assert len(plan_all(sweep)[1]) == 1


@pytest.mark.usefixtures("records")
def test_options_of_a_defense_go_where_there_is_one() -> None:
    base = Request("sr", "srresnet", defense_settings=("quality=9",))
    plans = plan_all(Sweep(base, defenses=(None, "jpeg")))[1]
    assert [plan.defense_options for plan in plans] == [{}, {"quality": 9}]
    with pytest.raises(PlanError, match="but no defense"):
        plan_all(Sweep(base))


@pytest.mark.usefixtures("records")
def test_a_defense_is_met_at_every_strength_of_its_card() -> None:
    _, plans = plan_all(Sweep(BASE, defenses=(None, "jpeg"), strengths=True))
    assert [plan.defense_options for plan in plans] == [{}, {"quality": 90}, {"quality": 75}, {"quality": 10}]


def test_strengths_of_a_card_that_names_none_are_refused(records: Records) -> None:
    card = records.folder / "defenses" / "jpeg.toml"
    card.write_text(card.read_text().partition("[sweep]")[0])
    with pytest.raises(PlanError, match="defense 'jpeg' names no strengths"):
        plan_all(Sweep(BASE, defenses=("jpeg",), strengths=True))


def test_every_plan_is_the_one_that_its_request_gives(records: Records) -> None:
    for plan in plan_all(Sweep(BASE, attacks=("srresnet", "bicubic"), budgets="all", seeds=range(2)))[1]:
        assert plan == resolve(plan.request(), records.catalog, records.identity)


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize(
    ("sweep", "kind", "told"),
    [
        (Sweep(BASE, attacks=("srresnet", "srresnte")), CardError, "no attack named 'srresnte'"),
        (Sweep(BASE, seeds=(0, -1)), PlanError, "--seed -1"),
        (Sweep(BASE, budgets=("1", "lots")), PlanError, "--budget 'lots'"),
        (Sweep(Request("sr", "srresnet", profile="huge"), seeds="all"), PlanError, "no profile 'huge'"),
        (Sweep(BASE, options={"steps": ("1", "many")}), PlanError, "takes a whole number, not 'many'"),
    ],
)
def test_one_plan_the_cards_do_not_allow_refuses_all(sweep: Sweep, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        plan_all(sweep)


def test_weights_data_and_code_are_identified_once_for_all_budgets_seeds_and_options(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []

    def identify(request: Request, catalog: Catalog) -> Identity:
        asked.append((request.attack, request.defense))
        return Identity(f"weights of {request.defense}", "pins", "code")

    monkeypatch.setattr(bench, "identify", identify)
    axes = {"options": {"lr": ("1", "2")}, "budgets": "all", "seeds": "all"}
    plans = plan_all(Sweep(BASE, defenses=(None, "jpeg"), **axes))[1]  # type: ignore[arg-type]
    assert (len(plans), asked) == (24, [("srresnet", None), ("srresnet", "jpeg")])
    assert [plan.victim_weights for plan in plans] == ["weights of None"] * 12 + ["weights of jpeg"] * 12


def test_planning_never_imports_torch() -> None:
    code = (
        "import sys; from gexbench.plan import Request; from gexbench.sweeps.plans import Sweep, plan_all\n"
        "sweep = Sweep(Request('sr', 'bicubic', defense='jpeg'), budgets='all', seeds='all')\n"
        "print(len(plan_all(sweep)[1]), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "20 False\n", done.stderr
