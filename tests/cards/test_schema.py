"""Cards of today read what cards and records of before say."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog, check
from gexbench.cards.prose import bare
from gexbench.cards.schema import AttackCard, DatasetCard, DefenseCard, MetricCard, VictimCard
from gexbench.errors import CardError
from gexbench.record import read_record

RECORDS = sorted(Path(__file__).resolve().parents[2].glob("leaderboards/*/records/*.json"))


def test_a_metric_card_in_the_first_words_is_read_in_those_of_today() -> None:
    card = Catalog.load().get(MetricCard, "memorisation")
    assert card.against == "queried"
    assert MetricCard.model_validate({**card.model_dump(), "against": "bought"}) == card


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_on_a_board_is_read_and_keeps_the_id_of_its_plan(path: Path) -> None:
    record = read_record(path)
    assert record.id in (record.plan.id, record.plan.former_id)


ATTACK = {"name": "me/mine", "summary": "Mine.", "entry": "mine:Mine"}
STEPS = {"type": "int", "default": 1, "help": "steps"}


@pytest.mark.parametrize(
    ("place", "table"),
    [
        ("summary", {"summary": "Mine \x1b[31mred."}),
        ("summary", {"summary": "Two\nlines."}),
        ("summary", {"summary": "Reversed \u202egnihton."}),
        ("note", {"note": "A bell \x07."}),
        ("source", {"source": "\x9b31m"}),
        ("name", {"name": "me/mine\n"}),
        ("name", {"name": "me/" + "x" * 100}),
        ("options.steps.help", {"options": {"steps": {**STEPS, "help": "steps\r"}}}),
        ("options.loss.choices.0", {"options": {"loss": {**STEPS, "type": "str", "choices": ("\u200b",)}}}),
        ("options.\\?", {"options": {"\x1b": STEPS}}),
    ],
)
def test_text_with_characters_that_do_something_is_refused_in_one_line(place: str, table: dict[str, object]) -> None:
    with pytest.raises(CardError, match=f"^card.toml: {place}[:.]") as refused:
        check(AttackCard, {**ATTACK, **table}, Path("card.toml"))
    assert str(refused.value).isprintable()


def test_a_note_may_have_several_lines_of_any_language() -> None:
    assert check(AttackCard, {**ATTACK, "note": "One.\n\tZwölf.\n漢字 ∞"}, Path("card.toml")).note.count("\n") == 2


@pytest.mark.parametrize(
    "path", ["../up", "a/../../up", "/etc/passwd", "~/keys", "C:/keys", "..\\up", "a\\..\\up", "\\\\host\\share", ".."]
)
def test_a_path_on_a_card_stays_below_its_folder(path: str) -> None:
    victim, data = Catalog.load().get(VictimCard, "srgan-mini"), Catalog.load().get(DatasetCard, "photos-mini")
    assert victim.weights is not None
    weights = {**victim.model_dump(), "weights": {"file": path, "sha256": victim.weights.sha256}}
    owner = {**data.model_dump()["splits"], "owner": {"within": "data", "files": (path,)}}
    for kind, table in ((VictimCard, weights), (DatasetCard, {**data.model_dump(), "splits": owner})):
        with pytest.raises(CardError, match="must be a relative path below its folder"):
            check(kind, table, Path("card.toml"))


def test_a_path_with_dots_in_its_names_is_one_below_its_folder() -> None:
    data = Catalog.load().get(DatasetCard, "photos-mini").model_dump()
    owner = {**data["splits"], "owner": {"within": "data", "files": ("a/..b/c..d/...png",)}}
    assert check(DatasetCard, {**data, "splits": owner}, Path("card.toml")).splits.owner.files == ("a/..b/c..d/...png",)


@pytest.mark.parametrize("test", ["", "a b", "../x", "=1+1", "\x1b", "x" * 65])
def test_a_test_split_has_a_plain_name(test: str) -> None:
    data = Catalog.load().get(DatasetCard, "photos-mini").model_dump()
    splits = {**data["splits"], "test": {test: {"within": "data", "files": ("a",)}}}
    with pytest.raises(CardError, match="String should"):
        check(DatasetCard, {**data, "splits": splits}, Path("card.toml"))


def test_a_defenses_presets_name_options_of_its_own_and_touch_no_number() -> None:
    card = {**ATTACK, "options": {"steps": STEPS}}
    made = check(DefenseCard, {**card, "sweep": {"steps": [1, 2, 4]}}, Path("card.toml"))
    assert made.sweep == {"steps": (1, 2, 4)}
    assert bare(made) == bare(check(DefenseCard, card, Path("card.toml")))
    with pytest.raises(CardError, match="sweep names 'stops', which is no option"):
        check(DefenseCard, {**card, "sweep": {"stops": [1]}}, Path("card.toml"))


def test_a_defense_that_reads_assets_prepares() -> None:
    assert check(DefenseCard, {**ATTACK, "prepares": True, "assets": ["vgg"]}, Path("card.toml")).assets == ("vgg",)
    with pytest.raises(CardError, match="assets are for what prepares: say prepares = true"):
        check(DefenseCard, {**ATTACK, "assets": ["vgg"]}, Path("card.toml"))


def test_a_board_takes_no_version_before_it_was_made() -> None:
    columns = [{"metric": "fid", "compare": "B"}]
    with pytest.raises(ValidationError, match=r"since\.small is later than t@2"):
        BoardCard.model_validate(
            {"name": "b", "summary": "A board.", "task": "t@2", "columns": columns, "since": {"mini": 1, "small": 3}}
        )
