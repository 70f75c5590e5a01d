from __future__ import annotations

from collections.abc import Callable

from record_factory import Records
from site_reader import read

from gexbench.boards.curve import make_curve
from gexbench.boards.defense_picture import scatter
from gexbench.boards.rank import Table
from gexbench.boards.row import metric_card
from gexbench.boards.sheet import with_std
from gexbench.site.figures import curves, defenses, rows
from gexbench.site.source import Source

MakeSource = Callable[..., Source]


def tables_of(source: Source) -> list[Table]:
    return list(source.boards[0].tables)


def test_curves_have_the_numbers_of_a_curve(many: Source) -> None:
    figure = curves(tables_of(many))
    assert figure is not None
    curve = make_curve([r for r in many.boards[0].records if r.plan.options.get("steps") == 400 and not r.plan.defense])
    card = metric_card(many.boards[0].records[0], "psnr-y")
    cells = {row[0]: row[2:] for row in figure.numbers.sheet.rows if row[1] == "srresnet"}
    for budget in (50, 100):
        wanted = [with_std(curve.spread(budget, c, t), card) for c in ("B", "C") for t in curve.tests]
        assert list(cells[str(budget)]) == wanted


def test_a_curve_has_a_panel_a_comparison_and_split_and_tells_it_in_words(many: Source) -> None:
    figure = curves(tables_of(many))
    assert figure is not None
    told = [read(str(drawing)).words for drawing in figure.drawings]
    assert len(told) == 4
    assert "srresnet from 24.10 at 50 to 27.10 at 100" in told[0]


def test_one_budget_makes_no_curve_and_one_defense_no_scatter(source_of: MakeSource, records: Records) -> None:
    tables = tables_of(source_of(records.seeds((27.0, 27.1)) + records.seeds((26.0,), defense="jpeg")))
    assert curves(tables) is None
    assert defenses(tables) is None


def test_defenses_are_drawn_with_the_numbers_of_the_boards_picture(many: Source) -> None:
    tables = tables_of(many)
    figure, drawn = defenses(tables), scatter(tables)
    assert figure is not None
    assert drawn is not None
    assert [row[0] for row in figure.numbers.sheet.rows] == [point.defense for point in drawn.points]
    assert [row[3] for row in figure.numbers.sheet.rows] == [f"{p.harm:.4g}" for p in drawn.points]
    assert [text for _, text in figure.legend] == list(dict.fromkeys(point.defense for point in drawn.points))


def test_rows_are_drawn_with_their_intervals_and_say_so(many: Source) -> None:
    table = next(t for t in tables_of(many) if t.budget == 100 and not t.defense)
    figure = rows(table)
    assert figure is not None
    words = read(str(figure.drawings[0])).words
    assert "srresnet: 26.60 ± 0.10, 95 % CI" in words
    assert [text for _, text in figure.legend] == ["attack", "attack with too few seeds", "control"]


def test_a_table_of_one_number_is_not_drawn(source_of: MakeSource, records: Records) -> None:
    assert rows(tables_of(source_of([records.make(), records.make("victim")]))[0]) is None
