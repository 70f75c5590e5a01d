from __future__ import annotations

from site_reader import Read

from gexbench.cards.schema import AttackCard, DefenseCard, MetricCard, VictimCard
from gexbench.site.card_page import _results
from gexbench.site.source import Source


def cells(source: Source, kind: type, name: str, at: int = 0) -> list[tuple[str, ...]]:
    return list(_results(source, source.cards[kind][name])[at].sheet.rows)


def test_an_attack_shows_its_options_and_its_rows_everywhere(found: dict[str, Read], many: Source) -> None:
    words = found["attacks/srresnet.html"].words
    assert "steps steps int 400" in words
    rows = cells(many, AttackCard, "srresnet")
    first = ("sr@1", "mini", "100", "none", "srresnet", "1", "26.60 ± 0.10 (B psnr-y ↑)", "3", "2026-01-01")
    assert first in rows
    assert {row[3] for row in rows} == {"none", "jpeg", "jpeg (quality=10)", "mark"}


def test_a_defense_shows_what_it_takes_and_what_it_costs(many: Source) -> None:
    rows = cells(many, DefenseCard, "jpeg")
    assert [row[3:5] for row in rows] == [("jpeg (quality=10)", "srresnet"), ("jpeg", "srresnet")]
    assert rows[0][7].startswith("4.00 (")
    assert rows[0][8] == "lpips-alex ↓ 0.0500"


def test_a_victim_shows_how_good_it_is_and_its_copies(many: Source) -> None:
    assert cells(many, VictimCard, "net")[0] == ("sr@1", "mini", "psnr-y, dB ↑", "set5 30.00, set14 29.00")
    assert len(cells(many, VictimCard, "net", 1)) == len(many.spots)


def test_a_metric_shows_b_of_every_row_and_no_c_over_several_splits(many: Source) -> None:
    rows = cells(many, MetricCard, "lpips-alex")
    assert {row[7] for row in rows} == {"—"}
    assert {row[6] for row in rows} == {"0.1000", "—"}


def test_a_card_without_records_says_so(found: dict[str, Read]) -> None:
    assert "attacks/copycat.html" in found
    assert "version 1" in found["metrics/psnr-y.html"].words


def test_every_kind_has_its_list(found: dict[str, Read]) -> None:
    for kind in ("attacks", "defenses", "victims", "metrics", "datasets"):
        assert f"{kind}/index.html" in found
    assert "../attacks/srresnet.html" in found["attacks/index.html"].links
