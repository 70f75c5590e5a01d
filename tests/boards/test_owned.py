from __future__ import annotations

import csv
import io
from hashlib import sha256

import pytest
from record_factory import Records
from record_factory import owned as judged
from scipy import stats

from boards.conftest import MakeBoard
from gexbench.boards.flat import to_csv
from gexbench.boards.owned import owned, ownership_sheet
from gexbench.boards.publish import as_json
from gexbench.record import RunRecord

MANY = tuple(i / 100 for i in range(99))


def runs(records: Records, suspects: tuple[float, ...], innocents: tuple[float, ...] = MANY) -> list[RunRecord]:
    made = records.seeds((25.0, 25.1, 25.2)[: len(suspects)], defense="mark")
    return [judged(run, score, innocents) for run, score in zip(made, suspects, strict=True)]


def test_found_surrogates_are_counted_over_seeds_with_the_interval_of_clopper_and_pearson(
    records: Records, board_of: MakeBoard
) -> None:
    board = board_of(*runs(records, (9.0, 9.0, 0.1)))
    (each,) = owned(board.tables)
    assert (each.hits, len(each.verdicts), each.sane, each.alarms[1]) == (2, 3, 3, 49)
    (row,) = as_json(board)["ownership"]
    exact = stats.binomtest(2, 3).proportion_ci(method="exact")
    assert row["found_ci"] == pytest.approx([exact.low, exact.high])
    sheet = ownership_sheet("mini", board.tables)
    assert sheet is not None
    assert sheet.rows[0][:5] == ("100", "mark", "srresnet", "2/3", "9.4 … 99.2 %")


def test_auc_is_of_each_surrogate_against_innocents_under_its_own_key(records: Records, board_of: MakeBoard) -> None:
    made = records.seeds((25.0, 25.1, 25.2), defense="mark")
    scored = [(5.0, (1.0, 2.0)), (5.0, (6.0, 4.0)), (50.0, (60.0, 50.0))]
    (each,) = owned(board_of(*(judged(run, *what) for run, what in zip(made, scored, strict=True))).tables)
    assert each.auc == pytest.approx((1 + 0.5 + 0.25) / 3)


def test_an_innocent_counts_once_however_many_keys_found_it(records: Records, board_of: MakeBoard) -> None:
    made = records.seeds((25.0, 25.1, 25.2), defense="mark")
    certifying = sorted(range(99), key=lambda at: sha256(str(at).encode()).hexdigest())[1]
    loud = (*MANY[:certifying], 40.0, *MANY[certifying + 1 :])
    (each,) = owned(board_of(*(judged(run, 9.0, loud) for run in made)).tables)
    assert each.alarms == (1, 49)


def test_one_loud_key_is_an_alarm_though_the_others_are_silent(records: Records, board_of: MakeBoard) -> None:
    made = records.seeds((25.0, 25.1, 25.2), defense="mark")
    certifying = sorted(range(99), key=lambda at: sha256(str(at).encode()).hexdigest())[3]
    loud = (*MANY[:certifying], 40.0, *MANY[certifying + 1 :])
    scored = zip(made, (MANY, loud, MANY), strict=True)
    (each,) = owned(board_of(*(judged(run, 9.0, innocents) for run, innocents in scored)).tables)
    assert each.alarms[0] == 1 + owned(board_of(judged(made[0], 9.0, MANY)).tables)[0].alarms[0]


def test_what_innocents_certify_is_said(records: Records, board_of: MakeBoard) -> None:
    """600 innocents leave 300 that set no threshold; one fewer than 299 without an alarm certify no 1 %."""

    def certificate(innocents: tuple[float, ...]) -> str:
        return owned(board_of(*runs(records, (9.0,), innocents)).tables)[0].certificate

    assert certificate(MANY[:98]) == "not certifiable"
    assert certificate(MANY) == "not certified"
    assert certificate((0.5,) * 600) == "certified"
    assert certificate((0.5,) * 596) == "not certified"
    assert certificate(()) == "not certifiable"


def test_the_largest_exact_p_stands_there_where_the_test_has_one(records: Records, board_of: MakeBoard) -> None:
    made = records.seeds((25.0, 25.1), defense="mark")
    ps = (1e-9, 2e-4)
    given = [judged(run, 9.0, (), p) for run, p in zip(made, ps, strict=True)]
    sheet = ownership_sheet("mini", board_of(*given).tables)
    assert sheet is not None
    assert dict(zip([c.title for c in sheet.columns], sheet.rows[0], strict=True))["largest p"] == "2.0e-04"
    assert "—" in sheet.rows[0]


def test_attacks_that_adapt_stand_beside_the_plain_one_and_controls_last(records: Records, board_of: MakeBoard) -> None:
    names = [("bicubic", ()), ("srresnet", ("purify=jpeg",)), ("copycat", ()), ("srresnet", ())]
    given = [judged(records.make(name, defense="mark", settings=set_), 9.0, MANY) for name, set_ in names]
    labels = [each.row.label for each in owned(board_of(*given).tables)]
    assert labels == ["copycat", "srresnet", "srresnet (purify=jpeg)", "bicubic"]


def test_the_csv_holds_damage_and_rates_with_their_intervals(records: Records, board_of: MakeBoard) -> None:
    board = board_of(*records.seeds((27.0, 27.1, 27.2)), *runs(records, (9.0, 9.0, 9.0)))
    lines = list(csv.DictReader(io.StringIO(to_csv(board))))
    found = {(line["compare"], line["metric"]): line for line in lines if line["compare"] in ("damage", "ownership")}
    assert float(found["damage", "psnr-y"]["mean"]) == pytest.approx(2.0)
    assert found["ownership", "found"]["mean"] == found["ownership", "sane"]["mean"] == "1.000000"
    assert float(found["ownership", "found"]["ci_low"]) == pytest.approx(0.025 ** (1 / 3), abs=1e-6)
    assert (found["ownership", "false-alarms"]["mean"], found["ownership", "false-alarms"]["n"]) == ("0.000000", "49")


def test_a_seed_without_a_verdict_is_not_found(records: Records, board_of: MakeBoard) -> None:
    told = runs(records, (9.0, 9.0), (0.5,) * 600)
    (each,) = owned(board_of(*told, records.make(seed=2, defense="mark")).tables)
    assert (each.hits, each.n, each.sane, each.certificate) == (2, 3, 2, "not certifiable")


def test_where_no_defense_claims_there_is_no_sheet(records: Records, board_of: MakeBoard) -> None:
    assert ownership_sheet("mini", board_of(*records.seeds((25.0,), defense="jpeg")).tables) is None
