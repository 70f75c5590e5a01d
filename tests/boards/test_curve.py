"""A curve from records: gaps where runs failed, a tidy CSV, and a picture with the same bytes every time."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from unittest.mock import patch

import matplotlib
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from record_factory import Records, changed

from gexbench.boards.curve import Curve, as_json, make_curve, to_csv
from gexbench.boards.curve_picture import to_png
from gexbench.errors import BoardError
from gexbench.record import RunRecord


def runs(records: Records) -> list[RunRecord]:
    """Return records of three budgets and three seeds, in no order."""
    lows = records.seeds((20.0, 21.0, 22.0), budget="25")
    return [*records.seeds((26.0, 27.0, 28.0)), *records.seeds((24.0, 25.0, 26.0), budget="50%"), *lows]


def panels(curve: Curve) -> list[Axes]:
    """Return what is drawn, before it becomes pixels."""
    drawn: list[Figure] = []
    with patch.object(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure)):
        to_png(curve)
    return drawn[0].axes


def failed(record: RunRecord) -> RunRecord:
    return changed(record, "status", "failed")


def test_the_mean_and_spread_over_seeds_are_by_budget_comparison_and_split(records: Records) -> None:
    curve = make_curve(runs(records))
    assert (curve.budgets, curve.top, curve.shown(), curve.tests) == ((25, 50, 100), 100, ("B", "C"), ("set5", "set14"))
    found = curve.spread(50, "B", "set14")
    assert found is not None
    assert (found.mean, found.std, found.n) == (24.0, 1.0, 3)


def test_the_title_says_what_was_copied_by_what(records: Records) -> None:
    assert make_curve(runs(records)).title == "srresnet on sr@1 · mini · victim net · 3 seeds"
    changed_steps = make_curve([records.make(settings=("steps=5",))])
    assert changed_steps.title == "srresnet (steps=5) on sr@1 · mini · victim net · 1 seed"


def test_files_of_other_options_have_another_name(records: Records) -> None:
    assert make_curve(runs(records)).name == "sr-srresnet-mini-curve"
    assert make_curve([records.make(settings=("steps=5",))]).name == "sr-srresnet-steps=5-mini-curve"


def test_the_csv_has_a_line_for_every_number_and_nothing_else(records: Records) -> None:
    given = runs(records)
    lines = list(csv.DictReader(io.StringIO(to_csv(make_curve(given)))))
    assert set(lines[0]) == {"budget", "seed", "metric", "compare", "test", "value", "record"}
    assert len(lines) == sum(len(record.scores) for record in given) == 9 * 12
    keys = [tuple(line[key] for key in ("budget", "seed", "metric", "compare", "test")) for line in lines]
    assert len(set(keys)) == len(keys)
    one = next(line for line, key in zip(lines, keys, strict=True) if key == ("50", "2", "psnr-y", "B", "set14"))
    assert (float(one["value"]), one["record"]) == (25.0, given[5].id)


def test_a_value_keeps_all_its_digits(records: Records) -> None:
    value = 27.0 + 1.0 / 3.0
    text = to_csv(make_curve([records.make(b=value)]))
    assert f",psnr-y,B,set5,{value!r}," in text


def test_the_order_in_which_records_come_is_of_no_account(records: Records) -> None:
    given = runs(records)
    one, other = make_curve(given), make_curve(reversed(given))
    assert to_csv(one) == to_csv(other)
    assert to_png(one) == to_png(other)


def test_the_picture_is_the_same_whatever_the_users_settings(records: Records) -> None:
    curve = make_curve(runs(records))
    first = to_png(curve)
    with matplotlib.rc_context({"lines.linewidth": 9.0, "figure.facecolor": "red", "savefig.dpi": 20}):
        assert to_png(curve) == first
        assert matplotlib.rcParams["lines.linewidth"] == 9.0
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height > 300
        assert set(picture.info) <= {"dpi"}


def test_a_panel_is_drawn_for_both_comparisons_and_a_line_for_every_split(records: Records) -> None:
    b, c = panels(make_curve(runs(records)))
    assert [axes.get_title() for axes in (b, c)] == ["B  surrogate / victim", "C  surrogate / truth"]
    assert [line.get_label() for line in b.get_lines()] == ["set5", "set14"]
    assert list(b.get_lines()[0].get_ydata()) == [21.0, 25.0, 27.0]
    assert list(c.get_lines()[1].get_ydata()) == [24.0, 24.0, 24.0]
    assert [tick.get_text() for tick in b.get_xticklabels()] == ["25\n25 %", "50\n50 %", "100\n100 %"]
    assert b.get_ylabel() == "psnr-y, dB ↑"


def test_budgets_that_span_a_decade_stand_on_a_logarithmic_axis(records: Records) -> None:
    near, far = (panels(make_curve([records.make(), records.make(budget=low)]))[0] for low in ("11", "10"))
    assert (near.get_xscale(), near.get_xlim()[0]) == ("linear", 0.0)
    assert far.get_xscale() == "log"
    assert [tick.get_text() for tick in far.get_xticklabels()] == ["10\n10 %", "100\n100 %"]


def test_band_and_points_show_the_seeds(records: Records) -> None:
    b, _ = panels(make_curve(runs(records)))
    band, points = b.collections[:2]
    assert {20.0, 22.0, 24.0, 26.0, 28.0} <= {float(y) for y in band.get_paths()[0].vertices[:, 1]}
    assert sorted(float(y) for y in points.get_offsets()[:, 1]) == [
        20.0,
        21.0,
        22.0,
        24.0,
        25.0,
        26.0,
        26.0,
        27.0,
        28.0,
    ]


def test_one_seed_has_no_band(records: Records) -> None:
    b, _ = panels(make_curve([records.make(), records.make(budget="50")]))
    assert b.collections[0].get_paths() == []


def test_a_failed_run_leaves_a_gap_and_the_others_count(records: Records) -> None:
    some = runs(records)
    curve = make_curve([failed(run) if run.plan.budget == 50 or run.plan.seed == 1 else run for run in some])
    assert curve.budgets == (25, 50, 100)
    assert curve.spread(50, "B", "set5") is None
    found = curve.spread(25, "B", "set5")
    assert found is not None
    assert (found.mean, found.n) == (21.0, 2)
    low, middle, high = panels(curve)[0].get_lines()[0].get_ydata()
    assert (low, math.isnan(middle), high) == (21.0, True, 27.0)


def test_a_run_that_never_began_and_so_knows_no_data_is_a_gap(records: Records) -> None:
    lost = changed(failed(records.make(budget="50", seed=1)), "provenance.dataset", "")
    curve = make_curve([*records.seeds((24.0, 25.0)), lost, records.make(budget="50")])
    assert {budget: row.seeds for budget, row in curve.rows.items()} == {50: (0,), 100: (0, 1)}


def test_files_and_title_name_the_defense(records: Records) -> None:
    curve = make_curve([records.make(defense="jpeg", defense_settings=("quality=5",), settings=("steps=5",))])
    assert curve.name == "sr-srresnet-steps=5-jpeg-quality=5-mini-curve"
    assert "on sr@1 against jpeg (quality=5) · mini" in curve.title
    assert as_json(curve)["defense"] == "jpeg (quality=5)"


def test_where_all_runs_failed_there_is_nothing_to_draw(records: Records) -> None:
    curve = make_curve([failed(records.make())])
    assert (curve.shown(), to_csv(curve).count("\n")) == ((), 1)
    with pytest.raises(BoardError, match="nothing to draw"):
        to_png(curve)


def test_the_victim_has_no_fidelity_and_so_one_panel(records: Records) -> None:
    curve = make_curve([records.make("victim")])
    assert [axes.get_title() for axes in panels(curve)] == ["C  surrogate / truth"]


def test_infinite_values_are_kept_but_not_drawn(records: Records) -> None:
    curve = make_curve([records.make(b=math.inf), records.make(b=27.0, budget="50")])
    assert ",psnr-y,B,set5,inf," in to_csv(curve)
    assert curve.marks == ("infinite values are not drawn",)
    low, high = panels(curve)[0].get_lines()[0].get_ydata()
    assert (low, math.isnan(high)) == (27.0, True)
    assert {"mean": "Infinity"}.items() <= as_json(curve)["means"][-4].items()


def test_what_to_know_before_trusting_it_is_said(records: Records) -> None:
    bare, cheat = changed(records.make(), "isolation", "process"), changed(records.make(), "incidents", ("looked",))
    assert make_curve([bare]).marks == ("unsandboxed",)
    assert make_curve([cheat]).marks == ("incidents happened",)
    assert make_curve(runs(records)).marks == ()


def strangers(records: Records) -> Iterator[RunRecord]:
    yield records.make(settings=("steps=5",), budget="50")
    yield records.make("bicubic", budget="50")
    yield changed(records.make(budget="50"), "plan.victim_weights", "others")
    yield changed(records.make(budget="50"), "scores", changed_passport(records.make()).scores)
    yield records.make(budget="50", defense="jpeg")


def changed_passport(record: RunRecord) -> RunRecord:
    other = record.scores[0].passport.model_copy(update={"precision": "float32"})
    return changed(record, "scores", tuple(s.model_copy(update={"passport": other}) for s in record.scores))


@pytest.mark.parametrize("number", range(5), ids=["options", "attack", "victim", "passport", "defense"])
def test_records_that_differ_in_more_than_budget_and_seed_are_refused(records: Records, number: int) -> None:
    with pytest.raises(BoardError, match="cannot stand on this curve"):
        make_curve([records.make(), list(strangers(records))[number]])


def test_no_record_makes_no_curve() -> None:
    with pytest.raises(BoardError, match="at least one record"):
        make_curve([])


def test_a_hundred_per_cent_is_the_ranked_budget_where_that_is_not_the_last(records: Records) -> None:
    card = records.folder / "tasks" / "sr.toml"
    card.write_text(card.read_text().replace("budgets = [50, 100]", "budgets = [50, 100]\nranked = 50"))
    curve = make_curve([records.make(budget="50"), records.make(budget="100")])
    assert curve.top == 50
    labels = [tick.get_text() for tick in panels(curve)[0].get_xticklabels()]
    assert labels == ["50\n100 %", "100\n200 %"]
