from __future__ import annotations

import math

import pytest
from record_factory import Records, changed

from gexbench.boards.row import Row, metric_card
from gexbench.boards.spread import Spread
from gexbench.cards.schema import BundledFile
from gexbench.errors import BoardError
from gexbench.record import RunRecord


def test_the_main_number_is_the_mean_over_seeds_of_the_mean_over_splits(records: Records) -> None:
    main = Row("srresnet", tuple(records.seeds((27.0, 28.0, 29.0)))).main()
    assert main is not None
    assert main.mean == pytest.approx(27.5)  # 28 on set5, 27 on set14
    assert main.std == pytest.approx(1.0)


def test_a_number_can_be_asked_for_one_split(records: Records) -> None:
    found = Row("srresnet", tuple(records.seeds((27.0, 28.0)))).score("psnr-y", "B", "set14")
    assert found is not None
    assert found.mean == pytest.approx(26.5)
    assert found.std == pytest.approx(math.sqrt(0.5))


def test_the_error_over_test_images_is_the_largest_of_the_seeds_and_that_of_a_mean_over_splits(
    records: Records,
) -> None:
    def with_errors(record: RunRecord, error: float | None) -> RunRecord:
        errors = {"set5": 3.0, "set14": error}
        return changed(record, "scores", tuple(s.model_copy(update={"se": errors[s.test]}) for s in record.scores))

    runs = records.seeds((27.0, 27.0))
    found = Row("srresnet", (with_errors(runs[0], 4.0), runs[1])).main()
    assert found is not None
    assert found.se == pytest.approx(2.5)
    assert Row("srresnet", (with_errors(runs[0], None),)).score("psnr-y", "B", "set5") == Spread(27.0, 1, se=3.0)
    unknown = Row("srresnet", (with_errors(runs[0], None), runs[1])).main()
    assert unknown is not None
    assert unknown.se is None


def test_the_victim_has_no_fidelity(records: Records) -> None:
    assert Row("victim", (records.make("victim"),)).main() is None


def test_queries_and_cost_are_means_over_seeds(records: Records) -> None:
    runs = records.seeds((27.0, 27.0))
    row = Row("srresnet", (runs[0], changed(changed(runs[1], "account.answered", 50), "cost_usd", 0.5)))
    assert (row.queries, row.cost) == (75.0, 0.75)


def test_the_cost_to_honest_users_is_a_mean_too(records: Records) -> None:
    found = Row("srresnet", (records.make(defense="jpeg"),)).honest("lpips-alex")
    assert found is not None
    assert found.mean == 0.05
    assert Row("srresnet", (records.make(),)).honest("lpips-alex") is None


@pytest.mark.parametrize(
    ("path", "value", "mark"),
    [
        ("isolation", "process", "unsandboxed"),
        ("account.sessions", 2, "several sessions"),
        ("provenance.dirty", True, "uncommitted code"),
        ("plan.code", "other", "several code versions"),
        ("provenance.precision", "bf16", "several precisions"),
    ],
)
def test_what_weakens_a_row_is_marked(records: Records, path: str, value: object, mark: str) -> None:
    runs = records.seeds((27.0, 27.1, 27.2))
    assert Row("srresnet", tuple(runs)).marks == ()
    assert Row("srresnet", (*runs[:2], changed(runs[2], path, value))).marks == (mark,)


def test_missing_seeds_are_marked(records: Records) -> None:
    assert Row("srresnet", tuple(records.seeds({0: 27.0, 2: 27.1}))).marks == ("seeds 0, 2 of 0–2",)
    assert Row("bicubic", (records.make("bicubic"),)).marks == ("control",)


def test_large_files_that_an_attack_brings_are_marked(records: Records) -> None:
    brought = tuple(BundledFile(file=f"{name}.bin", size=3 << 19, sha256="0" * 64) for name in "ab")
    (mark,) = Row(
        "srresnet", tuple(changed(run, "plan.attack.files", brought) for run in records.seeds((27.0,) * 3))
    ).marks
    assert mark == "brings 2 large file(s), 3.0 MiB"


def test_a_metric_without_a_card_is_refused(records: Records) -> None:
    with pytest.raises(BoardError, match="no card of the metric 'fid'"):
        metric_card(records.make(), "fid")


def test_a_cost_to_honest_users_is_the_mean_over_seeds_of_the_mean_over_splits(records: Records) -> None:
    runs, values = records.seeds((27.0, 27.0), defense="jpeg"), {0: (0.1, 0.3), 1: (0.5, 0.9)}
    costs = {
        run.plan.seed: tuple(
            cost.model_copy(update={"value": value})
            for cost, value in zip(run.honest_cost, values[run.plan.seed], strict=True)
        )
        for run in runs
    }
    row = Row("srresnet", tuple(changed(run, "honest_cost", costs[run.plan.seed]) for run in runs))
    both, first, second = (row.honest("lpips-alex", test) for test in (None, "set5", "set14"))
    assert both is not None
    assert (both.mean, both.n) == (pytest.approx(0.45), 2)
    assert both.std == pytest.approx(math.sqrt(0.125))
    assert first is not None
    assert second is not None
    assert (first.mean, second.mean) == (pytest.approx(0.3), pytest.approx(0.6))
    assert row.honest("psnr-y") is None


def test_a_record_of_the_first_rule_is_linked_to_where_it_lies(records: Records) -> None:
    old = changed(records.make(), "id", "0123456789abcdef")
    assert old.run_name == "sr-srresnet-mini-b100-s0-01234567"
    assert Row("srresnet", (old,)).links[0].place == "records/sr-srresnet-mini-b100-s0-01234567.json"
    assert records.make().run_name == records.make().plan.run_name
