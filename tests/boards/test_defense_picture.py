from __future__ import annotations

import io
from pathlib import Path

import matplotlib
import pytest
from PIL import Image
from record_factory import Records, save

from boards.conftest import MakeBoard
from gexbench.boards.defense_picture import Scatter, draw, is_drawn, scatters
from gexbench.boards.folder import add
from gexbench.boards.publish import build, folders
from gexbench.errors import BoardError
from gexbench.record import RunRecord


def runs(records: Records) -> list[RunRecord]:
    weak = records.seeds((26.0, 26.1, 26.3), defense="jpeg")
    strong = records.seeds((24.0, 24.1, 24.3), defense="jpeg", defense_settings=("quality=5",))
    return [*records.seeds((27.0, 27.1, 27.2)), *weak, *strong]


@pytest.fixture
def drawn(records: Records, board_of: MakeBoard) -> Scatter:
    return scatters(board_of(*runs(records)))["mini"]


def test_a_point_is_an_attack_or_the_best_one_against_a_defense(drawn: Scatter) -> None:
    found = {(p.defense, p.attack): (p.loss, p.harm, p.front) for p in drawn.points}
    assert found["jpeg", "srresnet"] == (0.05, pytest.approx(0.96667, abs=1e-4), False)
    assert found["jpeg (quality=5)", ""] == (0.05, pytest.approx(2.96667, abs=1e-4), True)
    assert drawn.across == "loss of honest users: lpips-alex ↓"


def test_one_defense_makes_no_picture(records: Records, board_of: MakeBoard) -> None:
    assert scatters(board_of(*runs(records)[:6])) == {}


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_picture_is_the_same_whatever_the_users_settings(drawn: Scatter, kind: str) -> None:
    first = draw(drawn, kind)
    with matplotlib.rc_context({"lines.linewidth": 9.0, "figure.facecolor": "red", "svg.hashsalt": "mine"}):
        assert draw(drawn, kind) == first
    if kind == "png":
        with Image.open(io.BytesIO(first)) as picture:
            assert picture.width > picture.height > 300


def test_a_name_is_text_in_a_picture_and_no_formula_or_markup(drawn: Scatter) -> None:
    point = drawn.points[0].__class__("$x$ <script>", "a", 0.1, 1.0, None, None, False, True)
    text = draw(Scatter(drawn.title, drawn.across, drawn.up, False, (point,)), "svg").decode()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_check_asks_a_picture_what_it_was_drawn_of_and_not_its_pixels(
    records: Records, drawn: Scatter, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    assert not is_drawn(path, drawn)
    path.write_bytes(draw(drawn, "png"))
    assert is_drawn(path, drawn)
    path.write_bytes(path.read_bytes()[:-30])
    assert is_drawn(path, drawn)
    other = Scatter(drawn.title, drawn.across, drawn.up, drawn.mirrored, drawn.points[:-1])
    assert not is_drawn(path, other)


def test_build_draws_both_pictures_once_and_check_misses_those_of_other_records(
    records: Records, tmp_path: Path
) -> None:
    given = runs(records)
    boards = tmp_path / "boards"
    add([save(run, tmp_path / "runs") for run in given], boards, records.catalog)
    chosen = folders("sr", boards, records.catalog)
    names = ["README.md", "sr.csv", "defenses-mini.png", "defenses-mini.svg"]
    assert [(page.path.name, page.fresh) for page in build(chosen, records.catalog, False)] == [
        (name, False) for name in names
    ]
    assert all(page.fresh for page in build(chosen, records.catalog, False))
    assert "![mini, defenses](defenses-mini.png)" in (boards / "sr" / "README.md").read_text(encoding="utf-8")
    assert len(build(chosen, records.catalog, True)) == 4
    more = records.make(b=20.0, defense="jpeg", defense_settings=("quality=9",))
    add([save(more, tmp_path / "more")], boards, records.catalog)
    with pytest.raises(BoardError, match=r"defenses-mini\.png, .*defenses-mini\.svg"):
        build(chosen, records.catalog, True)
