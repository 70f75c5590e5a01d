"""The catalog: broken cards are one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import named_root, packaged_root
from gexbench.cards.schema import AttackCard, DatasetCard, DefenseCard, MetricCard
from gexbench.errors import CardError
from gexbench.plan import Request

ATTACK = 'name = "me/mine"\nsummary = "Mine."\nentry = "mine:Mine"\n'


def catalog(folder: Path) -> Catalog:
    return Catalog((packaged_root(), named_root(folder)))


def put(folder: Path, text: str, file: str = "attacks/mine.toml") -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_of_cards_joins_the_registry(tmp_path: Path) -> None:
    put(tmp_path, ATTACK)
    found = catalog(tmp_path).filed(AttackCard, "me/mine")
    assert found.root.code == tmp_path
    assert "srresnet" in catalog(tmp_path).all(AttackCard)


def test_a_submission_folder_holds_one_card(tmp_path: Path) -> None:
    put(tmp_path, "[attack]\n" + ATTACK, "card.toml")
    assert catalog(tmp_path).get(AttackCard, "me/mine").summary == "Mine."
    assert set(catalog(tmp_path).all(DefenseCard)) == {"gaussian-noise", "jpeg"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'me/mine", "not valid TOML"),
        (ATTACK + "sumary = 'x'\n", "sumary"),
        (ATTACK.replace('"Mine."', "3"), "summary.*string.*3"),
        (ATTACK.replace("mine:Mine", "no colon"), "entry"),
        (ATTACK.replace("me/mine", "Me/Mine"), "name"),
        (ATTACK.replace("me/mine", "mine"), "needs a namespace"),
        (ATTACK.replace("me/mine", "me/other"), "holds the card 'me/other'"),
        ('name = "me/mine"\nsummary = "Mine."\n', "entry"),
        ("\xff", "cannot read|not valid|name"),
    ],
)
def test_a_broken_card_is_refused_with_its_path(tmp_path: Path, text: str, message: str) -> None:
    path = put(tmp_path, text)
    with pytest.raises(CardError, match=message) as caught:
        catalog(tmp_path).all(AttackCard)
    assert str(path) in str(caught.value)


def test_an_unknown_key_is_met_with_the_nearest(tmp_path: Path) -> None:
    put(tmp_path, ATTACK + "sumary = 'x'\n")
    with pytest.raises(CardError) as caught:
        catalog(tmp_path).all(AttackCard)
    assert "summary" in caught.value.hint


def test_a_name_given_twice_names_both_places(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = put(one, ATTACK), put(two, ATTACK)
    with pytest.raises(CardError, match="twice") as caught:
        Catalog((named_root(one), named_root(two))).all(AttackCard)
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_a_folder_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "cards", ATTACK)
    (tmp_path / "link").symlink_to("cards")
    monkeypatch.chdir(tmp_path)
    found = Catalog.load([Path("cards"), tmp_path / "cards", Path("./link")]).filed(AttackCard, "me/mine")
    assert (found.root.origin, found.root.path) == ("cards", (tmp_path / "cards").resolve())


def test_an_attack_given_as_a_folder_that_is_named_too_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "x", "[attack]\n" + ATTACK, "card.toml")
    (tmp_path / "x" / "mine.py").write_text("class Mine: ...\n")
    monkeypatch.chdir(tmp_path)
    _, plan = bench.prepare(Request("sr", "./x", folders=(tmp_path / "x",)))
    assert plan.attack.name == "me/mine"


def test_a_metric_from_outside_cannot_bring_code(tmp_path: Path) -> None:
    own = packaged_root().path / "metrics" / "psnr-y.toml"
    text = own.read_text(encoding="utf-8").replace('"psnr-y"', '"me/psnr"', 1)
    put(tmp_path, text.replace("gexbench.metrics.pixel:", "mine:"), "metrics/psnr.toml")
    with pytest.raises(CardError, match="beside the test data"):
        catalog(tmp_path).all(MetricCard)


def test_a_reader_from_outside_cannot_bring_code(tmp_path: Path) -> None:
    own = packaged_root().path / "datasets" / "photos-mini.toml"
    text = own.read_text(encoding="utf-8").replace('"photos-mini"', '"me/photos"', 1)
    put(tmp_path, text.replace("gexbench.datasets.photos:", "mine:"), "datasets/photos.toml")
    with pytest.raises(CardError, match="beside the test data"):
        catalog(tmp_path).all(DatasetCard)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="no folder of cards"):
        named_root(tmp_path / "nowhere")


def test_a_missing_card_is_met_with_the_nearest() -> None:
    with pytest.raises(CardError, match="no attack named 'srresnett'") as caught:
        Catalog((packaged_root(),)).get(AttackCard, "srresnett")
    assert "srresnet" in caught.value.hint


@pytest.mark.parametrize("line", ["floor = true", "paired = true"])
def test_only_a_metric_of_sets_without_a_floor_is_held_against_something_else(tmp_path: Path, line: str) -> None:
    text = (packaged_root().path / "metrics" / "figure-share.toml").read_text(encoding="utf-8")
    text = text.replace("paired = false\n", "" if "paired" in line else "paired = false\n")
    features = 'features = "figure-kinds"\n'
    text = text.replace(features, f"{line}\n" if "paired" in line else f"{features}{line}\n")
    put(tmp_path, text.replace('"figure-share"', '"me/share"', 1), "metrics/share.toml")
    with pytest.raises(CardError, match="is for metrics of sets"):
        catalog(tmp_path).all(MetricCard)
