"""Many runs: which plans a sweep makes, and how they are run."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from record_factory import Records, changed, record_of, stand_in

from gexbench import bench
from gexbench.bench import Progress
from gexbench.cards.catalog import Catalog
from gexbench.errors import AssetMissing, CardError, PlanError, RunFailed
from gexbench.plan import Identity, Plan, Request, resolve
from gexbench.record import RunRecord
from gexbench.sweep import Sweep, Work, plan_all, run_all

ROOT = Path(__file__).resolve().parent.parent
BASE = Request("sr", "srresnet")


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    return stand_in(tmp_path, monkeypatch)


@pytest.fixture
def started(records: Records, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let runs end at once, those of copycat without success and of bicubic with the machine's error."""
    plans: list[Plan] = []

    def run(plan: Plan, catalog: Catalog, out: Path, progress: Progress, keep: bool) -> RunRecord:
        plans.append(plan)
        progress("training", 1, 2)
        if plan.attack.name == "bicubic":
            raise AssetMissing("no weights", "fetch them")
        return changed(record_of(plan), "status", "failed" if plan.attack.name == "copycat" else "ok")

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def planned(*attacks: str) -> tuple[Catalog, list[Plan]]:
    return plan_all(Sweep(BASE, attacks=attacks))


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
    settings = (("steps=1",), ("steps=2", "lr=0.5"))
    sweep = Sweep(BASE, tasks=("sr", "sharp"), victims=("net", "wide"), settings=settings)
    made = [(p.task.name, p.victim.name, p.options["steps"]) for p in plan_all(sweep)[1]]
    assert made == [(t, v, s) for t in ("sr", "sharp") for v in ("net", "wide") for s in (1, 2)]


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
        (Sweep(BASE, settings=(("steps=1",), ("stepz=1",))), PlanError, "no option 'stepz'"),
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
    axes = {"settings": (("lr=1",), ("lr=2",)), "budgets": "all", "seeds": "all"}
    plans = plan_all(Sweep(BASE, defenses=(None, "jpeg"), **axes))[1]  # type: ignore[arg-type]
    assert (len(plans), asked) == (24, [("srresnet", None), ("srresnet", "jpeg")])
    assert [plan.victim_weights for plan in plans] == ["weights of None"] * 12 + ["weights of jpeg"] * 12


def test_planning_never_imports_torch() -> None:
    code = (
        "import sys; from gexbench.plan import Request; from gexbench.sweep import Sweep, plan_all\n"
        "sweep = Sweep(Request('sr', 'bicubic', defense='jpeg'), budgets='all', seeds='all')\n"
        "print(len(plan_all(sweep)[1]), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "20 False\n", done.stderr


def test_records_come_in_the_order_of_the_plans(started: list[Plan]) -> None:
    catalog, plans = planned("srresnet", "copycat")
    records = run_all(plans, catalog, Path("out"))
    assert [record.plan for record in records] == plans == started
    assert [record.status for record in records] == ["ok", "failed"]


def test_a_run_the_machine_stops_gives_a_failed_record_and_the_others_go_on(started: list[Plan]) -> None:
    catalog, plans = planned("bicubic", "srresnet")
    lost, well = run_all(plans, catalog, Path("out"))
    assert len(started) == 2
    assert (lost.status, lost.reason, lost.id) == ("failed", "no weights (fetch them)", plans[0].id)
    assert (lost.scores, lost.account.answered, well.status) == ((), 0, "ok")
    assert RunRecord.model_validate_json(lost.model_dump_json()) == lost


@pytest.mark.usefixtures("started")
def test_where_no_run_got_further_its_error_is_raised() -> None:
    with pytest.raises(AssetMissing, match="no weights"):
        run_all(*reversed(planned("bicubic")), Path("out"))
    assert run_all([], planned()[0], Path("out")) == []


def test_a_bug_in_one_run_is_named_and_does_not_stop_the_others(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(plan: Plan, *_: object) -> RunRecord:
        if plan.seed == 0:
            raise ZeroDivisionError("by zero")
        return record_of(plan)

    monkeypatch.setattr(bench, "run_plan", run)
    catalog, plans = plan_all(Sweep(BASE, seeds=(0, 1)))
    assert [record.reason for record in run_all(plans, catalog, Path())] == [
        "unexpected ZeroDivisionError: by zero",
        "",
    ]


@pytest.mark.usefixtures("records")
def test_an_interrupt_is_not_a_failed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> RunRecord:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run_plan", run)
    with pytest.raises(KeyboardInterrupt):
        run_all(*reversed(planned()), Path("out"))


@pytest.mark.usefixtures("started")
def test_each_run_is_entered_and_left_by_who_watches() -> None:
    seen: list[object] = []

    @contextmanager
    def watch(plan: Plan) -> Iterator[Progress]:
        seen.append(plan.attack.name)
        yield lambda *tick: seen.append(tick)
        seen.append("left")

    catalog, plans = planned("srresnet", "copycat")
    run_all(plans, catalog, Path("out"), progress=watch)
    tick = ("training", 1, 2)
    assert seen == ["srresnet", tick, "left", "copycat", tick, "left"]


def test_work_and_plans_can_be_sent_to_another_process(started: list[Plan]) -> None:
    def elsewhere(work: Work, plans: Sequence[Plan]) -> Iterator[RunRecord | Exception]:
        for message in [pickle.dumps((work, plan)) for plan in plans]:
            there, plan = pickle.loads(message)
            yield pickle.loads(pickle.dumps(there(plan)))

    catalog, plans = planned("srresnet", "bicubic")
    records = run_all(plans, catalog, Path("out"), executor=elsewhere)
    assert [record.id for record in records] == [plan.id for plan in started]
    assert records[1].reason == "no weights (fetch them)"


def test_a_plan_file_is_a_unit_of_work_too(started: list[Plan], tmp_path: Path) -> None:
    def by_file(work: Work, plans: Sequence[Plan]) -> Iterator[RunRecord | Exception]:
        for plan in plans:
            file = tmp_path / f"{plan.run_name}.json"
            file.write_text(plan.model_dump_json(), encoding="utf-8")
            yield (
                work(bench.prepare_file(file)[1]) if plan.attack.name != "copycat" else RunFailed("the node went away")
            )

    catalog, plans = planned("srresnet", "copycat")
    records = run_all(plans, catalog, Path("out"), executor=by_file)
    assert started == plans[:1]
    assert [record.reason for record in records] == ["", "the node went away"]


@pytest.mark.usefixtures("started")
def test_an_executor_that_loses_a_run_is_found_out() -> None:
    catalog, plans = planned("srresnet", "copycat")
    with pytest.raises(ValueError, match="zip"):
        run_all(plans, catalog, Path("out"), executor=lambda work, plans: [work(plans[0])])
