"""The pair tests of the reference figures come out of the boards' records."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.boards.compare import Question, contest, contests
from gexbench.boards.rank import Board, make_board
from gexbench.boards.side import Number
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import packaged_root
from gexbench.record import read_record

LEADERBOARDS = Path(__file__).resolve().parents[2] / "leaderboards"


def board_of(name: str) -> Board:
    records = [read_record(path) for path in sorted((LEADERBOARDS / name / "records").glob("*-mini-*.json"))]
    card = Catalog((packaged_root(),)).get(BoardCard, name)
    return make_board(card, records[0].plan.task, records, frozenset())


@pytest.fixture(scope="module")
def sr() -> Question:
    return Question(board_of("sr"), "mini", Number("psnr-y", "B"), 0.1)


def half(ends: tuple[float, float] | None) -> float:
    assert ends is not None
    return (ends[1] - ends[0]) / 2


def test_against_jpeg_pairs_of_seeds_say_eight_times_as_much(sr: Question) -> None:
    from gexbench.boards.pair_tests import welch

    found = contest(sr, "srresnet against jpeg", "srresnet")
    unpaired = welch(*(list(values.values()) for values in found.values))
    assert half(unpaired.interval()) == pytest.approx(0.345, abs=5e-4)
    assert half(found.test.interval()) == pytest.approx(0.0442, abs=5e-5)
    assert found.test.correlation == pytest.approx(0.998, abs=5e-4)
    assert found.answer == "equivalent"


def test_gaussian_noise_helps_who_copies_and_pairs_of_seeds_show_it(sr: Question) -> None:
    from gexbench.boards.pair_tests import welch

    found = contest(sr, "srresnet against gaussian-noise", "srresnet")
    unpaired = welch(*(list(values.values()) for values in found.values))
    assert found.test.value == pytest.approx(0.48, abs=5e-3)
    assert (found.test.p, unpaired.p) == (pytest.approx(0.015, abs=5e-4), pytest.approx(0.063, abs=5e-4))
    assert found.test.sign_flip == 0.0625
    assert found.better is found.a


@pytest.mark.parametrize(
    ("board", "metric", "apart"),
    [
        ("monet2photo", "lpips-alex", 6),
        ("selfie2anime", "lpips-alex", 6),
        ("monet2photo", "fid", 5),
        ("selfie2anime", "fid", 5),
    ],
)
def test_of_six_pairs_of_translating_attacks_lpips_tells_all_apart_and_fid_five(
    board: str, metric: str, apart: int
) -> None:
    found = contests(Question(board_of(board), "mini", Number(metric, "B")))
    assert (len(found), sum(each.answer == "different" for each in found)) == (6, apart)
    assert {each.test.way for each in found} == {"welch"}
