"""Small runs of a plug-in: how small they are, and what is read off their records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records, changed, write_registry

from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import CardRoot
from gexbench.cards.schema import DefenseCard, Option
from gexbench.engine.checks import small_runs
from gexbench.engine.checks.small_runs import (
    DEADLINE,
    QUESTIONS,
    Inspected,
    agreement,
    attack_runs,
    defense_runs,
    judged,
    shrunk,
    told,
)
from gexbench.engine.run.execute import Beside
from gexbench.errors import AssetMissing, CardError, GexbenchError, OutputError, PlanError
from gexbench.plan import Plan
from gexbench.record import RunRecord

from ..toy_orders import catalog, plan

OPTIONS = {name: Option(type="int", default=1, help="a number") for name in ("a", "b", "c")}


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(write_registry(tmp_path / "registry"))


@pytest.fixture
def inspected(records: Records, tmp_path: Path) -> Inspected:
    """An attack of the small registry, of which nothing has run."""
    made = records.plan()
    return Inspected(made.attack, records.catalog, made, tmp_path / "runs")


def guarded(records: Records, tmp_path: Path) -> Inspected:
    made = records.plan(defense="jpeg")
    assert made.defense is not None
    return Inspected(made.defense, records.catalog, made, tmp_path / "runs")


Results = list[RunRecord | GexbenchError]


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Results:
    """What the runs to come end with, one after the other."""
    coming: Results = []

    def execute(
        plan: Plan, catalog: object, folder: Path, progress: Callable[[str, int, int], None], beside: Beside
    ) -> RunRecord:
        assert folder.name in ("first", "second")
        assert beside.trial is not None
        result = coming.pop(0)
        if isinstance(result, GexbenchError):
            raise result
        return result

    monkeypatch.setattr(small_runs, "execute", execute)
    return coming


def ran(record: RunRecord, **changes: Any) -> RunRecord:
    """Return a record of a run that came to its evidence."""
    seconds: Mapping[str, float] = {"extract": 1.25, "save": 0.1, "reload": 0.2, "evidence": 0.5}
    return record.model_copy(update={"seconds": seconds, **changes})


def failed(record: RunRecord, reason: str, **changes: Any) -> RunRecord:
    return record.model_copy(update={"status": "failed", "reason": reason, "scores": (), **changes})


def test_a_small_run_asks_little_measures_little_and_ends_soon() -> None:
    made = plan(budget="100%")
    small = shrunk(made, made.attack)
    assert (small.budget, small.deadline) == (QUESTIONS, DEADLINE)
    assert [metric.name for metric in small.metrics] == ["psnr-y", "psnr-rgb"]
    tests = small.dataset.splits.test.values()
    assert [len(listed.files) for listed in tests] == [1] * len(tests)
    assert shrunk(plan(budget="5"), made.attack).budget == 5


def test_metrics_that_need_weights_are_left_out() -> None:
    made = plan()
    task = made.task.model_copy(update={"honest_cost": ("lpips-alex", "psnr-rgb")})
    small = shrunk(made.model_copy(update={"task": task}), made.attack)
    assert [metric.name for metric in small.metrics] == ["psnr-y"]


@pytest.mark.parametrize(
    ("profile", "options"),
    [
        ({}, {"a": 1, "b": 1, "c": 1}),
        ({"mini": {"a": 2, "b": 2}}, {"a": 2, "b": 2, "c": 1}),
        ({"mini": {"a": 2, "b": 2}, "check": {"b": 3}, "paper": {"c": 9}}, {"a": 2, "b": 3, "c": 1}),
    ],
)
def test_options_are_the_defaults_then_those_of_mini_then_those_for_the_check(
    profile: Mapping[str, Any], options: Mapping[str, int]
) -> None:
    made = plan(defense="jpeg")
    attack = made.attack.model_copy(update={"options": OPTIONS, "profile": profile})
    assert shrunk(made, attack).options == options
    defense = catalog().get(DefenseCard, "jpeg").model_copy(update={"options": OPTIONS, "profile": profile})
    small = shrunk(made, defense)
    assert (small.defense_options, small.options, small.deadline) == (options, made.options, made.deadline)


def test_an_option_that_the_card_lacks_is_refused_by_its_table() -> None:
    made = plan()
    attack = made.attack.model_copy(update={"options": OPTIONS, "profile": {"check": {"d": 1}}})
    with pytest.raises(PlanError, match=r"'srresnet' in .profile.check. has no option 'd'"):
        shrunk(made, attack)


def lines(findings: Iterator[small_runs.Finding]) -> dict[str, tuple[bool, str]]:
    return {found.what: (found.passed, found.detail) for found in findings}


def test_an_attack_that_keeps_to_its_contract_passes(inspected: Inspected, records: Records, results: Results) -> None:
    record = ran(records.make(), surrogate_sha256="0" * 64)
    results += [record, record]
    assert lines(attack_runs(inspected)) == {
        "extract": (True, "returned a surrogate 1.2 s after the service was ready"),
        "budget": (True, "100 of 100 questions answered, none refused"),
        "kept": (True, "is built anew from class, config and weights alone"),
        "surrogate": (True, "answers after the oracle has closed, with images of the right size in [0,1]"),
        "same seed": (True, "two runs with one seed gave the same surrogate"),
        "global state": (True, "left as it was (isolation: landlock)"),
    }


def test_an_attack_that_returned_nothing_is_told_why_and_runs_no_second_time(
    inspected: Inspected, records: Records, results: Results
) -> None:
    results.append(failed(records.make(), "the attack raised ValueError: no", incidents=("tried x", "tried y")))
    found = lines(attack_runs(inspected))
    assert list(found) == ["extract", "budget", "global state"]
    assert found["extract"] == (False, "the attack raised ValueError: no")
    assert found["global state"] == (False, "tried x; tried y")


def test_an_attack_that_was_late_is_told_where_to_give_it_less_to_do(inspected: Inspected, records: Records) -> None:
    late = failed(records.make(), "the attack was still running after 120 s, its deadline")
    _, told_why = lines(judged(inspected, late))["extract"]
    assert told_why.endswith("its deadline; give it less to do in [profile.check] on its card")


def test_a_surrogate_that_answers_no_images_is_told_after_what_it_returned(
    inspected: Inspected, records: Records
) -> None:
    wrong = failed(
        records.make(),
        "the surrogate returned NaN",
        seconds={"extract": 1.0, "save": 0.1, "reload": 0.1, "evidence": 0.1},
    )
    found = lines(judged(inspected, wrong))
    assert found["extract"][0]
    assert found["surrogate"] == (False, "the surrogate returned NaN")


def test_a_surrogate_that_cannot_be_built_anew_is_told_so(inspected: Inspected, records: Records) -> None:
    lost = failed(records.make(), "the surrogate cannot be built anew", seconds={"extract": 1.0, "save": 0.1})
    found = lines(judged(inspected, lost))
    assert list(found) == ["extract", "budget", "kept"]
    assert found["kept"] == (False, "the surrogate cannot be built anew")


def test_refused_questions_are_told_with_the_budget(inspected: Inspected, records: Records) -> None:
    refused = changed(ran(records.make()), "account.refused", 17)
    passed, detail = lines(judged(inspected, refused))["budget"]
    assert not passed
    assert detail.startswith("17 images were refused: over the budget of 100")


def test_the_place_in_the_plug_ins_code_is_told(inspected: Inspected, records: Records, tmp_path: Path) -> None:
    code = tmp_path / "code"
    catalog = Catalog((CardRoot(records.folder, "test", outside=False, code=code),))
    subject = inspected.subject.model_copy(update={"entry": "attack:It"})
    logged = Inspected(subject, catalog, inspected.plan, tmp_path / "runs")
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "log.txt").write_text(f'  File "{code}/attack.py", line 9, in extract\n')
    assert logged.order.code == code
    assert lines(judged(logged, failed(records.make(), "no")))["extract"] == (False, "no (attack.py:9)")


@pytest.mark.parametrize(
    ("second", "same", "detail"),
    [
        ({}, True, "gave the same surrogate"),
        ({"b": 26.0}, False, "score differently; draw from brief.generator alone"),
        ({"weights": "1" * 64}, False, "different weights; draw from brief.generator alone"),
        ({"reason": "out of memory"}, False, "the second run failed: out of memory"),
    ],
)
def test_two_runs_agree_in_scores_and_weights(
    records: Records, second: Mapping[str, Any], same: bool, detail: str
) -> None:
    first = records.make().model_copy(update={"surrogate_sha256": "0" * 64})
    weights = second.get("weights", "0" * 64)
    other = records.make(b=second.get("b", 27.0)).model_copy(update={"surrogate_sha256": weights})
    if "reason" in second:
        other = failed(other, second["reason"])
    found, told_what = agreement(first, other)
    assert found is same
    assert told_what.endswith(detail)


def test_a_defense_is_told_what_it_costs_and_that_it_answers_alike(
    records: Records, tmp_path: Path, results: Results
) -> None:
    record = records.make(defense="jpeg")
    results += [record, record]
    assert lines(defense_runs(guarded(records, tmp_path))) == {
        "run": (True, "a service behind it answers; what it costs honest users: lpips-alex 0.05 1, lpips-alex 0.05 1"),
        "same seed": (True, "two services with one seed answered alike"),
    }


def test_a_defense_that_answers_differently_is_told_so(records: Records, tmp_path: Path, results: Results) -> None:
    results += [records.make(defense="jpeg"), records.make(b=20.0, defense="jpeg")]
    found = lines(defense_runs(guarded(records, tmp_path)))
    assert found["same seed"] == (False, "two services with one seed answered differently")


@pytest.mark.parametrize("how", ["record", "error"])
def test_a_defense_that_breaks_its_service_is_told_why_and_runs_no_second_time(
    records: Records, tmp_path: Path, results: Results, how: str
) -> None:
    results.append(failed(records.make(), "it raised") if how == "record" else CardError("it raised", "mend it"))
    assert lines(defense_runs(guarded(records, tmp_path))) == {"run": (False, "it raised")}


@pytest.mark.parametrize("error", [AssetMissing("no weights"), OutputError("no space")], ids=["asset", "output"])
def test_what_the_machine_lacks_is_no_finding_about_a_defense(
    records: Records, tmp_path: Path, results: Results, error: GexbenchError
) -> None:
    results.append(error)
    with pytest.raises(type(error)):
        list(defense_runs(guarded(records, tmp_path)))


def test_an_error_and_its_hint_are_one_line() -> None:
    assert told(CardError("first\n  second", "mend it")) == "first second; mend it"
    assert told(CardError("first")) == "first"
