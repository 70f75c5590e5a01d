"""A second run is held against the recorded noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from record_factory import Records, changed, honest_cost, save, stand_in, write_registry
from typer.testing import CliRunner

from gexbench import verification
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import TaskCard
from gexbench.cli.app import app
from gexbench.errors import PlanError
from gexbench.neighbours import Neighbours
from gexbench.plan import Plan
from gexbench.record import Account, LibraryScore, RunRecord, read_record
from gexbench.verification import (
    Difference,
    Outcome,
    Verdict,
    beside_libraries,
    compare,
    current_plan,
    verify_record,
)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(write_registry(tmp_path / "registry"))


ALONE = Neighbours()


def agreeing(differences: list[Difference]) -> bool:
    return all(difference.agrees for difference in differences)


def test_the_same_scores_agree(records: Records) -> None:
    assert agreeing(compare(records.make(), records.make(), ALONE))


def trained(record: RunRecord, digest: str = "one") -> RunRecord:
    return changed(record, "surrogate_sha256", digest)


def row(records: Records, values: Sequence[float]) -> Neighbours:
    """Return a row of seeds 1, 2, … and two more rows that are as noisy."""
    others = [tuple(records.seeds(tuple(v + 1 for v in values), attack="copycat"))]
    others.append(tuple(records.seeds(tuple(v - 1 for v in values), budget="25%")))
    return Neighbours(tuple(records.seeds(dict(enumerate(values, 1)))), tuple(others))


NOISE = (27.1, 26.9, 27.2, 26.8)


def test_the_same_surrogate_has_the_same_scores(records: Records) -> None:
    record, near = trained(records.make(b=27.0)), row(records, NOISE)
    assert agreeing(compare(record, trained(records.make(b=27.05)), near))
    assert not agreeing(compare(record, trained(records.make(b=27.15)), near))


def test_another_training_may_lie_where_one_more_seed_of_the_row_would(records: Records) -> None:
    record, near = trained(records.make(b=27.0)), row(records, NOISE)
    assert agreeing(compare(record, trained(records.make(b=27.3), "other"), near))
    assert not agreeing(compare(record, trained(records.make(b=30.0), "other"), near))


def test_a_score_out_of_line_with_its_row_and_the_second_run_differs(records: Records) -> None:
    near, again = row(records, NOISE), trained(records.make(b=27.0), "other")
    (score, *_) = (d for d in compare(trained(records.make(b=29.0)), again, near) if not d.agrees)
    assert (score.metric, score.compare, score.lacking) == ("psnr-y", "B", "")
    assert score.of_recorded is not None
    assert abs(score.of_recorded.mean - 27.0) < 0.01


def test_seeds_that_are_all_out_of_line_with_the_second_run_do_not_agree(records: Records) -> None:
    near, again = row(records, [value + 3 for value in NOISE]), trained(records.make(b=27.0), "other")
    assert not agreeing(compare(trained(records.make(b=30.0)), again, near))


def test_what_the_victim_scores_is_never_noise(records: Records) -> None:
    record, near = records.make(b=27.0), row(records, NOISE)
    scores = tuple(s.model_copy(update={"value": 30.2}) if s.compare == "A" else s for s in record.scores)
    again = trained(changed(record, "scores", scores), "other")
    assert {d.compare for d in compare(record, again, near) if not d.agrees} == {"A"}


def test_a_row_whose_seeds_are_alike_has_no_noise_though_others_have(records: Records) -> None:
    near = replace(row(records, NOISE), seeds=row(records, [27.0] * 4).seeds)
    record, again = trained(records.make(b=27.0)), trained(records.make(b=27.2), "other")
    assert not agreeing(compare(record, again, near))
    assert not agreeing(compare(again, record, near))


def test_a_training_that_came_out_the_same_in_most_scores_has_to_in_all(records: Records) -> None:
    record, near = trained(records.make(b=27.0, c=25.0)), row(records, NOISE)
    varied = tuple(records.make(b=b, c=b - 2, seed=seed) for seed, b in enumerate(NOISE, 1))
    near = replace(near, seeds=varied)
    one = tuple(s.model_copy(update={"value": 27.3}) if s is record.scores[2] else s for s in record.scores)
    again = trained(changed(record, "scores", one), "other")
    assert [d.agrees for d in compare(record, again, near)].count(False) == 1


def test_without_another_seed_another_training_cannot_be_compared(records: Records) -> None:
    record, again = trained(records.make(b=27.0)), trained(records.make(b=27.3), "other")
    unlike = [d for d in compare(record, again, ALONE) if not d.agrees]
    assert {d.compare for d in unlike} == {"B"}
    assert all("another seed of this row" in d.lacking for d in unlike)
    assert [line[0] for line in (d.line() for d in unlike)] == ["?", "?"]


def test_scores_computed_anew_from_kept_answers_have_no_noise(records: Records) -> None:
    record, again = trained(records.make(b=27.0)), trained(records.make(b=27.3), "other")
    assert not any(d.lacking or d.of_again for d in compare(record, again, row(records, NOISE), trained=False))
    assert not agreeing(compare(record, again, row(records, NOISE), trained=False))


def test_a_score_that_is_not_measured_again_does_not_agree(records: Records) -> None:
    again = records.make().model_copy(update={"scores": ()})
    assert not agreeing(compare(records.make(), again, ALONE))


def test_a_verdict_says_which_scores_differ(records: Records) -> None:
    differences = tuple(compare(records.make(b=27.0), records.make(b=30.0), ALONE))
    lines = Verdict(
        record="id", seal="", outcome="differs", changed=("torch was 1, is 2",), differences=differences
    ).lines()
    assert any(line.startswith("✗ B psnr-y") for line in lines)
    assert lines[-1] == "record id: differs"


def test_other_libraries_values_stand_beside_both_runs_and_decide_nothing(records: Records) -> None:
    record, again = records.make(b=27.0), records.make(b=27.5)
    told = [
        LibraryScore(metric=metric, compare="B", test=test, value=27.25, library="scikit-image", version="1.2")
        for metric, test in (("psnr-y", "set5"), ("psnr-y", "set6"), ("fid", "set5"))
    ]
    (found,) = beside_libraries(record, again, told)
    assert (found.recorded, found.again, found.reference, found.difference) == (27.0, 27.5, 27.25, 0.25)
    verdict = Verdict(record="id", seal="", outcome="agrees", changed=(), differences=(), references=(found,))
    assert verdict.lines() == [
        "= B psnr-y     set5       recorded 27  again 27.5  reference 27.25  difference 2.5e-01  by scikit-image 1.2",
        "record id: agrees",
    ]


def verdict_on(record: RunRecord, again: RunRecord, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    monkeypatch.setattr(verification, "_run_again", lambda *_: (again, []))
    return verify_record(save(record, folder), folder / "again", (), lambda *_: None)


def test_a_run_that_ends_otherwise_does_not_agree(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = records.make()
    good = verdict_on(record, record, tmp_path / "a", monkeypatch)
    assert (good.outcome, good.record, good.seal) == ("agrees", record.id, record.seal)
    assert verdict_on(record, changed(record, "status", "failed"), tmp_path / "b", monkeypatch).outcome == "differs"
    assert verdict_on(record, records.make(b=30.0), tmp_path / "c", monkeypatch).outcome == "differs"


def test_a_second_run_that_was_too_slow_here_says_nothing_of_the_record(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = records.make()
    failed = changed(changed(record, "status", "failed"), "scores", ()).model_copy(update={"reason": "still running"})
    slow = failed.model_copy(update={"seconds": {"extract": record.plan.deadline + 0.1}})
    verdict = verdict_on(record, slow, tmp_path / "a", monkeypatch)
    assert (verdict.outcome, verdict.changed[0]) == ("cannot be compared", "status was ok, is failed: still running")
    assert verdict.lines()[-2] == "missing: a machine on which the attack ends in time: still running"
    quick = failed.model_copy(update={"seconds": {"extract": 1.0}})
    assert verdict_on(record, quick, tmp_path / "b", monkeypatch).outcome == "differs"


def test_a_record_does_not_say_itself_how_far_it_may_be_off(records: Records) -> None:
    forged, again = records.make(b=27.0), records.make(b=30.0)
    lax = tuple(card.model_copy(update={"tolerance": 100.0}) for card in forged.plan.metrics)
    assert not agreeing(compare(changed(forged, "plan.metrics", lax), again, ALONE))


@pytest.mark.parametrize("name", ["victim_weights", "dataset_pins"])
def test_a_record_of_other_weights_or_data_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = stand_in(tmp_path, monkeypatch)
    plan = made.plan()
    assert current_plan(plan, made.catalog) == plan
    with pytest.raises(PlanError, match=f"the record's {name} is"):
        current_plan(plan.model_copy(update={name: "other"}), made.catalog)


def test_the_metrics_of_the_second_run_are_the_cards_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stand_in(tmp_path, monkeypatch)
    lax = tuple(card.model_copy(update={"tolerance": 100.0}) for card in made.plan().metrics)
    found = current_plan(made.plan().model_copy(update={"metrics": lax}), made.catalog)
    assert found == made.plan()
    assert found.id == made.plan().model_copy(update={"metrics": lax}).id


def test_an_infinite_value_agrees_with_itself_alone_and_widens_no_tolerance(records: Records) -> None:
    endless, usual = records.make(b=math.inf), records.make(b=27.0)
    assert agreeing(compare(endless, endless, ALONE))
    near = Neighbours((endless, usual))
    assert not agreeing(compare(trained(endless), trained(usual, "other"), near))
    assert not agreeing(compare(trained(usual), trained(endless, "other"), near))


def test_a_score_that_agrees_has_a_tick_and_one_that_does_not_a_cross(records: Records) -> None:
    differences = tuple(compare(records.make(b=27.0), records.make(b=30.0), ALONE))
    lines = Verdict(record="id", seal="", outcome="differs", changed=(), differences=differences).lines()
    assert {line[:8] for line in lines[:-1]} == {"✓ A psnr", "✓ A lpip", "✗ B psnr", "✓ B lpip", "✓ C psnr", "✓ C lpip"}
    assert lines[0].endswith("tolerance 0.1")


def test_the_cost_on_what_the_attack_asked_is_compared_where_the_record_has_it(records: Records) -> None:
    again = changed(records.make(defense="jpeg"), "queried_cost", (honest_cost("queries", 64, 0.5),))
    before = records.make(defense="jpeg")
    assert all(d.compare != "queried" and d.agrees for d in compare(before, again, ALONE))
    forged = changed(again, "queried_cost", (honest_cost("queries", 64, 0.0),))
    assert {d.compare for d in compare(forged, again, ALONE) if not d.agrees} == {"queried"}


def test_the_cost_to_honest_users_is_compared_too(records: Records) -> None:
    record = records.make(defense="jpeg")
    forged = changed(record, "honest_cost", tuple(c.model_copy(update={"value": 0.0}) for c in record.honest_cost))
    assert agreeing(compare(record, record, ALONE))
    assert [d.test for d in compare(forged, record, ALONE) if not d.agrees] == ["set5", "set14"]
    assert {d.compare for d in compare(forged, record, ALONE) if not d.agrees} == {"honest"}


def test_a_score_that_the_record_leaves_out_does_not_agree(records: Records) -> None:
    record = records.make()
    fewer = changed(record, "scores", tuple(s for s in record.scores if (s.compare, s.metric) != ("C", "psnr-y")))
    left_out = [d for d in compare(fewer, record, ALONE) if not d.agrees]
    assert [(d.metric, d.compare, d.recorded) for d in left_out] == [("psnr-y", "C", None)] * 2
    assert not agreeing(compare(changed(record, "scores", ()), record, ALONE))


def test_another_number_of_answers_does_not_agree_and_is_told(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = records.make()
    few = changed(record, "account", Account(budget=100, asked=10, answered=10, sessions=1))
    verdict = verdict_on(few, record, tmp_path, monkeypatch)
    assert (verdict.outcome, verdict.changed[0]) == ("differs", "questions answered was 10, is 100")


CASES: list[tuple[Outcome, list[str], int]] = [
    ("agrees", [], 0),
    ("differs", ["--sign", "key"], 3),
    ("cannot be compared", ["--sign", "key"], 4),
    ("agrees", ["--sign", "key"], 0),
]


def test_what_is_signed_for_was_run_in_a_folder_of_its_own(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[Path] = []
    signed: list[str] = []
    record = records.make()

    def verdict(outcome: Outcome) -> None:
        def run(path: Path, out: Path, *_: object) -> Verdict:
            places.append(out)
            return Verdict(record=record.id, seal=record.seal, outcome=outcome, changed=(), differences=())

        monkeypatch.setattr(verification, "verify_record", run)

    class Signer:
        def sign(self, seal: str) -> Path:
            signed.append(seal)
            return tmp_path / "verified.txt"

    monkeypatch.setattr("gexbench.boards.verified.open_signer", lambda key, record: Signer())
    words = ["verify", str(save(record, tmp_path)), "--out", str(tmp_path / "out")]
    for outcome, more, code in CASES:
        verdict(outcome)
        done = CliRunner().invoke(app, [*words, *more], catch_exceptions=False)
        assert (done.exit_code, "signed in" in done.stdout) == (code, bool(more) and outcome == "agrees")
    assert signed == [record.seal]
    assert places[0] == tmp_path / "out"
    assert {place.parent for place in places[1:]} == {tmp_path / "out"}
    assert len(set(places)) == len(CASES)


def test_a_record_of_before_questions_were_bounded_is_run_within_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stand_in(tmp_path, monkeypatch)
    before = made.plan()
    card = made.folder / "tasks" / "sr.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("deadline = 60\n", "deadline = 60\nlargest = 576\n", 1))
    assert current_plan(before, made.catalog).scale.largest == 576
    assert current_plan(before, made.catalog).id == before.id


def test_of_an_earlier_version_of_its_task_a_record_is_measured_as_it_was() -> None:
    folder = Path(__file__).resolve().parents[1] / "leaderboards" / "monet2photo" / "records"
    record = read_record(sorted(folder.glob("*identity-mini-*.json"))[0])
    catalog = Catalog.load()
    assert record.plan.task.version < catalog.get(TaskCard, "monet2photo").version
    again = current_plan(record.plan, catalog)
    assert (again.task.version, again.measured) == (record.plan.task.version, record.plan.measured)
    assert "kid-100" in {card.name for card in again.metrics}
    cheaper = record.plan.task.model_copy(update={"price": 0.0})
    with pytest.raises(PlanError, match="the record's task"):
        current_plan(record.plan.model_copy(update={"task": cheaper}), catalog)


@pytest.mark.slow
def test_the_plan_of_every_record_on_the_boards_is_found() -> None:
    catalog = Catalog.load()
    files = sorted((Path(__file__).resolve().parents[1] / "leaderboards").glob("*/records/*.json"))
    assert files
    for file in files:
        record = read_record(file)
        assert current_plan(record.plan, catalog).options == record.plan.options


def with_redraws(record: RunRecord, values: Sequence[float]) -> RunRecord:
    """Return a second run whose surrogate scored so on tests that were drawn for it alone, in place of set5."""
    model = next(s for s in record.scores if (s.metric, s.compare, s.test) == ("psnr-y", "B", "set5"))
    others = [model.model_copy(update={"test": f"redrawn-{n}-set5", "value": v}) for n, v in enumerate(values, 1)]
    return changed(record, "scores", (*record.scores, *others))


def test_a_score_that_other_draws_of_the_test_do_not_give_does_not_agree(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = records.make(b=27.0)
    usual = verdict_on(record, with_redraws(record, (26.8, 27.1, 27.3, 26.9, 27.0)), tmp_path / "a", monkeypatch)
    assert (usual.outcome, [r.agrees for r in usual.redrawn]) == ("agrees", [True])
    known = verdict_on(record, with_redraws(record, (22.8, 23.1, 23.3, 22.9, 23.0)), tmp_path / "b", monkeypatch)
    assert (known.outcome, [r.agrees for r in known.redrawn]) == ("differs", [False])
    assert all(d.agrees for d in known.differences)
    assert "✗ B psnr-y     set5       again    27  on 5 other draws of the test 23.02 ± 0.192354" in known.lines()


def test_an_endless_score_on_every_draw_agrees(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = records.make(b=math.inf)
    assert verdict_on(record, with_redraws(record, [math.inf] * 5), tmp_path / "a", monkeypatch).outcome == "agrees"
    assert verdict_on(record, with_redraws(record, [27.0] * 5), tmp_path / "b", monkeypatch).outcome == "differs"


def test_a_metric_that_cannot_be_measured_here_is_no_difference_and_what_to_fetch_is_told(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = records.make()
    kept = tuple(score for score in record.scores if score.metric != "lpips-alex")
    lacking = "lpips-alex is not here (gexbench assets fetch lpips-alex)"
    again = changed(changed(record, "scores", kept), "absent", {"lpips-alex": lacking})
    verdict = verdict_on(record, again, tmp_path / "a", monkeypatch)
    assert verdict.outcome == "cannot be compared"
    assert verdict.lines()[-2:] == [f"missing: {lacking}", f"record {record.id}: cannot be compared"]
    worse = changed(again, "scores", tuple(s.model_copy(update={"value": 1.0}) for s in kept))
    assert verdict_on(record, worse, tmp_path / "b", monkeypatch).outcome == "differs"


def test_a_former_try_is_gone_on_with_where_it_was_ended_and_never_taken_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stand_in(tmp_path, monkeypatch)
    record, places = made.make(), list[Path]()

    def execute(plan: Plan, catalog: Catalog, folder: Path, *_: object) -> RunRecord:
        places.append(folder)
        return record

    monkeypatch.setattr("gexbench.engine.run.execute.execute", execute)
    run, out = save(record, tmp_path / "runs"), tmp_path / "out"
    ended = out / record.plan.run_name
    for leave in (lambda: ended.mkdir(parents=True), lambda: save(record, out), lambda: None):
        leave()
        assert verify_record(run, out, (made.folder,), lambda *_: None).outcome == "agrees"
    assert places[0] == ended
    assert len({*places}) == 3
    assert all(not place.exists() and out in place.parents for place in places[1:])


@pytest.mark.parametrize("told", ["none", "landlock"])
def test_a_second_run_is_sandboxed_whatever_the_record_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    made = stand_in(tmp_path, monkeypatch)
    record, asked = changed(changed(made.make(), "plan.isolation", "none"), "isolation", told), list[str]()

    def execute(plan: Plan, *_: object) -> RunRecord:
        asked.append(plan.isolation)
        return record

    monkeypatch.setattr("gexbench.engine.run.execute.execute", execute)
    verify_record(save(record, tmp_path / "runs"), tmp_path / "out", (made.folder,), lambda *_: None)
    assert asked == ["auto"]
